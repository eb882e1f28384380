"""Groups, meters and ports are modified on all datapaths or on none."""

from __future__ import annotations

import pytest

from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import ApplyActions, Group, Meter, Output
from flowvisor.openflow.frame import GROUP_MOD, METER_MOD
from flowvisor.openflow.messages import (
    ALL_GROUPS,
    ALL_METERS,
    BAND_DROP,
    GROUP_ADD,
    GROUP_DELETE,
    GROUP_MODIFY,
    METER_ADD,
    METER_DELETE,
    METER_KBPS,
    METER_MODIFY,
    PORT_MODIFY,
    REMOVED_BY_GROUP_DELETE,
    SEND_FLOW_REM,
    BarrierReply,
    BarrierRequest,
    Bucket,
    Error,
    FlowMod,
    FlowRemoved,
    GroupMod,
    MeterBand,
    MeterMod,
    PortMod,
    PortStatus,
)
from flowvisor.openflow.multipart import GroupDescReply, GroupDescRequest, PortDescReply, PortDescRequest
from flowvisor.openflow.ports import NO_PACKET_IN
from tests.support.big_world import REFUSED, BigWorld, big_world


def group(command: int, number: int = 1, to: int = 2) -> GroupMod:
    return GroupMod(xid=9, command=command, group_id=number, buckets=(Bucket(actions=(Output(to),)),))


def meter(command: int, number: int = 1, rate: int = 500) -> MeterMod:
    return MeterMod(
        xid=9, command=command, flags=METER_KBPS, meter_id=number, bands=(MeterBand(BAND_DROP, rate),)
    )


def groups_at(world: BigWorld, dpid: int) -> list[tuple[object, ...]]:
    """The buckets of the tenant's groups at a datapath."""
    mine = world.hypervisor.datapaths[dpid].switches["a"].groups.by_physical
    table = world.emulated[dpid].pipeline.groups
    return [one.buckets for one in table if one.group_id in mine]


def test_a_group_is_everywhere_and_what_it_was_before_is_nowhere() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    assert tenant.send(group(GROUP_ADD)) == []
    assert len(groups_at(world, 1)) == len(groups_at(world, 2)) == 1
    assert tenant.send(group(GROUP_MODIFY, to=4)) == []
    (desc,) = tenant.ask(GroupDescRequest(xid=3), GroupDescReply).groups
    assert desc.buckets == (Bucket(actions=(Output(4),)),)
    assert tenant.refused(group(GROUP_ADD)) == codes.GROUP_EXISTS
    assert tenant.refused(group(GROUP_MODIFY, 7)) == codes.UNKNOWN_GROUP
    assert list(world.big.groups) == [1]
    assert tenant.send(group(GROUP_DELETE, ALL_GROUPS)) == []
    assert not world.big.groups


@pytest.mark.parametrize(
    ("first", "then"),
    [
        ([], group(GROUP_ADD, 5)),
        ([group(GROUP_ADD, 5, 1)], group(GROUP_MODIFY, 5, 4)),
        ([meter(METER_ADD, 5, 1)], meter(METER_MODIFY, 5, 4)),
        ([], meter(METER_ADD, 5)),
    ],
    ids=["add", "modify", "modify meter", "add meter"],
)
def test_what_one_datapath_refuses_is_undone_at_the_others(first: list[GroupMod], then: GroupMod) -> None:
    world = big_world(3)
    tenant = world.big_controller()
    tenant.send(*first)
    before = _state(world, 1)
    kept = dict(world.big.groups), dict(world.big.meters)
    world.emulated[2].refuses = {GROUP_MOD, METER_MOD}
    assert tenant.refused(then) == REFUSED
    assert _state(world, 1) == before
    assert (dict(world.big.groups), dict(world.big.meters)) == kept


def test_a_refusal_does_not_touch_what_was_changed_meanwhile() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    world.hold(2)
    world.emulated[2].refuses = {GROUP_MOD}
    assert tenant.send(group(GROUP_ADD, 1), group(GROUP_ADD, 2)) == []
    world.release(2)
    assert len(tenant.heard(Error)) == 2
    assert (groups_at(world, 1), world.big.groups) == ([], {})
    assert not tenant.channel.undoing


