"""Changes of the hypervisor's own state: they lead from the one plan to the other, and never past both."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.openflow.actions import Instructions
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import GROUP_MODIFY, GroupMod, Message
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import NO_FLOOD, NO_RECV, PORT_DOWN
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.concerned import Concerned
from flowvisor.planning.entries import flood_group
from flowvisor.planning.own_changes import OwnState, own_changes
from flowvisor.planning.own_state import own_entries, own_groups
from flowvisor.planning.plan import compile_plan
from flowvisor.policies.acl import Acl
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.examples import examples
from tests.support.flowspace_strategies import applies
from tests.support.slices import DPID, PORTS, A, B, meeting_slices, packets, slice_sets, some_acls
from tests.support.world import a_slice, ports

Configs = Mapping[str, Mapping[int, int]]

# Every slice has its tables whether it is there or not.
ALLOCATIONS = Allocations().allocate([evolve(A, name=name, tables=3) for name in "abc"])

port_configs = st.dictionaries(
    st.sampled_from(("a", "b", "c")),
    st.dictionaries(st.sampled_from(PORTS), st.sampled_from((NO_FLOOD, NO_RECV, PORT_DOWN)), max_size=2),
)


def state(
    slices: Iterable[FlowspaceSlice], configs: Configs, acls: Mapping[str, Acl] | None = None
) -> OwnState:
    plan = compile_plan(list(slices), ALLOCATIONS, dpid=DPID, version=4, n_tables=254, acls=acls)
    return OwnState(evolve(plan, is_probed=True), {name: configs.get(name, {}) for name in plan.views})


def names_of(before: OwnState, after: OwnState) -> set[str]:
    concerned = Concerned((before.plan.ownership, after.plan.ownership))
    both = before.plan.views.keys() & after.plan.views.keys()
    return (before.plan.views.keys() ^ after.plan.views.keys()) | {
        name for name in both if concerned.includes(name, ())
    }


def tell(datapath: EmulatedDatapath, messages: Iterable[Message]) -> EmulatedDatapath:
    for message in messages:
        assert list(datapath.from_controller(message, 0.0)) == [], message
    return datapath


def having(state: OwnState) -> EmulatedDatapath:
    datapath = EmulatedDatapath(DPID, 4, PORTS, n_tables=254)
    tell(datapath, own_groups(state.plan, PORTS, state.configs))
    return tell(datapath, own_entries(state.plan, state.configs))


def contents(datapath: EmulatedDatapath) -> object:
    pipeline = datapath.pipeline
    flows = {
        (entry.priority, frozenset(entry.match.fields.items())): entry.instructions
        for entry in pipeline.tables[0]
    }
    return flows, {number: group.buckets for number, group in pipeline.groups._groups.items()}


def becomes_of(datapath: EmulatedDatapath, packet: bytes, port: int) -> Instructions:
    fields = parse(packet, port)
    met = [entry for entry in datapath.pipeline.tables[0] if applies(entry.match, fields)]
    return max(met, key=lambda entry: entry.priority).instructions


@examples(25)
@given(st.data())
def test_changes_lead_from_one_plan_to_the_other_and_no_packet_to_a_third(data: st.DataObject) -> None:
    configs = data.draw(port_configs)
    first = data.draw(meeting_slices())
    then = data.draw(slice_sets(data.draw(st.sampled_from((("a", "b"), ("b", "c"), ("b",))))))
    if data.draw(st.booleans()):
        then[0] = first[1]
    before, after = (
        state(slices, configs, data.draw(some_acls(one.name for one in slices))) for slices in (first, then)
    )
    changes = own_changes(before, after, PORTS, names_of(before, after))
    datapath = having(before)
    packet, port = data.draw(packets), data.draw(st.sampled_from(PORTS))
    known = [becomes_of(having(one), packet, port) for one in (before, after)]
    for message in (*changes.first, *changes.entries, *changes.last):
        tell(datapath, [message])
        assert becomes_of(datapath, packet, port) in known
    assert contents(datapath) == contents(having(after))


def test_nothing_is_sent_where_nothing_differs() -> None:
    one = state([A, B], {"a": {1: NO_RECV}})
    assert own_changes(one, one, PORTS, {"a", "b"}) == ([], [], [])


def test_a_flood_goes_to_a_port_last_and_leaves_one_first() -> None:
    before = state([A, B], {})
    after = state([a_slice("a", ports(1, 3)), a_slice("b", ports(2, 4))], {})
    changes = own_changes(before, after, PORTS, {"a", "b"})

    def flooded(messages: list[Message]) -> list[list[object]]:
        group_id = flood_group(ALLOCATIONS.blocks["a"])
        return [
            [bucket.actions[0].port for bucket in one.buckets]  # type: ignore[union-attr]
            for one in messages
            if isinstance(one, GroupMod) and one.command == GROUP_MODIFY and one.group_id == group_id
        ]

    assert (flooded(changes.first), flooded(changes.last)) == ([[1]], [[1, 3]])


def test_what_differs_beside_what_stays_in_its_place_is_told_apart() -> None:
    """One box's match may be among those of another, where a field has to be exact."""
    pair = Match.of(in_port=(2, 0xFFFFFFFE))
    (only,) = (Match.of(in_port=3),)
    before = state([a_slice("a", evolve(ports(1), matches=(pair, only)))], {})
    after = state([a_slice("a", evolve(ports(1), matches=(pair,)))], {})
    changes = own_changes(before, after, PORTS, {"a"})
    assert changes.entries == []
