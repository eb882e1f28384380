"""What is sent when virtual networks lie elsewhere makes of what was there what should be there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.network.topology import End
from flowvisor.openflow.actions import Group
from flowvisor.openflow.messages import (
    DELETE,
    DELETE_STRICT,
    GROUP_DELETE,
    Bucket,
    FlowMod,
    GroupMod,
    Message,
)
from flowvisor.openflow.ports import NO_FLOOD, PORT_DOWN
from flowvisor.planning.difference import entry_key
from flowvisor.planning.own_state import own_entries, own_groups
from flowvisor.planning.part_changes import part_changes
from flowvisor.planning.plan import DatapathPlan
from flowvisor.planning.share import port_of_group
from flowvisor.slices.virtual_switch import Addresses
from tests.support.virtual import Core, a_network

CABLES = (("1/7", "2/7"), ("2/8", "3/8"), ("1/8", "3/7"))
NETWORKS = (
    a_network(
        "blue",
        {"big": {1: "1/1", 2: "2/1", 3: "3/1@20", 4: "3/1@30"}},
        addresses={"big/2": Addresses(1, (10,), (11,)), "big/3": Addresses(3, (30,))},
        answers_arp=True,
    ),
    a_network("red", {"big": {1: "1/2"}, "hub": {}, "lab": {1: "3/2 1/3"}}, ["big/9 hub/1", "hub/2 lab/9"]),
    a_network(
        "green", {"big": {1: "1/4", 2: "2/4", 3: "3/4@none", 4: "1/5"}}, mirrors={"big/1": 3, "big/4": 3}
    ),
)
BROKEN = [End(1, 7), End(2, 8), End(3, 7), End(1, 1), End(3, 1)]
NO_CONFIGS: Mapping[str, Mapping[int, int]] = {}

core_state = st.tuples(
    st.sets(st.sampled_from(BROKEN), max_size=3), st.sets(st.integers(1, 3), max_size=1), st.booleans()
)
port_configs = st.dictionaries(
    st.sampled_from(["blue/big", "red/big"]),
    st.dictionaries(st.integers(1, 4), st.sampled_from([PORT_DOWN, NO_FLOOD]), max_size=2),
    max_size=2,
)


def led_to(buckets: Iterable[Bucket]) -> set[int]:
    """The groups that a group leads to."""
    return {one.group_id for bucket in buckets for one in bucket.actions if isinstance(one, Group)}


class Held:
    """The entries and groups that a datapath has."""

    def __init__(self, plan: DatapathPlan, configs: Mapping[str, Mapping[int, int]] = NO_CONFIGS) -> None:
        self.entries = {entry_key(one): one.instructions for one in own_entries(plan, configs)}
        self.groups = {one.group_id: one.buckets for one in own_groups(plan, range(1, 9), configs)}

    def take(self, message: Message) -> None:
        """As a datapath does, which also minds in what order it is told."""
        if isinstance(message, FlowMod) and message.command == DELETE_STRICT:
            del self.entries[entry_key(message)]
        elif isinstance(message, FlowMod):
            self.entries[entry_key(message)] = message.instructions
        elif isinstance(message, GroupMod) and message.command == GROUP_DELETE:
            del self.groups[message.group_id]
            assert message.group_id not in {led for one in self.groups.values() for led in led_to(one)}
        elif isinstance(message, GroupMod):
            assert (message.group_id in self.groups) == bool(message.command)
            assert led_to(message.buckets) <= self.groups.keys()
            self.groups[message.group_id] = message.buckets


def plans_of(core: Core, state: tuple[set[End], set[int], bool]) -> dict[int, DatapathPlan]:
    core.broken, core.gone, has_moved = state
    core.moved = {}
    if has_moved:
        lab = core.networks[1].logical["lab"].ports[1]
        core.moved = {
            next(name for name in core.allocations.labels if name.share == "red/lab"): lab.places[1]
        }
    core.put()
    return dict(core.plans)


@given(core_state, core_state, port_configs)
def test_exactly_what_should_be_there_is_there_afterwards(
    before: tuple[set[End], set[int], bool],
    after: tuple[set[End], set[int], bool],
    configs: dict[str, dict[int, int]],
) -> None:
    core = Core({1: 4, 2: 1, 3: 4}, CABLES, NETWORKS)
    old = plans_of(core, before)
    new = plans_of(core, after)
    for dpid, plan in new.items():
        held = Held(old[dpid], configs)
        changes = part_changes(old[dpid], plan, configs)
        for message in (*changes.additions, *changes.removals):
            if isinstance(message, FlowMod) and message.command == DELETE:
                continue  # a tenant's table is emptied
            held.take(message)
        expected = Held(plan, configs)
        assert held.entries == expected.entries
        assert held.groups == expected.groups


def test_a_mirror_that_another_file_gives_or_takes_away_is_put_and_goes() -> None:
    places = {1: "1/1", 2: "2/1", 3: "3/1", 4: "1/2"}
    files = [
        a_network("blue", {"big": places}, mirrors=mirrors) for mirrors in ({}, {"big/1": 3}, {"big/1": 4})
    ]
    core = Core({1: 4, 2: 4, 3: 4}, CABLES, [files[0]])
    old = plans_of(core, (set(), set(), False))
    for after in (1, 2, 1, 0):
        core.embedder.networks = [files[after]]
        new = plans_of(core, (set(), set(), False))
        for dpid, plan in new.items():
            held = Held(old[dpid])
            changes = part_changes(old[dpid], plan, NO_CONFIGS)
            assert changes != ([], [])
            for message in (*changes.additions, *changes.removals):
                held.take(message)
            assert (held.entries, held.groups) == (Held(plan).entries, Held(plan).groups)
        old = new


def test_what_stays_as_it_is_is_not_sent() -> None:
    core = Core({1: 4, 2: 4, 3: 4}, CABLES, NETWORKS)
    old = plans_of(core, (set(), set(), False))
    new = plans_of(core, ({End(1, 1)}, set(), False))
    assert all(part_changes(old[dpid], new[dpid], NO_CONFIGS) == ([], []) for dpid in old)


def test_a_new_way_is_one_group_on_each_edge_that_has_it() -> None:
    core = Core({1: 4, 2: 4, 3: 4}, CABLES, NETWORKS[:1])
    old = plans_of(core, (set(), set(), False))
    new = plans_of(core, ({End(1, 7)}, set(), False))
    block = new[1].shares["blue/big"].block
    groups = {
        dpid: [port_of_group(block, one.group_id) for one in changes.additions if isinstance(one, GroupMod)]
        for dpid in old
        if (changes := part_changes(old[dpid], new[dpid], NO_CONFIGS))
    }
    assert groups == {1: [2], 2: [1], 3: []}