def _state(world: BigWorld, dpid: int) -> object:
    meters = [(one.flags, [band.band for band in one.bands]) for one in world.emulated[dpid].pipeline.meters]
    return groups_at(world, dpid), meters


def test_a_group_that_goes_takes_its_entries_along_and_says_so_once() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(group(GROUP_ADD))
    tenant.send(FlowMod(flags=SEND_FLOW_REM, instructions=(ApplyActions((Group(1),)),)))
    assert tenant.send(group(GROUP_DELETE))
    (told,) = tenant.heard(FlowRemoved)
    assert told.reason == REMOVED_BY_GROUP_DELETE
    assert len(world.big.entries) == 0


def test_a_group_that_another_one_names_stays_and_so_do_its_entries() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(group(GROUP_ADD))
    chain = GroupMod(command=GROUP_ADD, group_id=2, buckets=(Bucket(actions=(Group(1),)),))
    tenant.send(chain, FlowMod(flags=SEND_FLOW_REM, instructions=(ApplyActions((Group(1),)),)))
    assert tenant.refused(group(GROUP_DELETE)) == codes.CHAINED_GROUP
    assert tenant.heard(FlowRemoved) == []
    assert len(world.big.entries) == 1
    assert not world.big.entries.ending
    assert sorted(world.big.groups) == [1, 2]


def test_meters_are_everywhere_and_go_everywhere_with_their_entries() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tenant.send(meter(METER_ADD), FlowMod(instructions=(Meter(1),)))
    assert [len(_state(world, dpid)[1]) for dpid in (1, 2)] == [1, 1]
    tenant.send(meter(METER_DELETE, ALL_METERS))
    assert [len(_state(world, dpid)[1]) for dpid in (1, 2)] == [0, 0]
    assert len(world.big.entries) == 0


def test_a_port_is_configured_everywhere_and_the_others_are_told_once() -> None:
    world = big_world(2)
    tenant, other = world.big_controller(), world.big_controller()
    port = world.big.ports[2]
    for dpid in (1, 2):  # the stand-ins tell their own address
        world.hypervisor.datapaths[dpid].ports[2] = port
    mod = PortMod(xid=4, port=2, hw_addr=port.hw_addr, config=NO_PACKET_IN, mask=NO_PACKET_IN)
    assert [type(one) for one in tenant.send(mod, BarrierRequest())] == [BarrierReply]
    for dpid in (1, 2):
        assert world.hypervisor.datapaths[dpid].switches["a"].port_configs.bits == {2: NO_PACKET_IN}
    (told,) = other.heard(PortStatus)
    assert (told.reason, told.port.number, told.port.config) == (PORT_MODIFY, 2, NO_PACKET_IN)
    assert tenant.heard(PortStatus) == []
    shown = tenant.ask(PortDescRequest(xid=8), PortDescReply).ports
    assert [one.config for one in shown] == [0, NO_PACKET_IN, 0, 0]


def test_a_port_that_one_datapath_does_not_configure_is_as_it_was_at_the_others() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    port = world.big.ports[2]
    world.hypervisor.datapaths[1].ports[2] = port  # the other one thinks that it has another address
    mod = PortMod(xid=4, port=2, hw_addr=port.hw_addr, config=NO_PACKET_IN, mask=NO_PACKET_IN)
    assert tenant.refused(mod) == codes.PORT_MOD_BAD_HW_ADDR
    assert not any(world.hypervisor.datapaths[1].switches["a"].port_configs.bits.values())


def test_a_port_that_is_not_there_or_has_another_address_is_refused() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    assert tenant.refused(PortMod(xid=4, port=9)) == codes.PORT_MOD_BAD_PORT
    assert tenant.refused(PortMod(xid=4, port=1, hw_addr=bytes(6))) == codes.PORT_MOD_BAD_HW_ADDR
