"""A reload: what slices keep goes on undisturbed, what they lose is gone at once, what they gain is theirs at once."""

from __future__ import annotations

from typing import Final

import pytest
from attrs import evolve
from hypothesis import given, note
from hypothesis import strategies as st

from flowvisor.configuration.snapshot import Configuration
from flowvisor.hypervisor.effects import CloseChannels, HangUp, Wake
from flowvisor.hypervisor.peers import Datapath
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import ApplyActions, Group, Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    GROUP_ADD,
    PORT_ADD,
    PORT_DELETE,
    SEND_FLOW_REM,
    Bucket,
    FlowMod,
    FlowRemoved,
    GroupMod,
    PacketIn,
    PortStatus,
)
from flowvisor.openflow.multipart import (
    FlowStats,
    FlowStatsReply,
    FlowStatsRequest,
    GroupDescReply,
    GroupDescRequest,
)
from flowvisor.openflow.ports import FLOOD
from flowvisor.openflow.versions import codec
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.policies.bandwidth import Bandwidth
from flowvisor.policies.policy import Policy
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.dialogue import the_datapath
from tests.support.examples import examples
from tests.support.kinds import KINDS, ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.slices import MISS, PORTS, A, B, flow_mods, output, slice_sets, tag, udp
from tests.support.world import NOWHERE, Controller, World, a_slice, configuration, ports

PORT_1 = Match.of(in_port=1)


def cookies(controller: Controller) -> list[int]:
    return sorted(one.cookie for one in controller.ask(FlowStatsRequest(), FlowStatsReply).flows)


def closed(world: World) -> set[str]:
    return {one.switch.slice_name for one in world.commands if isinstance(one, CloseChannels)}


