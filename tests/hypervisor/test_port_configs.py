"""How a slice has configured its ports: what is shown of it, and what it stops."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.memory import Memory
from flowvisor.hypervisor.port_configs import PortConfigs, recalled, remember
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import (
    LINK_DOWN,
    LIVE,
    NO_FLOOD,
    NO_FWD,
    NO_PACKET_IN,
    NO_RECV,
    NO_RECV_STP,
    PORT_DOWN,
    Port,
)
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.plan import DatapathPlan, compile_plan
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.slices import A, B, tag
from tests.support.world import a_slice, ports, rule

STP = 0x0180_C200_0000
A_VLAN = Match.of(vlan_vid=tag(200))


def configured(**by_port: int) -> PortConfigs:
    configs = PortConfigs()
    for name, config in by_port.items():
        configs.put(int(name[1:]), config)
    return configs


def test_a_port_that_was_never_configured_is_as_it_is() -> None:
    port = Port(1, config=NO_FLOOD, state=LIVE)
    configs = configured(p1=NO_FWD)
    configs.put(1, 0)
    assert configs.shown(port) is port
    assert configs.bits == {}
    assert (configs.is_shut(1), configs.silenced, configs.is_deaf) == (False, frozenset(), False)


def test_a_configuration_is_shown_with_the_physical_one() -> None:
    configs = configured(p1=NO_FWD, p2=PORT_DOWN)
    assert configs.shown(Port(1, config=NO_FLOOD, state=LIVE)) == Port(
        1, config=NO_FLOOD | NO_FWD, state=LIVE
    )
    assert configs.shown(Port(2, state=LIVE)) == Port(2, config=PORT_DOWN, state=LINK_DOWN)


def test_what_is_asked_of_all_ports_follows_each_change() -> None:
    configs = configured(p1=NO_PACKET_IN, p2=NO_RECV, p3=NO_FWD | NO_PACKET_IN)
    assert configs.silenced == {1, 3}
    assert configs.is_deaf
    assert [configs.is_shut(port) for port in (1, 2, 3, 4)] == [False, False, True, False]
    configs.put(2, 0)
    configs.put(3, PORT_DOWN)
    assert configs.silenced == {1}
    assert configs.is_deaf
    configs.put(3, NO_FLOOD)
    assert not configs.is_deaf


@pytest.mark.parametrize(
    ("config", "match", "stops"),
    [
        (PORT_DOWN, Match.of(in_port=1), True),
        (PORT_DOWN, Match.of(in_port=2), False),
        (PORT_DOWN, Match(), False),
        (NO_RECV | NO_RECV_STP, Match.of(in_port=1), True),
        (NO_RECV, Match.of(in_port=1), False),  # some of it may be the spanning tree's
        (NO_RECV, Match.of(in_port=1, eth_dst=2), True),
        (NO_RECV, Match.of(in_port=1, eth_dst=STP), False),
        (NO_RECV_STP, Match.of(in_port=1, eth_dst=STP), True),
        (NO_RECV_STP, Match.of(in_port=1, eth_dst=2), False),
        (NO_FWD, Match.of(in_port=1), False),
    ],
)
def test_a_match_is_stopped_if_nothing_of_it_is_received(config: int, match: Match, stops: bool) -> None:
    assert configured(p1=config).stops(match) is stops


def a_plan(*slices: FlowspaceSlice, version: int) -> DatapathPlan:
    return compile_plan(slices, Allocations().allocate(slices), dpid=1, version=version, n_tables=254)


@given(st.dictionaries(st.integers(1, 0xFFFFFFFE), st.integers(1, 0x7F), max_size=4))
def test_what_is_remembered_is_recalled(bits: dict[int, int]) -> None:
    memory = Memory(1, {})
    for port, config in bits.items():
        remember(memory, "a", port, 0x7F, Effects(0.0))
        remember(memory, "a", port, config, Effects(0.0))
    plan = a_plan(A, B, version=4)
    assert recalled(memory, plan, "a").bits == bits
    assert recalled(memory, plan, "b").bits == {}
    for port in bits:
        remember(memory, "a", port, 0, Effects(0.0))
    assert memory.is_empty


def test_what_cannot_be_done_any_more_is_not_recalled() -> None:
    memory = Memory(1, {})
    remember(memory, "a", 1, NO_FWD | NO_RECV | NO_RECV_STP, Effects(0.0))
    # Each of them leaves twice as many pieces as there were.
    others = [
        a_slice(f"b{n}", rule(Match.of(eth_src=(3 << 2 * n, 3 << 2 * n)), priority=200)) for n in range(12)
    ]
    many = a_plan(a_slice("a", ports(1)), *others, version=1)
    assert recalled(memory, many, "a").bits == {1: NO_FWD}
    # All but one VLAN: 1.0 has no words for that.
    most = a_plan(a_slice("a", ports(1)), a_slice("b", rule(A_VLAN, priority=200)), version=1)
    assert recalled(memory, most, "a").bits == {1: NO_FWD}
