"""The match fields of OpenFlow 1.3 (section 7.2.3.7): one registry that every other part asks."""

from __future__ import annotations

from typing import Final

from attrs import frozen

OPENFLOW_BASIC: Final = 0x8000  # the OXM class of every field below
VLAN_PRESENT: Final = 0x1000  # OFPVID_PRESENT: the 13th bit of vlan_vid, "there is a tag"
VLAN_NONE: Final = 0x0000  # OFPVID_NONE: no tag

ETH_TYPE_IPV4: Final = 0x0800
ETH_TYPE_ARP: Final = 0x0806
ETH_TYPE_IPV6: Final = 0x86DD
ETH_TYPE_VLAN: Final = 0x8100
ETH_TYPE_SERVICE_VLAN: Final = 0x88A8
ETH_TYPE_MPLS: Final = 0x8847
ETH_TYPE_MPLS_MULTICAST: Final = 0x8848
ETH_TYPE_PBB: Final = 0x88E7
ETH_TYPE_LLDP: Final = 0x88CC
ETH_TYPE_BDDP: Final = 0x8942

IP_PROTO_ICMP: Final = 1
IP_PROTO_TCP: Final = 6
IP_PROTO_UDP: Final = 17
IP_PROTO_ICMPV6: Final = 58
IP_PROTO_SCTP: Final = 132

ND_SOLICIT: Final = 135
ND_ADVERT: Final = 136

# A prerequisite is (field name, the values that satisfy it).
Prerequisite = tuple[str, tuple[int, ...]]


@frozen
class Field:
    """One match field: its OXM number, its width, whether it may be masked and what it needs.

    `requires` lists every prerequisite, also indirect ones, outermost header first. On the wire a
    value takes `length` bytes, big-endian, right-aligned (`bits` may be fewer: vlan_vid has 13 bits).
    """

    name: str
    number: int
    bits: int
    maskable: bool
    requires: tuple[Prerequisite, ...]
    settable: bool

    @property
    def length(self) -> int:
        """Bytes of a value on the wire."""
        # The labels of 20 bits (ipv6_flabel, mpls_label) take a whole word; the others the bytes they need.
        return 4 if self.bits == 20 else (self.bits + 7) // 8

    @property
    def all_ones(self) -> int:
        """The mask that asks for an exact value."""
        return (1 << self.bits) - 1

    @property
    def oxm_header(self) -> int:
        """The 32-bit OXM header of an unmasked value."""
        return OPENFLOW_BASIC << 16 | self.number << 9 | self.length

    @property
    def masked_oxm_header(self) -> int:
        """The 32-bit OXM header of a value with a mask."""
        return OPENFLOW_BASIC << 16 | self.number << 9 | 1 << 8 | self.length * 2


_IP: Final[Prerequisite] = ("eth_type", (ETH_TYPE_IPV4, ETH_TYPE_IPV6))
_IPV4: Final[Prerequisite] = ("eth_type", (ETH_TYPE_IPV4,))
_IPV6: Final[Prerequisite] = ("eth_type", (ETH_TYPE_IPV6,))
_ARP: Final[Prerequisite] = ("eth_type", (ETH_TYPE_ARP,))
_MPLS: Final[Prerequisite] = ("eth_type", (ETH_TYPE_MPLS, ETH_TYPE_MPLS_MULTICAST))
_PBB: Final[Prerequisite] = ("eth_type", (ETH_TYPE_PBB,))
_TCP: Final = (_IP, ("ip_proto", (IP_PROTO_TCP,)))
_UDP: Final = (_IP, ("ip_proto", (IP_PROTO_UDP,)))
_SCTP: Final = (_IP, ("ip_proto", (IP_PROTO_SCTP,)))
_ICMPV4: Final = (_IPV4, ("ip_proto", (IP_PROTO_ICMP,)))
_ICMPV6: Final = (_IPV6, ("ip_proto", (IP_PROTO_ICMPV6,)))
_ND: Final = (*_ICMPV6, ("icmpv6_type", (ND_SOLICIT, ND_ADVERT)))

# name, number, bits, maskable, prerequisites, settable by SET_FIELD
_TABLE: Final[tuple[tuple[str, int, int, bool, tuple[Prerequisite, ...], bool], ...]] = (
    ("in_port", 0, 32, False, (), True),  # Open vSwitch lets it be set; no tenant may
    ("in_phy_port", 1, 32, False, (), False),  # its prerequisite is in_port being present
    ("metadata", 2, 64, True, (), False),
    ("eth_dst", 3, 48, True, (), True),
    ("eth_src", 4, 48, True, (), True),
    ("eth_type", 5, 16, False, (), True),
    ("vlan_vid", 6, 13, True, (), True),
    ("vlan_pcp", 7, 3, False, (), True),  # its prerequisite is a vlan_vid that is not OFPVID_NONE
    ("ip_dscp", 8, 6, False, (_IP,), True),
    ("ip_ecn", 9, 2, False, (_IP,), True),
    ("ip_proto", 10, 8, False, (_IP,), True),
    ("ipv4_src", 11, 32, True, (_IPV4,), True),
    ("ipv4_dst", 12, 32, True, (_IPV4,), True),
    ("tcp_src", 13, 16, False, _TCP, True),
    ("tcp_dst", 14, 16, False, _TCP, True),
    ("udp_src", 15, 16, False, _UDP, True),
    ("udp_dst", 16, 16, False, _UDP, True),
    ("sctp_src", 17, 16, False, _SCTP, True),
    ("sctp_dst", 18, 16, False, _SCTP, True),
    ("icmpv4_type", 19, 8, False, _ICMPV4, True),
    ("icmpv4_code", 20, 8, False, _ICMPV4, True),
    ("arp_op", 21, 16, False, (_ARP,), True),
    ("arp_spa", 22, 32, True, (_ARP,), True),
    ("arp_tpa", 23, 32, True, (_ARP,), True),
    ("arp_sha", 24, 48, True, (_ARP,), True),
    ("arp_tha", 25, 48, True, (_ARP,), True),
    ("ipv6_src", 26, 128, True, (_IPV6,), True),
    ("ipv6_dst", 27, 128, True, (_IPV6,), True),
    ("ipv6_flabel", 28, 20, True, (_IPV6,), True),
    ("icmpv6_type", 29, 8, False, _ICMPV6, True),
    ("icmpv6_code", 30, 8, False, _ICMPV6, True),
    ("ipv6_nd_target", 31, 128, False, _ND, True),
    ("ipv6_nd_sll", 32, 48, False, (*_ICMPV6, ("icmpv6_type", (ND_SOLICIT,))), True),
    ("ipv6_nd_tll", 33, 48, False, (*_ICMPV6, ("icmpv6_type", (ND_ADVERT,))), True),
    ("mpls_label", 34, 20, False, (_MPLS,), True),
    ("mpls_tc", 35, 3, False, (_MPLS,), True),
    ("mpls_bos", 36, 1, False, (_MPLS,), True),
    ("pbb_isid", 37, 24, True, (_PBB,), True),
    ("tunnel_id", 38, 64, True, (), True),
    ("ipv6_exthdr", 39, 9, True, (_IPV6,), False),
)

FIELDS: Final[dict[str, Field]] = {
    name: Field(name=name, number=number, bits=bits, maskable=maskable, requires=requires, settable=settable)
    for name, number, bits, maskable, requires, settable in _TABLE
}
BY_NUMBER: Final[dict[int, Field]] = {field.number: field for field in FIELDS.values()}
