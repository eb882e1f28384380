"""Groups as tests write them, and random ones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve
from hypothesis import strategies as st

from flowvisor.openflow import actions as act
from flowvisor.openflow.messages import (
    GROUP_ADD,
    GROUP_DELETE,
    GROUP_MODIFY,
    GROUP_TYPE_ALL,
    GROUP_TYPE_FAST_FAILOVER,
    GROUP_TYPE_SELECT,
    Bucket,
    FlowMod,
    GroupMod,
    PacketOut,
)
from flowvisor.openflow.ports import ANY, CONTROLLER, FLOOD, IN_PORT
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.slices import (
    ADDRESSES,
    HARDWARE_ADDRESSES,
    VLANS,
    packet_outs,
    tag,
    tenant_matches,
)
from tests.support.world import Controller

GROUP_IDS = (0, 0xFFFF_FF00)
ANY_COMMAND = (GROUP_ADD, GROUP_ADD, GROUP_MODIFY, GROUP_MODIFY, GROUP_DELETE)


def bucket(*actions: act.Action, **more: Any) -> Bucket:
    """A bucket of these actions."""
    return Bucket(actions=actions, **more)


def to(*ports: int) -> tuple[Bucket, ...]:
    """A bucket for each port."""
    return tuple(bucket(act.Output(port)) for port in ports)


def add(group_id: int, *buckets: Bucket, kind: int = GROUP_TYPE_ALL, **more: Any) -> GroupMod:
    """A message that adds a group."""
    return GroupMod(command=GROUP_ADD, group_id=group_id, group_type=kind, buckets=buckets, **more)


def modify(group_id: int, *buckets: Bucket, kind: int = GROUP_TYPE_ALL) -> GroupMod:
    """A message that changes a group."""
    return GroupMod(command=GROUP_MODIFY, group_id=group_id, group_type=kind, buckets=buckets)


def delete(group_id: int) -> GroupMod:
    """A message that deletes a group, or all."""
    return GroupMod(command=GROUP_DELETE, group_id=group_id)


def through(*group_ids: int) -> tuple[act.ApplyActions]:
    """The instructions of an entry that sends packets through groups."""
    return (act.ApplyActions(tuple(map(act.Group, group_ids))),)


def physical_groups(controller: Controller) -> dict[int, tuple[Bucket, ...]]:
    """The buckets that the emulated datapath has for slices' groups, by its own ids."""
    groups = controller.world.emulated[controller.switch.datapath.dpid].pipeline.groups
    return {group.group_id: group.buckets for group in groups if group.group_id < 0xF000_0000}


_steps = st.sampled_from(
    (
        *((), (), (act.PopVlan(),), (act.SetField("eth_dst", HARDWARE_ADDRESSES[0]),)),
        *((act.SetField("vlan_vid", tag(vlan)),) for vlan in (*VLANS, VLANS[1])),
        *((act.SetField("ipv4_dst", address),) for address in ADDRESSES),
    )
)


@st.composite
def group_mods(
    draw: st.DrawFn,
    ports: Sequence[int],
    *,
    ids: Sequence[int] = GROUP_IDS,
    commands: Sequence[int] = ANY_COMMAND,
) -> GroupMod:
    """Groups of few ids, which so come to lead to each other, of buckets that rewrite what rules look at."""
    kind = draw(
        st.sampled_from((GROUP_TYPE_ALL, GROUP_TYPE_ALL, GROUP_TYPE_SELECT, GROUP_TYPE_FAST_FAILOVER))
    )
    ends = [act.Output(port) for port in (*ports, *ports, FLOOD, IN_PORT)]
    buckets = []
    for _ in range(draw(st.integers(1, 2))):
        end = draw(st.sampled_from((*ends, act.Output(CONTROLLER, 0xFFFF), *map(act.Group, GROUP_IDS))))
        watched = draw(st.sampled_from(ports)) if kind == GROUP_TYPE_FAST_FAILOVER else ANY
        buckets.append(bucket(*draw(_steps), end, weight=int(kind == GROUP_TYPE_SELECT), watch_port=watched))
    command = draw(st.sampled_from(commands))
    return GroupMod(
        command=command,
        group_type=kind,
        group_id=draw(st.sampled_from(ids)),
        buckets=tuple(buckets) if command != GROUP_DELETE else (),
    )


@st.composite
def grouped_flow_mods(
    draw: st.DrawFn, one: FlowspaceSlice, n_tables: int, ids: Sequence[int] = GROUP_IDS
) -> list[FlowMod]:
    """An entry that sends packets through a group: at once, from the next table, or when the tables are done."""
    match = draw(tenant_matches(one))
    steps, group = draw(_steps), act.Group(draw(st.sampled_from(ids)))
    priority = draw(st.sampled_from((5, 9)))
    form = draw(
        st.sampled_from(
            ("applied", "applied", "written", "next", "set") if n_tables > 1 else ("applied", "written")
        )
    )
    if form in ("applied", "written"):
        what = act.ApplyActions if form == "applied" else act.WriteActions
        return [FlowMod(match=match, priority=priority, instructions=(what((*steps, group)),))]
    one_table, next_table = (act.ApplyActions(steps),), (act.ApplyActions((group,)),)
    if form == "set":
        one_table, next_table = (act.WriteActions((group,)),), (act.ApplyActions(steps),)
    mods = (
        FlowMod(match=match, priority=priority, instructions=(*one_table, act.GotoTable(1))),
        FlowMod(match=match, priority=priority, table_id=1, instructions=next_table),
    )
    return list(draw(st.permutations(mods)))


@st.composite
def grouped_packet_outs(draw: st.DrawFn, one: FlowspaceSlice) -> PacketOut:
    """A made-up packet that is sent through a group."""
    made_up = draw(packet_outs(4, one))
    return evolve(made_up, actions=(*draw(_steps), act.Group(draw(st.sampled_from(GROUP_IDS)))))
