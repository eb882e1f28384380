"""The plan of one datapath: how isolation is enforced on it, and each slice's view of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import Enum

from attrs import Factory, define, evolve, frozen

from flowvisor.flowspace.box import Box
from flowvisor.flowspace.layout import boxes_of
from flowvisor.network.wanted_datapath import BaseEntry
from flowvisor.openflow.match import Match
from flowvisor.planning.allocation import Allocations, TableBlock
from flowvisor.planning.base_entries import can_be_said
from flowvisor.planning.claims import NO_CLAIMS, Claims
from flowvisor.planning.fences import core_fences, fences_of
from flowvisor.planning.ownership import Ownership, RankedBox
from flowvisor.planning.share import NO_PART, LabelEntry, Part, Share
from flowvisor.planning.view import View
from flowvisor.planning.virtual_view import VirtualView
from flowvisor.policies.acl import Acl
from flowvisor.slices.flowspace_slice import FlowspaceSlice


class Enforcement(Enum):
    """Who keeps slices apart: the datapath's own tables, or the match of every flow entry."""

    TABLES = "tables"
    INTERSECT = "intersect"


@frozen(eq=False)
class DatapathPlan:
    """What compiling the slices gives for one datapath.

    `fences` are the packets that an entry above those of all slices drops where matches are intersected.
    """

    dpid: int
    version: int
    enforcement: Enforcement
    ownership: Ownership
    views: Mapping[str, View]
    fences: tuple[Match, ...] = ()
    meters: Mapping[str, int] = Factory(dict)  # of slices whose bandwidth the classifier limits
    answer_meters: Mapping[str, int] = Factory(dict)  # of shares where it is answered who has an address
    is_probed: bool = False  # links are looked for
    part: Part = NO_PART  # what is done here for virtual networks
    core_fences: tuple[Match, ...] = ()  # likewise, what comes with a label that the core has not put on
    base: tuple[BaseEntry, ...] = ()  # the admin's own entries that the datapath's version can say

    @property
    def shares(self) -> Mapping[str, Share]:
        """The virtual switches that lie here, too, by the names of their shares."""
        return self.part.shares

    @property
    def label_entries(self) -> tuple[LabelEntry, ...]:
        """What is done with packets of virtual networks that pass, or leave the core here."""
        return self.part.label_entries

    def with_part(self, part: Part) -> DatapathPlan:
        """The same plan, but for what is done for virtual networks; views of shares that stay as they are do, too."""
        views = {name: view for name, view in self.views.items() if view.share is None}
        for name, share in part.shares.items():
            known = self.views.get(name)
            is_same = known is not None and known.share is share
            views[name] = known if known is not None and is_same else VirtualView(share, self.ownership)
        return evolve(self, part=part, views=views)

    @property
    def blocks(self) -> dict[str, TableBlock]:
        """The block of tables of each slice that is here; empty when intersecting."""
        return {name: view.block for name, view in self.views.items() if view.block is not None}


@define(eq=False)
class Compiled:
    """What has been compiled of some slices and allocations, for datapaths of which the rules say the same.

    Plans are known by what the rules say, by whether the slices have tables there, and by the version.
    """

    ownerships: dict[object, Ownership] = Factory(dict)
    plans: dict[tuple[object, bool, int], DatapathPlan] = Factory(dict)


def ownership_at(
    slices: Sequence[FlowspaceSlice],
    dpid: int,
    acls: Mapping[str, Acl],
    compiled: Compiled,
    claims: Claims = NO_CLAIMS,
) -> Ownership:
    """Who owns what at a datapath, whether it is connected or not. `claims` are virtual networks'."""
    here = [one for one in slices if one.rules_at(dpid)]
    here_acls = _acls_of(here, acls)
    claimed = claims.at(dpid)
    said = _said(here, here_acls, dpid, claimed)
    known = compiled.ownerships.get(said)
    if known is None:
        known = compiled.ownerships[said] = Ownership.at(dpid, here, here_acls, claimed)
    return known


