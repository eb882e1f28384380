"""A packet's point, straight from its bytes: what classifying packets one by one can afford.

Strategy: most packets are untagged TCP or UDP over IPv4 without options, whose fields lie at fixed offsets; their
point is a few shifts. Every other packet goes by the parser. Equal to the parser's answer by property test.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from flowvisor.flowspace.box import Box
from flowvisor.flowspace.layout import FIELD_SLOTS, field_mask, point_of
from flowvisor.openflow.fields import ETH_TYPE_SERVICE_VLAN, ETH_TYPE_VLAN, IP_PROTO_TCP, IP_PROTO_UDP
from flowvisor.openflow.packet import parse

# in_port, eth_dst and eth_src lie side by side in the layout, as the two addresses do in a packet.
ADDRESSES: Final = field_mask("in_port") | field_mask("eth_dst") | field_mask("eth_src")
_ADDRESSES_SHIFT: Final = FIELD_SLOTS["eth_src"].shift
_IN_PORT_SHIFT: Final = FIELD_SLOTS["in_port"].shift

_IPV4_WITHOUT_OPTIONS: Final = b"\x08\x00\x45"
# From offset 12: ethertype, version, tos, total length, _, fragment, _, protocol, _, source, destination, two ports.
_HEADERS: Final = Struct("!HBBHHHBBHIIHH")
_HEADERS_AT: Final = 12
_SHORTEST: Final = 14 + 20 + 20  # all that the parser looks at of a TCP packet is there
_TRANSPORT: Final = {
    protocol: (
        FIELD_SLOTS[f"{name}_src"].shift,
        FIELD_SLOTS[f"{name}_dst"].shift,
        point_of(
            {
                **dict.fromkeys(("in_port", "eth_dst", "eth_src", "vlan_vid", "ip_dscp", "ip_ecn"), 0),
                **{"eth_type": 0x0800, "ip_proto": protocol, "ipv4_src": 0, "ipv4_dst": 0},
                **{f"{name}_src": 0, f"{name}_dst": 0},
            }
        ),
    )
    for protocol, name in ((IP_PROTO_TCP, "tcp"), (IP_PROTO_UDP, "udp"))
}
_TAGS: Final = frozenset(kind.to_bytes(2, "big") for kind in (ETH_TYPE_VLAN, ETH_TYPE_SERVICE_VLAN))
_DSCP_SHIFT: Final = FIELD_SLOTS["ip_dscp"].shift
_ECN_SHIFT: Final = FIELD_SLOTS["ip_ecn"].shift
_SOURCE_SHIFT: Final = FIELD_SLOTS["ipv4_src"].shift
_DESTINATION_SHIFT: Final = FIELD_SLOTS["ipv4_dst"].shift


def point_of_addresses(data: bytes, in_port: int) -> Box:
    """The point of a packet as far as its port and its Ethernet addresses go; all else is unknown."""
    if len(data) < 12:
        return point_of({"in_port": in_port})
    value = int.from_bytes(data[:12], "big") << _ADDRESSES_SHIFT | in_port << _IN_PORT_SHIFT
    return Box(value, ADDRESSES)


def point_behind_one_tag(data: bytes, in_port: int) -> Box | None:
    """The point of a packet with two tags to a datapath that looks behind the first only; of others None.

    How many it looks behind is the datapath's to choose (Open vSwitch's `vlan-limit`), and no message tells.
    """
    if data[16:18] not in _TAGS or data[12:14] not in _TAGS:
        return None
    return point_of(parse(data[:18], in_port) | {"eth_type": data[16] << 8 | data[17]})


def point_of_packet(data: bytes, in_port: int) -> Box:
    """The point of a packet that came in at a port, as `point_of(parse(data, in_port))` gives it."""
    if data[12:15] != _IPV4_WITHOUT_OPTIONS or len(data) < _SHORTEST:
        return point_of(parse(data, in_port))
    _, _, tos, length, _, fragment, _, protocol, _, source, destination, from_port, to_port = (
        _HEADERS.unpack_from(data, _HEADERS_AT)
    )
    transport = _TRANSPORT.get(protocol)
    # A fragment has no ports, nor has a packet that says it is shorter than its headers.
    if transport is None or fragment & 0x1FFF or length < 40:
        return point_of(parse(data, in_port))
    from_shift, to_shift, template = transport
    value = (
        template.value
        | int.from_bytes(data[:12], "big") << _ADDRESSES_SHIFT
        | in_port << _IN_PORT_SHIFT
        | (tos >> 2) << _DSCP_SHIFT
        | (tos & 3) << _ECN_SHIFT
        | source << _SOURCE_SHIFT
        | destination << _DESTINATION_SHIFT
        | from_port << from_shift
        | to_port << to_shift
    )
    return Box(value, template.mask)
