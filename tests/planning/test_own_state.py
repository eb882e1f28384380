"""All that the hypervisor has on a datapath, together."""

from __future__ import annotations

from collections.abc import Iterable

from attrs import evolve
from hypothesis import assume, given
from hypothesis import strategies as st

from flowvisor.errors import Inexpressible
from flowvisor.flowspace.region import TooManyPieces
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.ports import NO_FWD, NO_RECV, NO_RECV_STP, PORT_DOWN
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.closed_ports import closed_groups, reception_entries
from flowvisor.planning.entries import classifier_entries, fence_entries, groups_of, probe_entry
from flowvisor.planning.own_state import entries_by_ports, own_entries, own_groups
from flowvisor.planning.plan import compile_plan
from flowvisor.policies.acl import Acl
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.examples import examples
from tests.support.slices import A, B, acls, can_be_said, slice_sets


def test_nothing_of_it_is_left_out_and_nothing_is_twice() -> None:
    slices = (A, B)
    configs = {"a": {1: NO_FWD, 2: NO_RECV | NO_RECV_STP}}
    for version in (1, 4):
        plan = compile_plan(slices, Allocations().allocate(slices), dpid=1, version=version, n_tables=254)
        entries = own_entries(plan, configs)
        parts = (classifier_entries(plan), fence_entries(plan), reception_entries(plan, configs))
        assert entries == [entry for part in parts for entry in part]
        assert len({(entry.priority, str(entry.match)) for entry in entries}) == len(entries)
        groups = own_groups(plan, (1, 2, 3, 4), configs)
        assert groups == [*groups_of(plan, (1, 2, 3, 4), configs), *closed_groups(plan, configs)]
        assert len({group.group_id for group in groups}) == len(groups)


def test_probes_are_brought_back_where_links_are_looked_for() -> None:
    plan = compile_plan((A, B), Allocations().allocate((A, B)), dpid=1, version=4, n_tables=254)
    assert own_entries(evolve(plan, is_probed=True), {}) == [*own_entries(plan, {}), probe_entry()]


def places(entries: Iterable[FlowMod]) -> set[object]:
    return {(entry.priority, frozenset(entry.match.fields.items())) for entry in entries}


@examples(40)
@given(slice_sets(), acls(), st.sampled_from((1, 4)), st.data())
def test_what_ports_change_is_told_without_all_the_rest(
    slices: list[FlowspaceSlice], acl: Acl, version: int, data: st.DataObject
) -> None:
    assume(can_be_said(acl))
    plan = compile_plan(
        slices, Allocations().allocate(slices), dpid=1, version=version, n_tables=254, acls={"a": acl}
    )
    bits = st.sampled_from((0, NO_FWD, NO_RECV, NO_RECV_STP, PORT_DOWN))
    configs = {"a": {port: data.draw(bits) for port in (1, 2)}}
    try:
        told, everything = entries_by_ports(plan, configs), own_entries(plan, configs)
    except (TooManyPieces, Inexpressible):
        return
    rest = [entry for entry in everything if entry not in told]
    assert rest == [entry for entry in own_entries(plan, {}) if entry not in entries_by_ports(plan, {})]
    assert not places(rest) & places(told)