def test_what_a_slice_loses_is_gone_at_once_and_what_it_gains_works_at_once(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    a.send(FlowMod(cookie=1, match=PORT_1, instructions=output(2)))
    a.send(FlowMod(cookie=2, match=Match.of(in_port=2), instructions=output(1)))
    b.send(FlowMod(cookie=3, match=Match.of(in_port=3), instructions=output(4)))
    assert world.packet(1, 1, udp()) == [(2, udp())]
    world.reload(configuration(a_slice("a", ports(1)), a_slice("b", ports(2, 3, 4))))
    # Hole 10: neither may the old owner's entry go on, nor stand where the new owner's would.
    assert world.packet(1, 1, udp()) == []
    assert world.packet(1, 2, udp()) == []
    assert b.send(FlowMod(cookie=4, match=Match.of(in_port=2), instructions=output(3))) == []
    assert world.packet(1, 2, udp()) == [(3, udp())]
    assert a.refused(FlowMod(match=PORT_1, instructions=output(2))) == codes.ACTION_BAD_OUT_PORT
    assert world.packet(1, 3, udp()) == [(4, udp())]
    assert cookies(b) == [3, 4]
    assert closed(world) == set()


def test_a_slice_that_goes_is_closed_and_a_new_one_opened(kind: Kind) -> None:
    world = kind.world(A, B)
    a, b = (world.controller(name, 1, kind.version) for name in "ab")
    for one in (a, b):
        one.send(FlowMod(cookie=1, instructions=output(1 if one is a else 3)))
    world.reload(configuration(B, a_slice("c", ports(1, 2))))
    assert closed(world) == {"a"}
    assert {one.slice_name for one in world.open} == {"b", "c"}
    assert set(world.hypervisor.tenants) == {"b", "c"}
    assert a.channel.has_left
    assert world.packet(1, 2, udp()) == []
    c = world.controller("c", 1, kind.version)
    assert (cookies(b), cookies(c)) == ([1], [])
    assert c.send(FlowMod(cookie=2, match=PORT_1, instructions=output(2))) == []
    assert world.packet(1, 1, udp()) == [(2, udp())]
    assert a.channel.transactions.slot not in the_datapath(world).slots


def test_nothing_is_sent_where_the_files_say_the_same(kind: Kind) -> None:
    world = kind.world(A, B)
    world.controller("a", 1, kind.version).send(FlowMod(match=PORT_1, instructions=output(2)))
    world.to_datapaths.clear()
    world.reload(configuration(A, B))
    assert world.to_datapaths == []
    world.reload(configuration(A, B, policies=[Quota("unused")]))
    assert [frame for _, frame in world.to_datapaths if frame[1] in (14, 15, 29)] == []


def test_datapaths_that_a_change_does_not_concern_are_sent_nothing(kind: Kind) -> None:
    limit = Quota("q", flow_entries=2)
    limited = a_slice("a", ports(1, 2), policies=["q"])
    world = World([limited, B], [kind.datapath(), kind.datapath(dpid=2)], policies=[limit])
    first, second = (world.controller("a", dpid, kind.version) for dpid in (1, 2))
    assert first.send(FlowMod(match=PORT_1, instructions=output(2))) == []
    world.to_datapaths.clear()
    here = a_slice("b", ports(3, 4, at=[1]), ports(3, at=[2]))
    world.reload(configuration(limited, here, policies=[limit]))
    assert {dpid for dpid, _ in world.to_datapaths} == {2}
    # A limit over all datapaths goes on counting at those that were not touched.
    assert second.send(FlowMod(match=PORT_1, instructions=output(2))) == []
    assert second.refused(FlowMod(priority=7, match=PORT_1, instructions=output(2))) == codes.TABLE_FULL


def test_ports_that_come_and_go_by_a_reload_look_like_ports_that_come_and_go(
    kind: Kind, version: int
) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    world.reload(configuration(a_slice("a", ports(1, 3)), a_slice("b", ports(2, 4))))
    assert [(one.reason, one.port.number) for one in a.heard(PortStatus)] == [(PORT_DELETE, 2), (PORT_ADD, 3)]
    assert [(one.reason, one.port.number) for one in b.heard(PortStatus)] == [(PORT_DELETE, 3), (PORT_ADD, 2)]


def test_misses_still_come_to_controllers_that_expect_them(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    if version == 4:
        a.send(MISS)
    world.reload(configuration(a_slice("a", ports(1, 3)), a_slice("b", ports(2, 4))))
    world.packet(1, 3, udp())
    world.packet(1, 2, udp())
    assert [one.data for one in a.heard(PacketIn)] == [udp()]


def test_what_is_sent_meanwhile_waits_and_is_judged_by_the_new_files(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    effects = world.hypervisor.reload(
        configuration(a_slice("a", ports(1)), a_slice("b", ports(2, 3, 4))), world.now
    )
    frame = codec(kind.version).encode(FlowMod(match=PORT_1, instructions=output(2)))
    assert world.hypervisor.from_controller(a.channel, [frame], world.now).frames == {}
    world.perform(effects)
    assert a.channel.counters.refused == {(14, "foreign-port"): 1}


def test_a_datapath_that_is_being_set_up_comes_back_with_the_new_files(kind: Kind) -> None:
    world = kind.world(A, B)
    the_datapath(world).is_ready = False
    world.reload(configuration(B))
    assert any(isinstance(one, HangUp) for one in world.commands)
    world.hypervisor.datapath_left(the_datapath(world), world.now)
    world.join(world.emulated[1])
    assert set(the_datapath(world).switches) == {"b"}


def test_when_tables_become_too_few_the_slices_begin_anew() -> None:
    world = World([A, B], [Kind(4, 9, ON_TABLES.enforcement).datapath()])
    a = world.controller("a")
    a.send(FlowMod(match=PORT_1, instructions=output(2)))
    world.reload(configuration(A, B, a_slice("c", ports(9))))
    assert closed(world) == {"a", "b"}
    assert the_datapath(world).plan.enforcement is ON_FEW_TABLES.enforcement
    assert world.packet(1, 1, udp()) == []
    assert world.controller("a").send(FlowMod(match=PORT_1, instructions=output(2))) == []
    assert world.packet(1, 1, udp()) == [(2, udp())]
    world.reload(configuration(A, B))
    assert the_datapath(world).plan.enforcement is ON_TABLES.enforcement
    assert world.packet(1, 1, udp()) == []


def test_policies_count_from_then_on(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    limited = a_slice("a", ports(1, 2), policies=["q", "r"])
    policies = [Quota("q", flow_entries_per_datapath=1), RateLimit("r", packet_in=1)]
    world.reload(configuration(limited, B, policies=policies))
    a.send(FlowMod(priority=1, match=PORT_1, instructions=output(2)))
    assert a.refused(FlowMod(priority=2, match=PORT_1, instructions=output(2))) == codes.TABLE_FULL
    assert a.channel.tenant.limits is not None
    world.reload(configuration(A, B))
    assert a.send(FlowMod(priority=2, match=PORT_1, instructions=output(2))) == []
    assert a.channel.tenant.limits is None


def test_misses_still_come_when_a_limit_on_them_comes_and_goes(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, 1)
    limited = a_slice("a", ports(1, 2), policies=["r"])
    world.reload(configuration(limited, B, policies=[RateLimit("r", packet_in=5)]))
    world.packet(1, 1, udp())
    world.reload(configuration(A, B))
    world.packet(1, 1, udp())
    assert len(a.heard(PacketIn)) == 2


@pytest.mark.parametrize("kind", [ON_10, ON_FEW_TABLES], ids=str)
def test_an_entry_that_may_not_be_any_more_is_told_to_who_asked(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, kind.version)
    a.send(FlowMod(cookie=7, flags=SEND_FLOW_REM, match=PORT_1, instructions=output(2)))
    world.packet(1, 1, udp())
    world.reload(configuration(a_slice("a", ports(1)), B))
    assert [(one.cookie, one.packet_count) for one in a.heard(FlowRemoved)] == [(7, 1)]


@pytest.mark.parametrize("kind", [ON_TABLES, ON_FEW_TABLES], ids=str)
def test_groups_that_may_be_stay_and_those_that_lead_out_go_with_their_entries(kind: Kind) -> None:
    world = kind.world(A, B)
    a = world.controller("a")
    group = GroupMod(command=GROUP_ADD, group_id=7, buckets=(Bucket(actions=(Output(2),)),))
    to_group = (ApplyActions((Group(7),)),)
    assert a.send(group, FlowMod(cookie=1, match=PORT_1, instructions=to_group)) == []
    world.reload(configuration(a_slice("a", ports(1, 2, 3)), a_slice("b", ports(4))))
    assert world.packet(1, 1, udp()) == [(2, udp())]
    assert [one.group_id for one in a.ask(GroupDescRequest(), GroupDescReply).groups] == [7]
    assert a.send(evolve(group, group_id=8), FlowMod(cookie=2, priority=9, instructions=to_group)) == []
    world.reload(configuration(a_slice("a", ports(1)), a_slice("b", ports(2, 3, 4))))
    assert world.packet(1, 1, udp()) == []
    assert a.ask(GroupDescRequest(), GroupDescReply).groups == ()
    assert cookies(a) == []


def contents(world: World) -> list[object]:
    """All that is on the datapath, numbers of entries aside."""
    pipeline = world.emulated[1].pipeline
    flows = [
        (table.table_id, entry.priority, sorted(entry.match.fields.items()), entry.instructions)
        for table in pipeline.tables
        for entry in table
    ]
    groups = [(number, group.buckets) for number, group in sorted(pipeline.groups._groups.items())]
    meters = sorted((one.meter_id, one.flags, [band.band for band in one.bands]) for one in pipeline.meters)
    return [*sorted(flows, key=str), *groups, *meters]


POLICIES: Final = (
    [],
    [Bandwidth("p", rate=5, queues=(2,))],
    [Bandwidth("p", rate=9)],
    [RateLimit("p", packet_in=5)],
    [Quota("p", flow_entries_per_datapath=1)],
    [
        Acl(
            "p",
            (AclRule(is_denied=True, datapaths=None, matches=(Match.of(vlan_vid=tag(100)),), place=NOWHERE),),
        )
    ],
)


def having_one(slices: list[FlowspaceSlice], policies: list[Policy]) -> Configuration:
    """The files of these slices, of which the first has the policy, if there is one."""
    first, *others = slices
    names = tuple(one.name for one in policies)
    return configuration(evolve(first, policies=names), *others, policies=policies)


def entries(controller: Controller) -> list[FlowStats]:
    return sorted(controller.ask(FlowStatsRequest(), FlowStatsReply).flows, key=str)


def after(world: World, configured: Configuration, how: str) -> World:
    if how == "reload":
        world.reload(configured)
    else:
        world.restart(configured)
    return world


@pytest.mark.parametrize("kind", KINDS, ids=str)
@examples(25)
@given(data=st.data())
def test_a_reload_leaves_what_a_restart_with_the_new_files_leaves(kind: Kind, data: st.DataObject) -> None:
    """And that leaves what they allow; see `test_setup` and `test_readoption`."""
    names = ("a", "b", "c")
    first = data.draw(slice_sets(data.draw(st.sampled_from((names[:2], names)))))
    then = data.draw(slice_sets(data.draw(st.sampled_from((names[:2], names[1:], names)))))
    version = data.draw(st.sampled_from((1, 4)))
    sent = [
        (one.name, data.draw(flow_mods(version, one, n_tables=3 if kind.has_blocks and version == 4 else 1)))
        for one in first
        for _ in range(data.draw(st.integers(0, 3)))
    ]
    before, files = (having_one(slices, data.draw(st.sampled_from(POLICIES))) for slices in (first, then))
    note(sent)
    worlds = [
        kind.world(*before.flowspace_slices, ports=PORTS, policies=before.policies.values()) for _ in range(2)
    ]
    shown = []
    for world, how in zip(worlds, ("reload", "restart"), strict=True):
        controllers = {
            one.name: world.controller(one.name, 1, version) for one in first if _is_at(world, one.name)
        }
        for name, message in sent:
            if name in controllers:
                controllers[name].send(message)
        after(world, files, how)
        for one in then:
            channel = controllers[one.name].channel if one.name in controllers else None
            if _is_at(world, one.name) and (how == "restart" or channel is None or channel.has_left):
                controllers[one.name] = world.controller(one.name, 1, version)
        here = {
            name: one for name, one in controllers.items() if not one.channel.has_left and _is_at(world, name)
        }
        shown.append(
            [
                contents(world),
                world.open,
                {name: one.switch.visible_ports for name, one in here.items()},
                {name: one.switch.queue for name, one in here.items()},
                {
                    name: sorted(one.ask(FlowStatsRequest(), FlowStatsReply).flows, key=str)
                    for name, one in here.items()
                },
            ]
        )
    assert shown[0] == shown[1]


def _is_at(world: World, name: str) -> bool:
    return name in the_datapath(world).switches


def test_a_flood_follows_the_files(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    a.send(FlowMod(match=PORT_1, instructions=output(FLOOD)))
    world.reload(configuration(a_slice("a", ports(1, 2, 3)), a_slice("b", ports(4))))
    assert world.packet(1, 1, udp()) == [(2, udp()), (3, udp())]


def test_no_turn_gives_new_plans_to_more_datapaths_than_it_has_time_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flowvisor.hypervisor.hypervisor.MAX_SWITCHES_AT_ONCE", 4)
    world = World([A, B], [ON_TABLES.datapath(dpid=dpid) for dpid in range(1, 6)])
    for dpid in range(1, 6):
        world.controller("a", dpid).send(FlowMod(match=PORT_1, instructions=output(2)))
    effects = world.hypervisor.reload(configuration(a_slice("a", ports(1)), B), world.now)
    turns = [{one.dpid for one in effects.frames if isinstance(one, Datapath)}]
    # One that leaves meanwhile is not asked, and one that comes back has the new plan.
    world.leave(4)
    while any(isinstance(one, Wake) for one in effects.commands):
        effects.commands = [one for one in effects.commands if not isinstance(one, Wake)]
        world.perform(effects)
        effects = world.hypervisor.wake(world.now)
        turns.append({one.dpid for one in effects.frames if isinstance(one, Datapath)})
    world.perform(effects)
    assert turns == [{1, 2}, {3, 5}]
    world.join(world.emulated[4])
    assert [world.packet(dpid, 1, udp()) for dpid in range(1, 6)] == [[]] * 5
