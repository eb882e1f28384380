"""Actions that change a packet, applied to its bytes, with the checksums kept as right as they were.

A field that the packet does not have is not set, a header that it does not have is not removed: the packet
stays as it is. Controllers are told of such actions when they send them, not when a packet comes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from flowvisor.emulation import tags
from flowvisor.emulation.checksums import correct_at, correct_upper, crc32c, has_pseudo_header
from flowvisor.errors import FlowVisorError
from flowvisor.openflow import actions
from flowvisor.openflow.fields import (
    ETH_TYPE_IPV4,
    ETH_TYPE_IPV6,
    IP_PROTO_SCTP,
    IP_PROTO_TCP,
    IP_PROTO_UDP,
)
from flowvisor.openflow.packet import EXTHDR_ROUTER, after_tags, parse, upper_layer


class InvalidTtl(FlowVisorError):
    """A TTL was to be decremented to zero (reason OFPR_INVALID_TTL)."""


class Layers(NamedTuple):
    """Where a packet's headers lie; `upper` is None where there is nothing above IP to be read."""

    eth_type: int
    network: int
    protocol: int = -1
    upper: int | None = None
    end: int = 0
    exthdr: int = 0
    is_fragment: bool = False


def layers_of(packet: bytes) -> Layers:
    """Find the headers of a packet."""
    eth_type, at = after_tags(packet)
    if eth_type == ETH_TYPE_IPV4 and len(packet) >= at + 20:
        fragment = int.from_bytes(packet[at + 6 : at + 8], "big") & 0x3FFF
        upper = at + ((packet[at] & 15) << 2)
        end = min(len(packet), at + int.from_bytes(packet[at + 2 : at + 4], "big"))
        is_later = fragment & 0x1FFF
        return Layers(
            eth_type, at, packet[at + 9], None if is_later else upper, end, is_fragment=bool(fragment)
        )
    if eth_type == ETH_TYPE_IPV6 and len(packet) >= at + 40:
        end = min(len(packet), at + 40 + int.from_bytes(packet[at + 4 : at + 6], "big"))
        protocol, last, exthdr, _ = upper_layer(packet, at + 40, end, packet[at + 6])
        return Layers(eth_type, at, protocol, last, end, exthdr, is_fragment=bool(exthdr & 1 << 4))
    return Layers(eth_type or 0, at)


def _put(packet: bytearray, at: int, new: bytes, base: int) -> tuple[bytes, bytes]:
    """Write `new` at `at`; return the 16-bit words, counted from `base`, before and after, for checksums."""
    start = at - (at - base) % 2
    stop = at + len(new)
    stop += (stop - base) % 2
    old = bytes(packet[start:stop])
    packet[at : at + len(new)] = new
    return old, bytes(packet[start:stop])


def _put_network(packet: bytearray, layers: Layers, at: int, new: bytes, *, in_pseudo_header: bool) -> None:
    """Write into the header of IP and correct the checksums that cover it."""
    words = _put(packet, layers.network + at, new, layers.network)
    if layers.eth_type == ETH_TYPE_IPV4:
        correct_at(packet, layers.network + 10, *words)
    if in_pseudo_header and layers.upper is not None and has_pseudo_header(layers.eth_type, layers.protocol):
        correct_upper(packet, layers.upper, layers.protocol, *words)


def _put_upper(packet: bytearray, layers: Layers, at: int, new: bytes) -> None:
    """Write into the header above IP and correct its checksum."""
    assert layers.upper is not None
    if layers.protocol == IP_PROTO_SCTP:
        _put_sctp(packet, layers, layers.upper + at, new)
        return
    words = _put(packet, layers.upper + at, new, layers.upper)
    correct_upper(packet, layers.upper, layers.protocol, *words)


def _put_sctp(packet: bytearray, layers: Layers, at: int, new: bytes) -> None:
    """SCTP's checksum covers all of it: in a fragment it cannot be known; a wrong one stays as wrong."""
    assert layers.upper is not None
    checksum = slice(layers.upper + 8, layers.upper + 12)

    def right_checksum() -> int:
        body = packet[layers.upper : layers.end]
        body[8:12] = bytes(4)
        return int.from_bytes(crc32c(bytes(body)).to_bytes(4, "little"), "big")

    before = right_checksum()
    packet[at : at + len(new)] = new
    if not layers.is_fragment and layers.end >= layers.upper + 12:
        seen = int.from_bytes(packet[checksum], "big")
        packet[checksum] = (seen ^ before ^ right_checksum()).to_bytes(4, "big")


