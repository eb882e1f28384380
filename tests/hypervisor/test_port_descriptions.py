"""A virtual port is described as one of its own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.hypervisor.port_descriptions import address_of, described
from flowvisor.openflow import v10, v13
from flowvisor.openflow.messages import FeaturesReply
from flowvisor.openflow.multipart import PortDescReply
from flowvisor.openflow.ports import LINK_DOWN, LIVE, Port
from flowvisor.planning.placement import PortState
from flowvisor.slices.virtual_switch import LogicalSwitch
from tests.support.virtual import PLACE, at

UP = PortState(at("1/3"), 1, is_up=True)
DOWN = PortState(at("1/3"), None, is_up=False)
BIG = LogicalSwitch("big", 0xA0, {}, PLACE)


def test_a_port_is_up_or_down_as_it_lies() -> None:
    assert described(BIG, 7, UP, None).state == LIVE
    assert described(BIG, 7, DOWN, None).state == LINK_DOWN


def test_its_speed_is_that_of_the_port_that_it_is_attached_to() -> None:
    physical = Port(3, hw_addr=bytes(6), current=0x20, current_speed=1_000_000, max_speed=10_000_000)
    port = described(BIG, 7, UP, physical)
    assert (port.current, port.current_speed, port.max_speed) == (0x20, 1_000_000, 10_000_000)
    assert (port.number, port.name) == (7, "big-7")


def test_neither_name_nor_address_changes_when_it_moves() -> None:
    here = described(BIG, 7, UP, Port(3, hw_addr=b"\x02\0\0\0\0\x03", name="eth3"))
    there = described(BIG, 7, DOWN, None)
    assert (here.name, here.hw_addr) == (there.name, there.hw_addr)


@given(st.integers(0, 2**64 - 1), st.integers(1, 0xFEFF))
def test_its_address_is_that_of_one_host_and_assigned_by_nobody(dpid: int, number: int) -> None:
    address = address_of(dpid, number)
    assert len(address) == 6
    assert address[0] & 3 == 2
    assert address != address_of(dpid, number + 1)
    assert address != address_of(dpid ^ 1, number)


@given(st.from_regex(r"[a-z0-9-]{1,30}", fullmatch=True), st.integers(1, 0xFEFF))
def test_a_switch_of_any_name_has_room_for_the_number(name: str, number: int) -> None:
    port = described(LogicalSwitch(name, 0xA0, {}, PLACE), number, UP, None)
    assert port.name.endswith(f"-{number}")
    assert v13.decode(v13.encode(PortDescReply(ports=(port,)))).ports == (port,)  # type: ignore[attr-defined]
    v10.encode(FeaturesReply(dpid=1, ports=(port,)))
