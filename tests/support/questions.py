"""Packets that ask everybody who has an address, as scapy has them."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import Any

from scapy.layers.inet6 import ICMPv6ND_NS, ICMPv6NDOptSrcLLAddr, IPv6
from scapy.layers.l2 import ARP, Ether
from scapy.packet import Packet

from flowvisor.network.neighbours import BROADCAST, solicited_node_mac

ASKER = 0x02000000000A


def written(mac: int) -> str:
    return mac.to_bytes(6, "big").hex(":")


def arp(sha: int = ASKER, spa: int = 1, tpa: int = 2, **other: Any) -> Packet:
    fields = {"hwsrc": written(sha), "psrc": str(IPv4Address(spa)), "pdst": str(IPv4Address(tpa)), **other}
    return Ether(src=written(sha), dst=written(BROADCAST)) / ARP(op=fields.pop("op", 1), **fields)


def group_of(target: int) -> str:
    return str(IPv6Address(0xFF02_0000_0000_0000_0000_0001_FF00_0000 | target & 0xFF_FFFF))


def solicitation(
    target: int = 2 << 120, source: str = "2001:db8::a", *options: Packet, ns: Any = None, **ip: Any
) -> Packet:
    ip = {"src": source, "dst": group_of(target), "hlim": 255, **ip}
    asked = ICMPv6ND_NS(tgt=str(IPv6Address(target)), **(ns or {}))
    head = Ether(src=written(ASKER), dst=written(solicited_node_mac(target))) / IPv6(**ip)
    for layer in (asked, *options):
        head = head / layer
    return head


FROM_ASKER = ICMPv6NDOptSrcLLAddr(lladdr=written(ASKER))
