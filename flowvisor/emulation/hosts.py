"""A host with a MAC and an IPv4 address: ARP, ping, UDP; it records all that it receives."""

from __future__ import annotations

from struct import Struct
from typing import Final

from attrs import define, field

from flowvisor.openflow.checksum import internet_checksum
from flowvisor.openflow.fields import (
    ETH_TYPE_ARP,
    ETH_TYPE_IPV4,
    ETH_TYPE_VLAN,
    IP_PROTO_ICMP,
    IP_PROTO_UDP,
    VLAN_NONE,
    VLAN_PRESENT,
)
from flowvisor.openflow.packet import parse

BROADCAST: Final = 0xFFFFFFFFFFFF
MULTICAST_BIT: Final = 1 << 40
ARP_REQUEST: Final = 1
ARP_REPLY: Final = 2
ECHO_REPLY: Final = 0
ECHO_REQUEST: Final = 8
MIN_PACKET_BYTES: Final = 60
MAX_RECORDED_PACKETS: Final = 100_000  # then the oldest half is forgotten

_ARP: Final = Struct(">HHBBH6sI6sI")
_IPV4: Final = Struct(">BBHHHBBHII")
_ICMP: Final = Struct(">BBHHH")
_UDP: Final = Struct(">HHHH")


def ethernet(dst: int, src: int, eth_type: int, payload: bytes, *, vlan: int | None = None) -> bytes:
    """A packet, padded to the least length that Ethernet has. `vlan` None is untagged."""
    tag = b"" if vlan is None else ETH_TYPE_VLAN.to_bytes(2, "big") + vlan.to_bytes(2, "big")
    head = dst.to_bytes(6, "big") + src.to_bytes(6, "big") + tag + eth_type.to_bytes(2, "big")
    return (head + payload).ljust(MIN_PACKET_BYTES, b"\0")


def arp(operation: int, *, sha: int, spa: int, tha: int, tpa: int) -> bytes:
    return _ARP.pack(
        1, ETH_TYPE_IPV4, 6, 4, operation, sha.to_bytes(6, "big"), spa, tha.to_bytes(6, "big"), tpa
    )


def ipv4(src: int, dst: int, protocol: int, payload: bytes) -> bytes:
    length = _IPV4.size + len(payload)
    head = _IPV4.pack(0x45, 0, length, 0, 0, 64, protocol, 0, src, dst)
    checksum = internet_checksum(head).to_bytes(2, "big")
    return head[:10] + checksum + head[12:] + payload


def icmp_echo(kind: int, identifier: int, sequence: int, payload: bytes = b"") -> bytes:
    message = _ICMP.pack(kind, 0, 0, identifier, sequence) + payload
    return message[:2] + internet_checksum(message).to_bytes(2, "big") + message[4:]


def udp(src: int, dst: int, payload: bytes) -> bytes:
    """A datagram without a checksum, which IPv4 allows."""
    return _UDP.pack(src, dst, _UDP.size + len(payload), 0) + payload


