"""Who has an address: what ARP and IPv6 neighbour discovery ask, what whoever has it would answer, and what it says.

Not known of anybody is whether it is a router. An advertisement says that, and to say of a router that it is none takes
it from those that hosts use (RFC 4861, section 7.2.5). They know routers by link-local addresses, and so by none that
may be asked for here.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from flowvisor.openflow.checksum import internet_checksum
from flowvisor.openflow.fields import (
    ETH_TYPE_ARP,
    ETH_TYPE_IPV6,
    IP_PROTO_ICMPV6,
    ND_ADVERT,
    ND_SOLICIT,
)
from flowvisor.openflow.packet import ETHERNET_LENGTH, parse_packet

BROADCAST: Final = 0xFFFF_FFFF_FFFF
ARP_REQUEST: Final = 1
ARP_REPLY: Final = 2

_GROUP_BIT: Final = 1 << 40  # of a MAC address that is not one machine's
_LOW_24: Final = 0xFF_FFFF
_SOLICITED_NODE_MAC: Final = 0x3333_FF00_0000
_SOLICITED_NODE: Final = 0xFF02 << 112 | 0x1_FF00_0000  # RFC 4291, section 2.7.1
_ALL_NODES_MAC: Final = 0x3333_0000_0001
_ALL_NODES: Final = 0xFF02 << 112 | 1
_LINK_LOCAL: Final = 0xFE80 >> 6  # the first ten bits
_MULTICAST: Final = 0xFF  # the first eight
_LOOPBACK: Final = 127
_FIRST_GROUP_OF_IPV4: Final = 224  # class D, and E behind it
# By the message, the fields that say who has sent it, and where that is.
_NAMED_BY: Final = {ND_SOLICIT: ("ipv6_src", "ipv6_nd_sll"), ND_ADVERT: ("ipv6_nd_target", "ipv6_nd_tll")}

_NOT_FORWARDED: Final = 255  # hops: what has passed a router has fewer (RFC 4861, section 7.1.1)
_SOLICITED: Final = 0x4000_0000
_OVERRIDE: Final = 0x2000_0000
_TARGET_LINK_LAYER: Final = b"\x02\x01"

_ARP: Final = Struct("!6s6sH HHBBH 6sI6sI")
_IPV6: Final = Struct("!6s6sH IHBB16s16s")
_ADVERT: Final = Struct("!BBHI16s2s6s")
_PSEUDO_HEADER: Final = Struct("!16s16sII")
_ICMP_AT: Final = ETHERNET_LENGTH + 40
_NEXT_HEADER_AT: Final = ETHERNET_LENGTH + 6
_HOPS_AT: Final = ETHERNET_LENGTH + 7
_LENGTH_AT: Final = slice(ETHERNET_LENGTH + 4, ETHERNET_LENGTH + 6)


class Question(NamedTuple):
    """Who has this address? `mac` and `ip` are those of who asks; it has no `ip` yet if that is 0."""

    eth_type: int
    address: int
    mac: int
    ip: int


class Neighbour(NamedTuple):
    """Who says that it has an address, and is at this MAC address."""

    eth_type: int
    address: int
    mac: int


def solicited_node_mac(ipv6: int) -> int:
    """Where to it is asked who has an IPv6 address (RFC 4291, section 2.7.1, and RFC 2464, section 7)."""
    return _SOLICITED_NODE_MAC | ipv6 & _LOW_24


def may_be_a_routers(ipv6: int) -> bool:
    """Whether hosts may know a router by this address."""
    return ipv6 >> 118 == _LINK_LOCAL


def question_in(packet: bytes) -> Question | None:
    """What an untagged packet asks everybody; None if it does not, or not as the specifications have it."""
    fields, is_cut = parse_packet(packet)
    if is_cut:
        return None
    if fields.get("arp_op") == ARP_REQUEST:
        question = Question(ETH_TYPE_ARP, fields["arp_tpa"], fields["arp_sha"], fields["arp_spa"])
    elif fields.get("icmpv6_type") == ND_SOLICIT and _asks_everybody(fields) and _is_sound(packet, fields):
        mac = fields.get("ipv6_nd_sll", fields["eth_src"])
        question = Question(ETH_TYPE_IPV6, fields["ipv6_nd_target"], mac, fields["ipv6_src"])
    else:
        return None
    return question if _is_machines(question.mac) else None


def neighbour_in(packet: bytes) -> Neighbour | None:
    """Who an untagged packet that asks or answers says that it is from; None if that is not to be believed."""
    fields, is_cut = parse_packet(packet)
    if is_cut:
        return None
    if "arp_op" in fields:
        said = Neighbour(ETH_TYPE_ARP, fields["arp_spa"], fields["arp_sha"])
        is_good = 0 < said.address >> 24 < _FIRST_GROUP_OF_IPV4 and said.address >> 24 != _LOOPBACK
    else:
        address, mac = _NAMED_BY.get(fields.get("icmpv6_type", 0), ("", ""))
        if address not in fields or mac not in fields:
            return None
        said = Neighbour(ETH_TYPE_IPV6, fields[address], fields[mac])
        is_good = said.address > 1 and not may_be_a_routers(said.address) and _is_sound(packet, fields)
        is_good = is_good and said.address >> 120 != _MULTICAST
    return said if is_good and said.mac == fields["eth_src"] and _is_machines(said.mac) else None


def _is_machines(mac: int) -> bool:
    return bool(mac) and not mac & _GROUP_BIT


def _asks_everybody(fields: dict[str, int]) -> bool:
    """Who has no address yet asks the group of the one that it would like to have, and does not say where it is."""
    return (
        fields["ipv6_dst"] == _SOLICITED_NODE | fields["ipv6_nd_target"] & _LOW_24
        and fields["ipv6_src"] >> 120 != _MULTICAST
        and (fields["ipv6_src"] != 0 or "ipv6_nd_sll" not in fields)
    )


def _is_sound(packet: bytes, fields: dict[str, int]) -> bool:
    """What is to be seen to of each message of neighbour discovery (RFC 4861, sections 7.1.1 and 7.1.2)."""
    end = _ICMP_AT + int.from_bytes(packet[_LENGTH_AT], "big")
    return (
        packet[_NEXT_HEADER_AT] == IP_PROTO_ICMPV6
        and packet[_HOPS_AT] == _NOT_FORWARDED
        and fields["icmpv6_code"] == 0
        and len(packet) >= end
        and _icmpv6_checksum(fields["ipv6_src"], fields["ipv6_dst"], packet[_ICMP_AT:end]) == 0
    )


def answer_to(question: Question, mac: int) -> bytes:
    """The packet by which whoever has the address, and this MAC address, answers."""
    if question.eth_type == ETH_TYPE_ARP:
        return _arp_reply(question, mac)
    return _advertisement(question, mac)


def _arp_reply(question: Question, mac: int) -> bytes:
    asker, own = question.mac.to_bytes(6, "big"), mac.to_bytes(6, "big")
    head = (1, 0x0800, 6, 4, ARP_REPLY)
    return _ARP.pack(asker, own, ETH_TYPE_ARP, *head, own, question.address, asker, question.ip)


def _advertisement(question: Question, mac: int) -> bytes:
    to_mac, to, flags = question.mac, question.ip, _SOLICITED | _OVERRIDE
    if question.ip == 0:  # it is told everybody, for it has no address to be told by
        to_mac, to, flags = _ALL_NODES_MAC, _ALL_NODES, _OVERRIDE
    own, address = mac.to_bytes(6, "big"), question.address.to_bytes(16, "big")

    def message(checksum: int) -> bytes:
        return _ADVERT.pack(ND_ADVERT, 0, checksum, flags, address, _TARGET_LINK_LAYER, own)

    told = message(_icmpv6_checksum(question.address, to, message(0)))
    head = _IPV6.pack(
        to_mac.to_bytes(6, "big"),
        own,
        ETH_TYPE_IPV6,
        6 << 28,
        len(told),
        IP_PROTO_ICMPV6,
        _NOT_FORWARDED,
        address,
        to.to_bytes(16, "big"),
    )
    return head + told


def _icmpv6_checksum(source: int, target: int, message: bytes) -> int:
    """Of a message in which its place is zero; 0 if it is in it and right."""
    addresses = (source.to_bytes(16, "big"), target.to_bytes(16, "big"))
    return internet_checksum(_PSEUDO_HEADER.pack(*addresses, len(message), IP_PROTO_ICMPV6) + message)
