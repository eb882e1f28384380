"""What a datapath says of itself, as the other version would say it: capabilities, actions, ports, flags."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from attrs import evolve

from flowvisor.errors import Inexpressible
from flowvisor.openflow import messages as m
from flowvisor.openflow import ports as p
from flowvisor.openflow import v10_actions as v10
from flowvisor.openflow.error_codes import FLOW_MOD_BAD_FLAGS, TABLE_FULL
from flowvisor.openflow.fields import BY_NUMBER
from flowvisor.openflow.multipart import APPLY_ACTIONS, APPLY_SETFIELD, TableFeatures, TableProperty
from flowvisor.openflow.ports import Port

_ONLY_10: Final = m.STP_10 | m.ARP_MATCH_IP_10
_ONLY_13: Final = m.GROUP_STATS | m.PORT_BLOCKED

PORT_CONFIG_13: Final = p.PORT_DOWN | p.NO_RECV | p.NO_FWD | p.NO_PACKET_IN
STP_BLOCK_10: Final = 3 << 8  # OFPPS_STP_BLOCK, one of four values of two bits
_STP_STATE_10: Final = 3 << 8

# Rates of a port, the fastest first: feature bit (1.3's), kbit/s.
_RATES: Final = (
    *((1 << 9, 1_000_000_000), (1 << 8, 100_000_000), (1 << 7, 40_000_000), (1 << 6, 10_000_000)),
    *((1 << 5, 1_000_000), (1 << 4, 1_000_000), (1 << 3, 100_000), (1 << 2, 100_000)),
    *((1 << 1, 10_000), (1 << 0, 10_000)),
)

# 1.3's action types (ofp_action_type) that 1.0's actions are made of.
_OUTPUT: Final = 0
_PUSH_VLAN: Final = 17
_POP_VLAN: Final = 18
_SET_QUEUE: Final = 21
# For each of 1.0's actions the action types and the fields of SET_FIELD that it takes; of the fields any one.
_NEEDS: Final[dict[int, tuple[frozenset[int], frozenset[str]]]] = {
    v10.OUTPUT: (frozenset({_OUTPUT}), frozenset()),
    v10.SET_VLAN_VID: (frozenset({_PUSH_VLAN}), frozenset({"vlan_vid"})),
    v10.SET_VLAN_PCP: (frozenset({_PUSH_VLAN}), frozenset({"vlan_pcp"})),
    v10.STRIP_VLAN: (frozenset({_POP_VLAN}), frozenset()),
    v10.SET_DL_SRC: (frozenset(), frozenset({"eth_src"})),
    v10.SET_DL_DST: (frozenset(), frozenset({"eth_dst"})),
    v10.SET_NW_SRC: (frozenset(), frozenset({"ipv4_src"})),
    v10.SET_NW_DST: (frozenset(), frozenset({"ipv4_dst"})),
    v10.SET_NW_TOS: (frozenset(), frozenset({"ip_dscp"})),
    v10.SET_TP_SRC: (frozenset(), frozenset({"tcp_src", "udp_src"})),
    v10.SET_TP_DST: (frozenset(), frozenset({"tcp_dst", "udp_dst"})),
    v10.ENQUEUE: (frozenset({_SET_QUEUE}), frozenset()),
}
ALL_ACTIONS_10: Final = sum(1 << number for number in _NEEDS)


def actions_bitmap_10(table: TableFeatures) -> int:
    """Which of 1.0's actions a 1.3 table can do: the `actions` of a 1.0 FEATURES_REPLY."""
    types: set[int] = set()
    fields: set[str] = set()
    for known in table.properties:
        if isinstance(known, TableProperty) and known.kind == APPLY_ACTIONS:
            types.update(known.ids)
        elif isinstance(known, TableProperty) and known.kind == APPLY_SETFIELD:
            numbers = [header >> 9 & 0x7F for header in known.ids]
            fields.update(BY_NUMBER[number].name for number in numbers if number in BY_NUMBER)
    return sum(
        1 << number
        for number, (needed_types, any_of) in _NEEDS.items()
        if needed_types <= types and (not any_of or any_of & fields)
    )


def features_to_10(
    features: m.FeaturesReply, ports: Iterable[Port], actions: int = ALL_ACTIONS_10
) -> m.FeaturesReply:
    """A 1.3 datapath's features with the ports that it tells elsewhere."""
    return evolve(
        features,
        auxiliary_id=0,
        capabilities=features.capabilities & ~_ONLY_13 | m.ARP_MATCH_IP_10,  # 1.3 matches arp_spa
        actions=actions,
        ports=tuple(port_description_to_10(port) for port in ports),
    )


def features_to_13(features: m.FeaturesReply) -> m.FeaturesReply:
    """A 1.0 datapath's features, without the ports, which 1.3 tells elsewhere."""
    return evolve(features, capabilities=features.capabilities & ~_ONLY_10, actions=0, ports=())


def port_description_to_10(port: Port) -> Port:
    """A port as 1.0 describes it: BLOCKED is an STP state there, and there are no speeds."""
    blocked = STP_BLOCK_10 if port.state & p.BLOCKED else 0
    return evolve(port, state=port.state & p.LINK_DOWN | blocked, current_speed=0, max_speed=0)


def port_description_to_13(port: Port) -> Port:
    """A port as 1.3 describes it: with speeds, without spanning tree and NO_FLOOD."""
    state = port.state & p.LINK_DOWN
    if port.state & _STP_STATE_10 == STP_BLOCK_10:
        state |= p.BLOCKED
    elif not state:
        state |= p.LIVE
    return evolve(
        port,
        config=port.config & PORT_CONFIG_13,
        state=state,
        current_speed=_fastest(port.current),
        max_speed=_fastest(port.supported),
    )


def _fastest(features: int) -> int:
    return next((kilobits for bit, kilobits in _RATES if features & bit), 0)


def port_mod_to_13(message: m.PortMod) -> m.PortMod:
    """A port-mod without the bits that 1.3 does not have; whoever keeps NO_FLOOD looks at the original."""
    return evolve(message, config=message.config & PORT_CONFIG_13, mask=message.mask & PORT_CONFIG_13)


def flow_flags_to_10(flags: int, command: int) -> int:
    """A flow-mod's flags without those that 1.0 need not be told."""
    if flags & m.RESET_COUNTS and command in (m.MODIFY, m.MODIFY_STRICT):
        raise Inexpressible(FLOW_MOD_BAD_FLAGS, "OpenFlow 1.0 does not reset counters of what it modifies")
    return flags & (m.SEND_FLOW_REM | m.CHECK_OVERLAP)


def flow_flags_to_13(flags: int) -> int:
    """A flow-mod's flags; 1.3 has no emergency table, so it holds no entries."""
    if flags & m.EMERGENCY:
        raise Inexpressible(TABLE_FULL, "OpenFlow 1.3 has no emergency flow table")
    return flags