@define(eq=False)
class Host:
    """Takes packets from its port and returns those that it sends. Everything received is in `received`.

    `answered` holds the addresses that answered a ping. With `vlan` it sends and understands only packets
    that are tagged so, without only untagged ones.
    """

    name: str
    mac: int
    ip: int
    vlan: int | None = None
    received: list[bytes] = field(factory=list, init=False)
    answered: set[int] = field(factory=set, init=False)
    _neighbours: dict[int, int] = field(factory=dict, init=False)
    _waiting: dict[int, list[bytes]] = field(factory=dict, init=False)  # IP payloads by next hop
    _sequence: int = field(default=0, init=False)

    def receive(self, packet: bytes) -> list[bytes]:
        """Take a packet; return what it is answered with."""
        self.received.append(packet)
        if len(self.received) > MAX_RECORDED_PACKETS:
            del self.received[: MAX_RECORDED_PACKETS // 2]
        fields = parse(packet)
        mine = VLAN_NONE if self.vlan is None else VLAN_PRESENT | self.vlan
        to = fields.get("eth_dst", 0)
        if fields.get("vlan_vid") != mine or not (to == self.mac or to & MULTICAST_BIT):
            return []
        if "arp_op" in fields:
            return self._receive_arp(fields)
        if fields.get("ipv4_dst") == self.ip and fields.get("ip_proto") == IP_PROTO_ICMP:
            return self._receive_icmp(packet, fields)
        return []

    def _receive_arp(self, fields: dict[str, int]) -> list[bytes]:
        if fields["arp_tpa"] != self.ip:
            return []
        sender = fields["arp_spa"]
        self._neighbours[sender] = fields["arp_sha"]
        if fields["arp_op"] == ARP_REQUEST:
            reply = arp(ARP_REPLY, sha=self.mac, spa=self.ip, tha=fields["arp_sha"], tpa=sender)
            return [self._ethernet(fields["arp_sha"], ETH_TYPE_ARP, reply)]
        return [packet for payload in self._waiting.pop(sender, []) for packet in self._send(sender, payload)]

    def _receive_icmp(self, packet: bytes, fields: dict[str, int]) -> list[bytes]:
        sender = fields["ipv4_src"]
        if fields.get("icmpv4_type") == ECHO_REPLY:
            self.answered.add(sender)
            return []
        if fields.get("icmpv4_type") != ECHO_REQUEST:
            return []
        at = 14 if self.vlan is None else 18
        length = int.from_bytes(packet[at + 2 : at + 4], "big")
        body = packet[at + ((packet[at] & 15) << 2) : at + length]
        reply = icmp_echo(
            ECHO_REPLY, int.from_bytes(body[4:6], "big"), int.from_bytes(body[6:8], "big"), body[8:]
        )
        # Answered to where it came from, without asking for the address: who pings has been resolved.
        payload = ipv4(self.ip, sender, IP_PROTO_ICMP, reply)
        return [self._ethernet(fields["eth_src"], ETH_TYPE_IPV4, payload)]

    def ping(self, ip: int) -> list[bytes]:
        """Ask this address for an answer, and by ARP for its MAC address before if that is not known."""
        self._sequence = self._sequence + 1 & 0xFFFF
        echo = icmp_echo(ECHO_REQUEST, self.mac & 0xFFFF, self._sequence, b"flowvisor")
        return self._send(ip, ipv4(self.ip, ip, IP_PROTO_ICMP, echo))

    def send_udp(self, ip: int, *, src: int, dst: int, payload: bytes = b"") -> list[bytes]:
        """Send a datagram, after ARP if need be."""
        return self._send(ip, ipv4(self.ip, ip, IP_PROTO_UDP, udp(src, dst, payload)))

    def announce(self) -> list[bytes]:
        """Tell everybody the own address (gratuitous ARP)."""
        body = arp(ARP_REQUEST, sha=self.mac, spa=self.ip, tha=0, tpa=self.ip)
        return [self._ethernet(BROADCAST, ETH_TYPE_ARP, body)]

    def _send(self, ip: int, payload: bytes) -> list[bytes]:
        mac = self._neighbours.get(ip)
        if mac is not None:
            return [self._ethernet(mac, ETH_TYPE_IPV4, payload)]
        self._waiting.setdefault(ip, []).append(payload)
        request = arp(ARP_REQUEST, sha=self.mac, spa=self.ip, tha=0, tpa=ip)
        return [self._ethernet(BROADCAST, ETH_TYPE_ARP, request)]

    def _ethernet(self, dst: int, eth_type: int, payload: bytes) -> bytes:
        return ethernet(dst, self.mac, eth_type, payload, vlan=self.vlan)

    def heard_from(self) -> set[int]:
        """The MAC addresses that any packet came from, whomever it was for."""
        return {int.from_bytes(packet[6:12], "big") for packet in self.received}