def has_tables(
    slices: Sequence[FlowspaceSlice], allocations: Allocations, *, dpid: int, version: int, n_tables: int
) -> bool:
    """Whether slices have tables of their own at a datapath: not if any of them needs one that it has not."""
    here = (one for one in slices if one.rules_at(dpid) and _writes(one, dpid))
    return version >= 4 and all(allocations.blocks[one.name].end <= n_tables for one in here)


def _acls_of(here: Sequence[FlowspaceSlice], acls: Mapping[str, Acl]) -> dict[str, Acl]:
    return {one.name: acl for one in here if (acl := acls.get(one.name))}


def _said(
    here: Sequence[FlowspaceSlice], acls: Mapping[str, Acl], dpid: int, claimed: tuple[RankedBox, ...]
) -> object:
    """What the rules say of a datapath."""
    return (
        claimed,
        tuple((one.name, tuple(rule.is_at(dpid) for rule in one.rules)) for one in here),
        tuple((name, tuple(rule.is_at(dpid) for rule in acl.rules)) for name, acl in acls.items()),
    )


def compile_plan(
    slices: Sequence[FlowspaceSlice],
    allocations: Allocations,
    *,
    dpid: int,
    version: int,
    n_tables: int,
    acls: Mapping[str, Acl] | None = None,
    compiled: Compiled | None = None,
    claims: Claims = NO_CLAIMS,
    part: Part = NO_PART,
) -> DatapathPlan:
    """Compile the slices that have a rule at the datapath. `n_tables` is what the datapath says it has.

    `acls` are the ACLs of those slices that have one, by the slices' names. `claims` are what virtual networks have
    anywhere, and `part` is what this datapath does for them now.

    Datapaths of which the rules say the same share what follows from them, if `compiled` is kept between calls
    (for the same slices, ACLs and allocations).
    """
    compiled = Compiled() if compiled is None else compiled
    here = [one for one in slices if one.rules_at(dpid)]
    blocks = {one.name: allocations.blocks[one.name] for one in here if _writes(one, dpid)}
    fits = has_tables(slices, allocations, dpid=dpid, version=version, n_tables=n_tables)
    here_acls = _acls_of(here, acls or {})
    claimed = claims.at(dpid)
    said = _said(here, here_acls, dpid, claimed)
    wanted = claims.entries_at(dpid)
    base = tuple(one for one in wanted if can_be_said(one, version))
    known = compiled.plans.get((said, fits, version))
    if known is not None:
        views = {name: view.of_another_datapath() for name, view in known.views.items()}
        return evolve(known, dpid=dpid, views=views, base=base).with_part(part)
    ownership = Ownership.at(dpid, here, here_acls, claimed)
    fences = {} if fits else fences_of(ownership, here_acls, version)
    # With tables it is the classifier that drops what is denied.
    ownership.fence(here_acls if fits else fences, keeps_base_out=base == wanted)
    plan = compiled.plans[said, fits, version] = DatapathPlan(
        dpid=dpid,
        version=version,
        enforcement=Enforcement.TABLES if fits else Enforcement.INTERSECT,
        ownership=ownership,
        views={
            one.name: View(
                slice_name=one.name,
                ownership=ownership,
                block=blocks.get(one.name) if fits else None,
                may_write=one.name in blocks,
                reads=_read_boxes(one, dpid),
                n_tables_of_others=max((block.size for block in blocks.values()), default=1) if fits else 1,
            )
            for one in here
        },
        fences=tuple(match for matches in fences.values() for match in matches),
        base=base,
        core_fences=()
        if fits
        else core_fences(claimed, claims.vlan_labels_in_use(allocations.labels), version),
    )
    return plan.with_part(part)


def _writes(one: FlowspaceSlice, dpid: int) -> bool:
    return any(rule.may_write for rule in one.rules_at(dpid))


def _read_boxes(one: FlowspaceSlice, dpid: int) -> tuple[Box, ...]:
    rules = [rule for rule in one.rules_at(dpid) if not rule.may_write]
    return tuple(dict.fromkeys(box for rule in rules for match in rule.matches for box in boxes_of(match)))
