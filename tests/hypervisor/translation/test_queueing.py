"""Outputs through a slice's queue, wherever they are told a datapath, and not where the tenant reads them."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.hypervisor.translation.queueing import queued, queued_actions, unqueued
from flowvisor.openflow import actions as act
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod, Message, PacketOut
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.ports import CONTROLLER, FLOOD, IN_PORT, LOCAL, TABLE
from flowvisor.policies.bandwidth import Bandwidth
from tests.support.kinds import ON_10, ON_FEW_TABLES, ON_TABLES, TENANT_VERSIONS, Kind
from tests.support.slices import A, B, output, udp
from tests.support.world import Controller, World

BY_QUEUE = Bandwidth("slow", rate=8, queues=(2, 5))
LIMITED = evolve(A, policies=("slow",))


def world_of(kind: Kind) -> World:
    return kind.world(LIMITED, B, policies=[BY_QUEUE])


def told_the_datapath(controller: Controller, message: Message) -> list[Message]:
    """What the datapath was told of a request, but for barriers."""
    world = controller.world
    before = len(world.to_datapaths)
    controller.send(message)
    told = [controller.switch.datapath.codec.decode(frame) for _, frame in world.to_datapaths[before:]]
    return [one for one in told if isinstance(one, (FlowMod, PacketOut))]


def test_in_1_0_each_output_to_a_port_is_an_enqueue() -> None:
    switch = world_of(ON_10).controller("a").switch
    given = (*(act.Output(port) for port in (2, IN_PORT, LOCAL, CONTROLLER, TABLE)), act.Enqueue(2, 5))
    assert queued_actions(switch, given) == (
        act.Enqueue(2, 2),
        act.Enqueue(IN_PORT, 2),
        *given[2:],
    )


def test_in_1_3_a_list_with_an_output_begins_with_the_queue() -> None:
    switch = world_of(ON_FEW_TABLES).controller("a").switch
    for given in (
        (act.Output(2),),
        (act.Group(1),),
        (act.SetQueue(5), act.Output(2)),
        (act.SetQueue(2), act.Output(2)),
    ):
        assert queued_actions(switch, given) == (act.SetQueue(2), *given)
        for kind in (act.ApplyActions, act.WriteActions):
            entry = (act.ClearActions(), kind(given))
            assert unqueued(switch, queued(switch, entry)) == entry
    for given in ((act.Output(CONTROLLER),), (act.PopVlan(),), ()):
        assert queued_actions(switch, given) == given
        assert unqueued(switch, (act.ApplyActions(given),)) == (act.ApplyActions(given),)


def test_a_slice_without_a_queue_has_its_actions_as_they_are() -> None:
    switch = world_of(ON_FEW_TABLES).controller("b").switch
    entry = output(2)
    assert queued(switch, entry) is entry
    assert unqueued(switch, entry) is entry
    assert queued_actions(switch, entry[0].actions) is entry[0].actions


@pytest.mark.parametrize("kind", [ON_10, ON_FEW_TABLES], ids=str)
@pytest.mark.parametrize("version", TENANT_VERSIONS)
@pytest.mark.parametrize("port", [2, FLOOD])
def test_entries_and_packet_outs_go_through_the_queue_and_read_back_without(
    kind: Kind, version: int, port: int
) -> None:
    world = world_of(kind)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    wanted: dict[int, set[act.Action]] = {
        1: {act.Enqueue(2, 2), *([act.Enqueue(1, 2)] if port == FLOOD else [])},
        4: {act.SetQueue(2), act.Output(2), *([act.Output(1)] if port == FLOOD else [])},
    }
    entry = FlowMod(match=Match.of(in_port=1), instructions=output(port))
    (told,) = told_the_datapath(a, entry)
    assert isinstance(told, FlowMod)
    (applied,) = told.instructions
    assert isinstance(applied, act.ApplyActions)
    assert set(applied.actions) == wanted[kind.version]
    (shown,) = a.ask(FlowStatsRequest(xid=1), FlowStatsReply).flows
    assert shown.instructions == output(port)
    for in_port in (1, CONTROLLER):  # by the head alone, and by the packet
        (out,) = told_the_datapath(a, PacketOut(in_port=in_port, actions=(act.Output(2),), data=udp()))
        assert isinstance(out, PacketOut)
        assert set(out.actions) == (
            {act.Enqueue(2, 2)} if kind.version == 1 else {act.SetQueue(2), act.Output(2)}
        )
    (others,) = told_the_datapath(b, FlowMod(match=Match.of(in_port=3), instructions=output(4)))
    assert isinstance(others, FlowMod)
    assert others.instructions == output(4)


def test_in_its_own_tables_a_slice_reads_its_entries_back_without_the_queue() -> None:
    world = ON_TABLES.world(LIMITED, B, policies=[BY_QUEUE])
    a = world.controller("a")
    a.switch.queue = 2  # as on a datapath that has no meters
    for cookie, port in ((1, 2), (2, FLOOD), (3, CONTROLLER)):
        entry = FlowMod(cookie=cookie, match=Match.of(in_port=cookie), instructions=output(port))
        (told,) = told_the_datapath(a, entry)
        assert isinstance(told, FlowMod)
        (applied,) = told.instructions
        assert isinstance(applied, act.ApplyActions)
        assert (applied.actions[0] == act.SetQueue(2)) == (port != CONTROLLER)
    shown = {one.cookie: one.instructions for one in a.ask(FlowStatsRequest(xid=1), FlowStatsReply).flows}
    assert shown == {1: output(2), 2: output(FLOOD), 3: output(CONTROLLER)}
