"""What a datapath says of itself, told to the other version."""

import pytest
from hypothesis import given

from flowvisor.openflow import bridge_features as b
from flowvisor.openflow import error_codes as ec
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow import ports as p
from flowvisor.openflow import v10, v10_actions, v13
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.ports import Port
from tests.support.message_strategies import ports as ports_13
from tests.support.message_strategies_10 import MESSAGES_10
from tests.support.message_strategies_10 import ports as ports_10
from tests.support.refusals import inexpressible


def table_of(types: tuple[int, ...], fields: tuple[str, ...]) -> mp.TableFeatures:
    headers = (*(FIELDS[name].oxm_header for name in fields), 0x80000000 | 0x7F << 9 | 1)  # one is unknown
    return mp.TableFeatures(
        0,
        properties=(
            mp.TableProperty(mp.APPLY_ACTIONS, ids=types),
            mp.TableProperty(mp.APPLY_SETFIELD, ids=headers),
            mp.TableProperty(mp.WRITE_ACTIONS, ids=(0,)),
            m.OpaqueProperty(0xFFFF, b""),
        ),
    )


@pytest.mark.parametrize(
    ("types", "fields", "actions"),
    [
        ((), (), ()),
        ((0,), (), (v10_actions.OUTPUT,)),
        ((17,), (), ()),
        ((17,), ("vlan_vid",), (v10_actions.SET_VLAN_VID,)),
        ((), ("vlan_vid", "vlan_pcp"), ()),
        ((18, 21), (), (v10_actions.STRIP_VLAN, v10_actions.ENQUEUE)),
        ((), ("eth_src", "udp_dst"), (v10_actions.SET_DL_SRC, v10_actions.SET_TP_DST)),
    ],
)
def test_the_actions_of_1_0_are_made_of_those_of_a_table(
    types: tuple[int, ...], fields: tuple[str, ...], actions: tuple[int, ...]
) -> None:
    assert b.actions_bitmap_10(table_of(types, fields)) == sum(1 << number for number in actions)


def test_a_table_that_can_do_all_can_do_all_of_1_0() -> None:
    assert b.actions_bitmap_10(table_of(tuple(range(28)), tuple(FIELDS))) == b.ALL_ACTIONS_10 == 0xFFF


def test_features_for_1_0_have_ports_and_no_groups() -> None:
    told = m.FeaturesReply(
        xid=1, dpid=2, n_tables=8, auxiliary_id=1, capabilities=m.GROUP_STATS | m.FLOW_STATS
    )
    port = Port(1, state=p.LIVE, current=1 << 6, current_speed=10_000_000)
    features = b.features_to_10(told, [port])
    assert features.capabilities == m.FLOW_STATS | m.ARP_MATCH_IP_10
    assert features.ports == (Port(1, current=1 << 6),)
    assert (features.actions, features.auxiliary_id) == (0xFFF, 0)
    assert v10.decode(v10.encode(features)) == features


@given(MESSAGES_10[m.FeaturesReply])
def test_features_for_1_3_say_what_1_3_can(told: m.FeaturesReply) -> None:
    features = b.features_to_13(told)
    assert v13.decode(v13.encode(features)) == features
    assert features.dpid == told.dpid
    assert b.features_to_13(b.features_to_10(features, ())) == features


@given(ports_10)
def test_any_1_0_port_can_be_told_by_1_3(port: Port) -> None:
    reply = mp.PortDescReply(ports=(b.port_description_to_13(port),))
    assert v13.decode(v13.encode(reply)) == reply


@given(ports_13)
def test_a_1_3_port_told_by_1_0_is_what_1_0_reads(port: Port) -> None:
    if port.number < 0xFF00 or port.number >= p.MAX_PORT:
        told = b.port_description_to_10(port)
        status = m.PortStatus(reason=0, port=told)
        read = v10.decode(v10.encode(status))
        assert isinstance(read, m.PortStatus)
        assert (read.port.number, read.port.state, read.port.config) == (told.number, told.state, told.config)


@pytest.mark.parametrize(
    ("state_10", "state_13"),
    [(0, p.LIVE), (p.LINK_DOWN, p.LINK_DOWN), (b.STP_BLOCK_10, p.BLOCKED), (2 << 8, p.LIVE)],
)
def test_a_port_that_spanning_tree_blocks_is_blocked(state_10: int, state_13: int) -> None:
    assert b.port_description_to_13(Port(1, state=state_10)).state == state_13
    again = b.port_description_to_10(Port(1, state=state_13)).state
    assert again == state_10 or state_10 == 2 << 8  # forwarding and listening are one in 1.3


@pytest.mark.parametrize(
    ("features", "kilobits"),
    [(0, 0), (1, 10_000), (1 << 3, 100_000), (0b1100000, 10_000_000), (1 << 9, 10**9)],
)
def test_speeds_are_those_of_the_fastest_rate(features: int, kilobits: int) -> None:
    port = b.port_description_to_13(Port(1, current=features, supported=1))
    assert (port.current_speed, port.max_speed) == (kilobits, 10_000)


@given(MESSAGES_10[m.PortMod])
def test_a_port_mod_for_1_3_changes_what_1_3_has(message: m.PortMod) -> None:
    translated = b.port_mod_to_13(message)
    assert not translated.mask & p.NO_FLOOD
    assert v13.decode(v13.encode(translated)) == translated


def test_flags_that_1_0_need_not_be_told_are_left_out() -> None:
    assert b.flow_flags_to_10(0x1F, m.ADD) == m.SEND_FLOW_REM | m.CHECK_OVERLAP
    assert b.flow_flags_to_10(m.RESET_COUNTS, m.DELETE) == 0
    for command in (m.MODIFY, m.MODIFY_STRICT):
        assert inexpressible(lambda: b.flow_flags_to_10(m.RESET_COUNTS, command)) == ec.FLOW_MOD_BAD_FLAGS  # noqa: B023


def test_1_3_has_no_room_for_emergency_entries() -> None:
    assert b.flow_flags_to_13(m.SEND_FLOW_REM) == m.SEND_FLOW_REM
    assert inexpressible(lambda: b.flow_flags_to_13(m.EMERGENCY)) == ec.TABLE_FULL
