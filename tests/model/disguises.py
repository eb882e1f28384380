"""What tenants build of several messages, to draw: chains over tables, and groups with what uses them.

Mostly it makes packets look like another slice's, which random rewrites seldom do.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import frozen
from hypothesis import strategies as st

from flowvisor.openflow import actions as act
from flowvisor.openflow import messages as m
from flowvisor.openflow.fields import VLAN_PRESENT
from flowvisor.openflow.match import MATCH_ALL, Match
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.groups import (
    GROUP_IDS,
    bucket,
    group_mods,
    grouped_flow_mods,
    grouped_packet_outs,
    through,
    to,
)
from tests.support.slices import VLANS, rule_matches, tag

GROUP_TYPES = (m.GROUP_TYPE_ALL, m.GROUP_TYPE_ALL, m.GROUP_TYPE_INDIRECT, m.GROUP_TYPE_SELECT)
CHANGES = (m.GROUP_MODIFY, m.GROUP_MODIFY, m.GROUP_MODIFY, m.GROUP_DELETE)


@frozen
class Disguise:
    """Packets of a slice's, what makes them look like another's, and a port that they are sent out of."""

    match: Match
    steps: tuple[act.Action, ...]
    port: int


@st.composite
def disguises(
    draw: st.DrawFn, one: FlowspaceSlice, others: Sequence[FlowspaceSlice], ports: Sequence[int]
) -> Disguise:
    """A disguise that is legal by itself: the packets have what is rewritten."""
    steps = st.sampled_from([act.PopVlan(), *(step for other in others for step in _towards(other))])
    taken = draw(st.lists(steps, min_size=1, max_size=2))
    match = draw(st.sampled_from(rule_matches(one)))
    for step in taken:
        needed = _needed(step)
        if "vlan_vid" in needed:
            needed["vlan_vid"] = tag(draw(st.sampled_from(VLANS)))
        match = match.having(**{name: value for name, value in needed.items() if name not in match.fields})
    return Disguise(match, tuple(taken), draw(st.sampled_from(ports)))


def _towards(other: FlowspaceSlice) -> list[act.Action]:
    """What gives packets a value that the rules of a slice look at."""
    selecting = ("in_port", "eth_type", "ip_proto")
    named = [(name, value) for match in rule_matches(other) for name, value, _ in match]
    return [act.SetField(name, value) for name, value in named if name not in selecting and value]


def _needed(step: act.Action) -> dict[str, Any]:
    """What packets must have for an action to be legal."""
    name = step.name if isinstance(step, act.SetField) else "vlan_vid"
    if name == "vlan_vid":
        return {"vlan_vid": (VLAN_PRESENT, VLAN_PRESENT)}
    network = {"eth_type": 0x0800} if name.startswith(("ipv4", "udp")) else {}
    return {**network, **({"ip_proto": 17} if name.startswith("udp") else {})}


@st.composite
def chained(draw: st.DrawFn, disguised: st.SearchStrategy[Disguise]) -> list[m.FlowMod]:
    """Entries of several tables that together disguise packets, in any order."""
    disguise = draw(disguised)
    output = (act.Output(disguise.port),)
    each: list[tuple[Match, act.Instruction]]
    each = [(Match.of(**_needed(step)), act.ApplyActions((step,))) for step in disguise.steps]
    if draw(st.booleans()):  # what is written first is carried out last
        each.insert(0, (MATCH_ALL, act.WriteActions(output)))
    else:
        each.append((draw(st.sampled_from((_disguised(disguise), MATCH_ALL))), act.ApplyActions(output)))
    last = len(each) - 1
    entries = [
        m.FlowMod(
            table_id=table_id,
            match=match if table_id else disguise.match,
            instructions=(what, act.GotoTable(table_id + 1)) if table_id < last else (what,),
        )
        for table_id, (match, what) in enumerate(each)
    ]
    everything = m.FlowMod(command=m.DELETE, table_id=m.ALL_TABLES)
    return [*([everything] if draw(st.booleans()) else []), *draw(st.permutations(entries))]


def _disguised(disguise: Disguise) -> Match:
    """What the packets look like then."""
    match = disguise.match
    for step in disguise.steps:
        name, value = (step.name, step.value) if isinstance(step, act.SetField) else ("vlan_vid", 0)
        match = match.having(**{name: value})
    return match


@st.composite
def groups_in_use(
    draw: st.DrawFn,
    one: FlowspaceSlice,
    disguised: st.SearchStrategy[Disguise],
    ids: Sequence[int],
    ports: Sequence[int],
    *,
    n_tables: int,
) -> list[m.Message]:
    """Groups, entries and packets that use them, then other buckets for them. `ids` are the groups that are there."""
    if draw(st.booleans()):
        return draw(disguised_by_group(disguised, ids))
    made = draw(st.lists(group_mods(ports, commands=(m.GROUP_ADD,)), min_size=not ids, max_size=2))
    known = sorted({*ids, *(mod.group_id for mod in made)})
    using: list[m.Message] = []
    for _ in range(draw(st.integers(1, 2))):
        using += draw(grouped_flow_mods(one, n_tables, known))
    if draw(st.booleans()):
        using.append(draw(grouped_packet_outs(one)))
    return [*made, *using, *draw(st.lists(group_mods(ports, ids=known, commands=CHANGES), max_size=2))]


@st.composite
def disguised_by_group(
    draw: st.DrawFn, disguised: st.SearchStrategy[Disguise], ids: Sequence[int]
) -> list[m.Message]:
    """An entry whose packets a group disguises: from the start, or when the entry uses it already."""
    disguise = draw(disguised)
    group_id = draw(st.sampled_from(GROUP_IDS))
    kind = draw(st.sampled_from(GROUP_TYPES))
    weight = int(kind == m.GROUP_TYPE_SELECT)
    buckets = (bucket(*disguise.steps, act.Output(disguise.port), weight=weight),)
    entry = m.FlowMod(match=disguise.match, instructions=through(group_id))
    if group_id not in ids and draw(st.booleans()):
        return [
            m.GroupMod(command=m.GROUP_ADD, group_type=kind, group_id=group_id, buckets=buckets),
            entry,
        ]
    plain = m.GroupMod(command=m.GROUP_ADD, group_id=group_id, buckets=to(disguise.port))
    change = m.GroupMod(command=m.GROUP_MODIFY, group_type=kind, group_id=group_id, buckets=buckets)
    return [*([plain] if group_id not in ids else []), entry, change]
