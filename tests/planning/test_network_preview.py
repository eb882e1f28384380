"""What is said beforehand of virtual networks is what a reload then does to them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import evolve
from hypothesis import example, given, note
from hypothesis import strategies as st

from flowvisor.configuration.snapshot import Configuration
from flowvisor.hypervisor.effects import CloseChannels, OpenChannels, VirtualSwitchName
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.network_preview import (
    CLOSED,
    KEPT,
    OPENED,
    REOPENED,
    NetworkChanges,
    PortChange,
)
from flowvisor.planning.own_state import own_entries
from flowvisor.planning.preview import Entry, Preview, describe_entry, offline, preview
from flowvisor.slices.slice import Slice
from tests.support.examples import examples
from tests.support.virtual import a_network
from tests.support.virtual_world import VirtualWorld
from tests.support.world import a_slice, configuration, ports

BIG = {1: "1/1", 2: "2/1"}
BLUE = a_network("blue", {"big": BIG})
RED = a_network("red", {"big": {1: "1/2"}, "lab": {5: "3/2"}}, ["big/10 lab/10"])
FILES: Final[Mapping[str, tuple[Slice, ...]]] = {
    "blue": (BLUE,),
    "a port moved": (a_network("blue", {"big": {**BIG, 2: "2/2@7"}}),),
    "another port": (a_network("blue", {"big": {**BIG, 3: "3/1"}}),),
    "elsewhere": (a_network("blue", {"big": {1: "3/3"}}),),
    "more tables": (a_network("blue", {"big": BIG}, tables=3),),
    "a table in front": (a_network("blue", {"big": BIG}, answers_arp=True),),
    "both": (BLUE, RED),
    "red": (RED,),
    "a slice": (a_slice("green", ports(1, 2, 3)),),
}


def said(before: tuple[Slice, ...], after: tuple[Slice, ...]) -> Preview:
    files: list[Configuration] = [configuration(*each) for each in (before, after)]
    return preview(offline(*files, Allocations()), files[1])


def test_ports_that_come_go_and_move_are_told() -> None:
    after = a_network("blue", {"big": {2: "2/2@7 3/1", 3: "1/4@none"}})
    found = said((BLUE,), (after,))
    one, two = "0000000000000001", "0000000000000002"
    changes = (
        PortChange(1, f"{one}/1", None),
        PortChange(2, f"{two}/1", f"{two}/2@7 or 0000000000000003/1"),
        PortChange(3, None, f"{one}/4@none"),
    )
    assert found.networks == (NetworkChanges("blue", "big", KEPT, changes),)
    here = next(each for each in found.datapaths if each.name == one)
    assert Entry(32767, "in_port 1", "blue/big, port 1") in here.entries.removed
    assert here.slices == {}


def test_who_controls_a_virtual_switch_that_goes_on_is_told_if_that_is_somebody_else() -> None:
    other = parse_connection_method("tcp:10.0.0.9:6653")
    (found,) = said((BLUE,), (evolve(BLUE, controllers=(other,)),)).networks
    assert (found.channels, found.ports) == (KEPT, ())
    assert (found.hung_up_on, found.called) == (tuple(map(str, BLUE.controllers)), (str(other),))
    (closed,) = said((BLUE,), ()).networks
    assert (closed.hung_up_on, closed.called) == ((), ())


def test_datapaths_are_called_what_the_admin_calls_them() -> None:
    files = configuration(BLUE)
    files = evolve(files, settings=evolve(files.settings, datapaths={"leaf": 1}))
    found = preview(offline(configuration(), files, Allocations()), files)
    assert found.networks[0].ports[0] == PortChange(1, None, "leaf/1")


def test_a_virtual_link_is_told_by_its_name() -> None:
    (big, lab) = said((), (RED,)).networks
    assert (big.channels, big.ports[1]) == (OPENED, PortChange(10, None, "link link-0"))
    assert (lab.channels, lab.ports[1]) == (OPENED, PortChange(10, None, "link link-0"))


def test_nothing_is_told_where_files_say_the_same() -> None:
    assert not said((BLUE, RED), (BLUE, RED))


def in_table_0(world: VirtualWorld, dpid: int) -> set[Entry]:
    """The hypervisor's own entries, as they are on a datapath, in words."""
    (plan,) = (one.plan for one in world.hypervisor.datapaths.values() if one.dpid == dpid)
    there = [
        (one.priority, one.match.fields, one.instructions) for one in world.emulated[dpid].pipeline.tables[0]
    ]
    return {
        describe_entry(plan, one)
        for one in own_entries(plan, {})
        if one.table_id == 0 and (one.priority, one.match.fields, one.instructions) in there
    }


@example(names=["elsewhere", "another port"])  # from one datapath to several
@example(names=["more tables", "a table in front"])  # as many tables in all
@examples(20)
@given(names=st.lists(st.sampled_from(sorted(FILES)), min_size=2, max_size=2, unique=True))
def test_a_reload_does_what_was_said_of_it(names: list[str]) -> None:
    first, then = (FILES[name] for name in names)
    world = VirtualWorld(first)
    dpids = tuple(world.emulated)
    before = {dpid: in_table_0(world, dpid) for dpid in dpids}
    told = preview(world.hypervisor.ahead(), configuration(*then))
    note(told)
    world.commands.clear()
    world.reload(configuration(*then))
    entries = {one.name: one.entries for one in told.datapaths}
    for dpid in dpids:
        expected = before[dpid]
        if f"{dpid:016x}" in entries:
            one = entries[f"{dpid:016x}"]
            expected = expected - {old for old, _ in one.changed} - set(one.removed)
            expected |= {new for _, new in one.changed} | set(one.added)
        assert expected == in_table_0(world, dpid)
    assert switches(told, CLOSED, REOPENED) == {
        one.switch for one in world.commands if isinstance(one, CloseChannels) and one.switch.dpid >= 0xA0
    }
    assert switches(told, OPENED, REOPENED) == {
        one.switch for one in world.commands if isinstance(one, OpenChannels) and one.switch.dpid >= 0xA0
    }


def switches(told: Preview, *kinds: str) -> set[VirtualSwitchName]:
    dpids = {"big": 0xA0, "lab": 0xA1}
    return {
        VirtualSwitchName(one.network, dpids[one.switch]) for one in told.networks if one.channels in kinds
    }