# Fields that are whole bytes of one header: (offset in it, length).
_ETHERNET: Final = {"eth_dst": (0, 6), "eth_src": (6, 6)}
_ADDRESSES: Final = {"ipv4_src": (12, 4), "ipv4_dst": (16, 4), "ipv6_src": (8, 16), "ipv6_dst": (24, 16)}
_PLAIN: Final = {  # no checksum covers them
    **{"arp_op": (6, 2), "arp_sha": (8, 6), "arp_spa": (14, 4), "arp_tha": (18, 6), "arp_tpa": (24, 4)},
    "pbb_isid": (1, 3),
}
_UPPER: Final = {
    **{f"{protocol}_src": (0, 2) for protocol in ("tcp", "udp", "sctp")},
    **{f"{protocol}_dst": (2, 2) for protocol in ("tcp", "udp", "sctp")},
    **{f"icmpv{version}_type": (0, 1) for version in (4, 6)},
    **{f"icmpv{version}_code": (1, 1) for version in (4, 6)},
    "ipv6_nd_target": (8, 16),
}
_LABEL_BITS: Final = {"mpls_label": (12, 0xFFFFF), "mpls_tc": (9, 7), "mpls_bos": (8, 1)}
_ND_OPTIONS: Final = {"ipv6_nd_sll": 1, "ipv6_nd_tll": 2}


def set_field(packet: bytes, name: str, value: int) -> bytes:
    """The packet with this field set, if it has the field."""
    if name == "vlan_vid":
        return tags.set_existing_vlan(packet, vid=value)
    if name == "vlan_pcp":
        return tags.set_existing_vlan(packet, pcp=value)
    if name not in parse(packet):
        return packet
    changed = bytearray(packet)
    layers = layers_of(packet)
    if name in _ETHERNET:
        at, length = _ETHERNET[name]
        changed[at : at + length] = value.to_bytes(length, "big")
    elif name in _PLAIN:
        at, length = _PLAIN[name]
        changed[layers.network + at : layers.network + at + length] = value.to_bytes(length, "big")
    elif name in _ADDRESSES:
        at, length = _ADDRESSES[name]
        # A routing header holds the last destination, which is what the checksum covers.
        covered = not (name == "ipv6_dst" and layers.exthdr & EXTHDR_ROUTER)
        _put_network(changed, layers, at, value.to_bytes(length, "big"), in_pseudo_header=covered)
    elif name in _UPPER:
        at, length = _UPPER[name]
        _put_upper(changed, layers, at, value.to_bytes(length, "big"))
    elif name in _LABEL_BITS:
        _set_label_bits(changed, layers, *_LABEL_BITS[name], value)
    elif name in _ND_OPTIONS:
        _set_link_layer_option(changed, layers, _ND_OPTIONS[name], value)
    elif name == "eth_type":
        changed[layers.network - 2 : layers.network] = value.to_bytes(2, "big")
    else:
        _set_ip_bits(changed, layers, name, value)
    return bytes(changed)


def _set_label_bits(packet: bytearray, layers: Layers, shift: int, mask: int, value: int) -> None:
    at = layers.network
    entry = int.from_bytes(packet[at : at + 4], "big") & ~(mask << shift) | value << shift
    packet[at : at + 4] = entry.to_bytes(4, "big")


def _set_link_layer_option(packet: bytearray, layers: Layers, kind: int, value: int) -> None:
    assert layers.upper is not None
    at = 24
    while packet[layers.upper + at] != kind:
        at += packet[layers.upper + at + 1] << 3
    _put_upper(packet, layers, at + 2, value.to_bytes(6, "big"))


def _set_ip_bits(packet: bytearray, layers: Layers, name: str, value: int) -> None:
    at = layers.network
    if name == "ip_proto":
        # Behind extension headers the protocol stands elsewhere; nobody rewrites it there.
        if layers.eth_type == ETH_TYPE_IPV4:
            _put_network(packet, layers, 9, bytes([value]), in_pseudo_header=False)
        elif not layers.exthdr:
            packet[at + 6] = value
        return
    shift, mask = {"ip_dscp": (2, 0xFC), "ip_ecn": (0, 0x03), "ipv6_flabel": (0, 0xFFFFF)}[name]
    if layers.eth_type == ETH_TYPE_IPV4:
        tos = packet[at + 1] & ~mask & 0xFF | value << shift
        _put_network(packet, layers, 1, bytes([tos]), in_pseudo_header=False)
        return
    if name != "ipv6_flabel":  # the traffic class lies 20 bits further left
        shift, mask = shift + 20, mask << 20
    word = int.from_bytes(packet[at : at + 4], "big") & ~mask | value << shift
    packet[at : at + 4] = word.to_bytes(4, "big")


def _set_ttl(packet: bytes, at: int, ttl: int, layers: Layers) -> bytes:
    changed = bytearray(packet)
    if layers.eth_type == ETH_TYPE_IPV4:
        _put_network(changed, layers, at - layers.network, bytes([ttl]), in_pseudo_header=False)
    else:
        changed[at] = ttl
    return bytes(changed)


