"""What is said beforehand of a reload is what it then does."""

from __future__ import annotations

import pytest
from attrs import evolve
from hypothesis import given, note
from hypothesis import strategies as st

from flowvisor.configuration.snapshot import Configuration
from flowvisor.hypervisor.effects import CloseChannels, OpenChannels
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.network.tls_files import NamedFile, TlsFiles
from flowvisor.network.wanted_datapath import BaseEntry, WantedDatapath
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import PORT_ADD, PortStatus
from flowvisor.openflow.ports import LOCAL
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.entries import BASE_PRIORITY, probe_entry
from flowvisor.planning.own_state import own_entries
from flowvisor.planning.plan import compile_plan
from flowvisor.planning.preview import (
    CLOSED,
    OPENED,
    OTHER_DATAPATHS,
    OTHER_PORTS,
    REOPENED,
    Entry,
    EntryChanges,
    SliceChanges,
    describe_entry,
    offline,
    preview,
)
from flowvisor.policies.bandwidth import Bandwidth
from tests.support.dialogue import the_datapath
from tests.support.examples import examples
from tests.support.kinds import KINDS, ON_TABLES, Kind
from tests.support.slices import PORTS, A, B, slice_sets
from tests.support.world import NOWHERE, Controller, World, a_slice, configuration, ports


def on_the_datapath(world: World) -> set[Entry]:
    """The hypervisor's own entries, as they are there, in words."""
    plan = the_datapath(world).plan
    there = [
        (one.priority, one.match.fields, one.instructions) for one in world.emulated[1].pipeline.tables[0]
    ]
    return {
        describe_entry(plan, one)
        for one in own_entries(plan, {})
        if (one.priority, one.match.fields, one.instructions) in there
    }


@pytest.mark.parametrize("kind", KINDS, ids=str)
@examples(25)
@given(data=st.data())
def test_a_reload_does_what_was_said_of_it(kind: Kind, data: st.DataObject) -> None:
    names = ("a", "b", "c")
    first = data.draw(slice_sets(data.draw(st.sampled_from((names[:2], names)))))
    then = data.draw(slice_sets(data.draw(st.sampled_from((names[:2], names[1:], names)))))
    world = kind.world(*first, ports=PORTS)
    controllers = {one: world.controller(one) for one in the_datapath(world).switches}
    before = on_the_datapath(world)
    said = preview(world.hypervisor.ahead(), configuration(*then))
    note(said)
    world.commands.clear()
    world.reload(configuration(*then))
    (here,) = said.datapaths or (None,)
    entries = here.entries if here is not None else EntryChanges()
    slices = here.slices if here is not None else {}
    assert before - {old for old, _ in entries.changed} - set(entries.removed) | {
        new for _, new in entries.changed
    } | set(entries.added) == on_the_datapath(world)
    closed = {name for name, one in slices.items() if one.channels in (CLOSED, REOPENED)}
    assert closed == {one.switch.slice_name for one in world.commands if isinstance(one, CloseChannels)}
    opened = {one.switch.slice_name for one in world.commands if isinstance(one, OpenChannels)}
    assert {name for name, one in slices.items() if one.channels in (OPENED, REOPENED)} <= opened
    for name, controller in controllers.items():
        if name not in closed:
            assert heard(controller) == ports_of(slices.get(name, SliceChanges()))


def heard(controller: Controller) -> tuple[set[str], set[str]]:
    told = controller.heard(PortStatus)
    come = {str(one.port.number) for one in told if one.reason == PORT_ADD}
    return come, {str(one.port.number) for one in told} - come


def ports_of(changes: SliceChanges) -> tuple[set[str], set[str]]:
    return set(changes.ports_gained), set(changes.ports_lost)


def said_offline(before: Configuration, after: Configuration) -> dict[str, dict[str, SliceChanges]]:
    found = preview(offline(before, after, Allocations()), after)
    return {one.name: dict(one.slices) for one in found.datapaths}