def set_nw_ttl(packet: bytes, ttl: int) -> bytes:
    layers = layers_of(packet)
    at = tags.ttl_offset(packet, layers.network, layers.eth_type)
    return packet if at is None else _set_ttl(packet, at, ttl, layers)


def dec_nw_ttl(packet: bytes) -> bytes:
    """IP's TTL less one; raises InvalidTtl if nothing would be left of it."""
    layers = layers_of(packet)
    at = tags.ttl_offset(packet, layers.network, layers.eth_type)
    return packet if at is None else _set_ttl(packet, at, _less_one(packet[at]), layers)


def set_mpls_ttl(packet: bytes, ttl: int) -> bytes:
    at = tags.mpls_offset(packet)
    return packet if at is None else packet[: at + 3] + bytes([ttl]) + packet[at + 4 :]


def dec_mpls_ttl(packet: bytes) -> bytes:
    """The outermost label's TTL less one; raises InvalidTtl if nothing would be left of it."""
    at = tags.mpls_offset(packet)
    return packet if at is None else set_mpls_ttl(packet, _less_one(packet[at + 3]))


def _less_one(ttl: int) -> int:
    if ttl <= 1:
        raise InvalidTtl("the TTL is used up")
    return ttl - 1


def _ttl_below(packet: bytes, at: int) -> tuple[int | None, Layers]:
    """Where the TTL under the label at `at` lies, and in which header."""
    below = at + 4
    if not packet[at + 2] & 1:
        return (below + 3 if len(packet) >= below + 4 else None), Layers(0, below)
    eth_type = tags.type_below_label(packet, below)
    return tags.ttl_offset(packet, below, eth_type), Layers(eth_type, below)


def copy_ttl_out(packet: bytes) -> bytes:
    """Copy the TTL under the outermost label into it."""
    at = tags.mpls_offset(packet)
    inner = None if at is None else _ttl_below(packet, at)[0]
    return packet if inner is None else set_mpls_ttl(packet, packet[inner])


def copy_ttl_in(packet: bytes) -> bytes:
    """Copy the outermost label's TTL to what is under it."""
    at = tags.mpls_offset(packet)
    if at is None:
        return packet
    inner, layers = _ttl_below(packet, at)
    return packet if inner is None else _set_ttl(packet, inner, packet[at + 3], layers)


def set_transport(packet: bytes, end: str, port: int) -> bytes:
    """1.0's action: set the `src` or `dst` port of TCP or UDP, whichever the packet has."""
    name = {IP_PROTO_TCP: "tcp", IP_PROTO_UDP: "udp"}.get(layers_of(packet).protocol)
    return packet if name is None else set_field(packet, f"{name}_{end}", port)


_REWRITES: Final[dict[type, Callable[[bytes, Any], bytes]]] = {
    actions.SetField: lambda packet, action: set_field(packet, action.name, action.value),
    actions.PushVlan: lambda packet, action: tags.push_vlan(packet, action.ethertype),
    actions.PopVlan: lambda packet, action: tags.pop_vlan(packet),
    actions.PushMpls: lambda packet, action: tags.push_mpls(packet, action.ethertype),
    actions.PopMpls: lambda packet, action: tags.pop_mpls(packet, action.ethertype),
    actions.PushPbb: lambda packet, action: tags.push_pbb(packet, action.ethertype),
    actions.PopPbb: lambda packet, action: tags.pop_pbb(packet),
    actions.CopyTtlOut: lambda packet, action: copy_ttl_out(packet),
    actions.CopyTtlIn: lambda packet, action: copy_ttl_in(packet),
    actions.SetMplsTtl: lambda packet, action: set_mpls_ttl(packet, action.ttl),
    actions.DecMplsTtl: lambda packet, action: dec_mpls_ttl(packet),
    actions.SetNwTtl: lambda packet, action: set_nw_ttl(packet, action.ttl),
    actions.DecNwTtl: lambda packet, action: dec_nw_ttl(packet),
    actions.SetVlanVid: lambda packet, action: tags.set_vlan_vid(packet, action.vid),
    actions.SetVlanPcp: lambda packet, action: tags.set_vlan_pcp(packet, action.pcp),
    actions.StripVlan: lambda packet, action: tags.pop_vlan(packet),
    actions.SetTransportSource: lambda packet, action: set_transport(packet, "src", action.port),
    actions.SetTransportDestination: lambda packet, action: set_transport(packet, "dst", action.port),
}


def rewrite(packet: bytes, action: actions.Action) -> bytes:
    """The packet after this action; unchanged by one that does not rewrite. Raises InvalidTtl."""
    change = _REWRITES.get(type(action))
    return packet if change is None else change(packet, action)