def test_offline_each_datapath_that_is_named_is_looked_at_and_one_for_all_others() -> None:
    before = configuration(A, B)
    named = evolve(before.settings, datapaths={"leaf": 7})
    after = evolve(configuration(a_slice("a", ports(1, at=[7]), ports(2)), B), settings=named)
    lost = SliceChanges(ports_lost=("1",))
    assert said_offline(before, after) == {OTHER_DATAPATHS: {"a": lost}}
    gained = configuration(a_slice("a", ports(1, 2), ports(5, at=[7, 8])), B)
    assert said_offline(before, evolve(gained, settings=named)) == {
        "leaf": {"a": SliceChanges(ports_gained=("5",))},
        "0000000000000008": {"a": SliceChanges(ports_gained=("5",))},
    }


def test_a_rule_that_names_no_port_has_all_others_too() -> None:
    everything = a_slice("c", evolve(ports(1), matches=(evolve(ports(1).matches[0], fields={}),), priority=1))
    said = said_offline(configuration(A), configuration(A, everything))
    assert said == {OTHER_DATAPATHS: {"c": SliceChanges(channels=OPENED, ports_gained=(OTHER_PORTS,))}}


def test_nothing_changes_where_the_files_say_the_same() -> None:
    assert not preview(offline(configuration(A), configuration(A), Allocations()), configuration(A))


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (
            evolve(A, controllers=(parse_connection_method("tcp:127.0.0.1:6900"),)),
            SliceChanges(hung_up_on=("tcp:127.0.0.1:6801",), called=("tcp:127.0.0.1:6900",)),
        ),
        (
            evolve(A, versions=frozenset({4})),
            SliceChanges(hung_up_on=("tcp:127.0.0.1:6801",), called=("tcp:127.0.0.1:6801",)),
        ),
        (evolve(A, tables=5), SliceChanges(channels=REOPENED)),
        (evolve(A, tls=TlsFiles(NamedFile("k", NOWHERE), NamedFile("c", NOWHERE))), None),
    ],
)
def test_channels_that_will_drop_are_named(other: object, expected: SliceChanges | None) -> None:
    said = said_offline(configuration(A, B), configuration(other, B))  # type: ignore[arg-type]
    assert said.get(OTHER_DATAPATHS, {}).get("a") == expected


def test_a_meter_that_limits_a_slice_is_said() -> None:
    limited = configuration(evolve(A, policies=("gold",)), B, policies=[Bandwidth("gold", rate=5)])
    world = ON_TABLES.world(A, B)
    found = preview(world.hypervisor.ahead(), limited)
    changed = [new.to for one in found.datapaths for _, new in one.entries.changed]
    assert set(changed) == {"a, limited by meter 1000"}


def test_the_entry_that_brings_back_probes_is_called_so() -> None:
    plan = compile_plan([A], Allocations().allocate([A]), dpid=1, version=4, n_tables=254)
    assert describe_entry(plan, probe_entry()).to == "probes for links"


def test_the_admins_own_entries_are_said_to_come_and_where_they_send_packets() -> None:
    def having(*entries: BaseEntry) -> Configuration:
        plain = configuration(A, B)
        wanted = {7: WantedDatapath(entries=entries)} if entries else {}
        return evolve(plain, settings=evolve(plain.settings, datapaths={"leaf": 7}, wanted=wanted))

    sent = BaseEntry((Match.of(in_port=1, vlan_vid=0x1007),), (3, LOCAL), NOWHERE)
    dropped = BaseEntry((Match.of(in_port=2, vlan_vid=0x1007),), (), NOWHERE)
    after = having(sent, dropped)
    found = preview(offline(having(), after, Allocations()), after)
    (leaf,) = found.datapaths
    assert leaf.entries.added == (
        Entry(BASE_PRIORITY, "in_port 1, vlan_vid 7", "the admin's own: out of 3, local"),
        Entry(BASE_PRIORITY, "in_port 2, vlan_vid 7", "drop"),
    )
    assert not leaf.slices
