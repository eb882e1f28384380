"""Meters: a tenant's on the datapath, under ids that no other slice has."""

from __future__ import annotations

import pytest

from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ALL_METERS,
    BAND_DROP,
    BAND_DSCP_REMARK,
    METER_ADD,
    METER_DELETE,
    METER_KBPS,
    METER_MODIFY,
    METER_PKTPS,
    SEND_FLOW_REM,
    BarrierRequest,
    Error,
    FlowMod,
    FlowRemoved,
    MeterBand,
    MeterMod,
)
from flowvisor.openflow.multipart import (
    FlowStatsReply,
    FlowStatsRequest,
    MeterConfigReply,
    MeterConfigRequest,
    MeterFeaturesReply,
    MeterFeaturesRequest,
    MeterStatsReply,
    MeterStatsRequest,
)
from flowvisor.policies.quota import Quota
from tests.support.kinds import ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.share_world import BLUE, ShareWorld
from tests.support.slices import A, B, udp
from tests.support.world import Controller, World, a_slice, ports, rule

KINDS_13 = pytest.mark.parametrize("kind", [ON_TABLES, ON_FEW_TABLES], ids=str)
DROP = MeterBand(BAND_DROP, rate=1)
REMARK = MeterBand(BAND_DSCP_REMARK, rate=1, prec_level=1)
FORWARD = act.ApplyActions((act.Output(2),))


def meter(meter_id: int, *bands: MeterBand, command: int = METER_ADD, flags: int = METER_PKTPS) -> MeterMod:
    return MeterMod(command=command, flags=flags, meter_id=meter_id, bands=bands or (DROP,))


def delete(meter_id: int) -> MeterMod:
    return MeterMod(command=METER_DELETE, meter_id=meter_id)


def both(kind: Kind) -> tuple[World, Controller, Controller]:
    world = kind.world(A, B)
    return world, world.controller("a"), world.controller("b")


def metered(meter_id: int, **more: int) -> FlowMod:
    return FlowMod(match=Match.of(in_port=1), instructions=(act.Meter(meter_id), FORWARD), **more)


def physical(world: World) -> dict[int, tuple[MeterBand, ...]]:
    meters = world.emulated[1].pipeline.meters
    return {one.meter_id: tuple(band.band for band in one.bands) for one in meters}


@KINDS_13
def test_ids_are_each_slices_own(kind: Kind) -> None:
    world, a, b = both(kind)
    assert a.send(meter(7)) == b.send(meter(7, MeterBand(BAND_DROP, 9))) == []
    assert physical(world) == {1: (DROP,), 2: (MeterBand(BAND_DROP, 9),)}
    assert a.send(metered(7)) == []
    assert [len(world.packet(1, 1, udp())) for _ in range(3)] == [1, 0, 0]
    (flow,) = a.ask(FlowStatsRequest(), FlowStatsReply).flows
    assert flow.instructions == (act.Meter(7), FORWARD)
    assert b.send(delete(ALL_METERS)) == []
    assert physical(world) == {1: (DROP,)}
    assert a.send(meter(7, MeterBand(BAND_DROP, 5), command=METER_MODIFY)) == []
    assert physical(world) == {1: (MeterBand(BAND_DROP, 5),)}


@KINDS_13
def test_statistics_and_configurations_are_the_slices_own(kind: Kind) -> None:
    world, a, b = both(kind)
    b.send(meter(1))
    a.send(meter(7), meter(9, MeterBand(BAND_DROP, 8, 3), flags=METER_KBPS))
    a.send(FlowMod(instructions=(act.Meter(7), FORWARD)))
    world.packet(1, 1, udp())
    world.packet(1, 1, udp())
    told = {one.meter_id: one for one in a.ask(MeterStatsRequest(xid=3), MeterStatsReply).meters}
    assert told.keys() == {7, 9}
    assert (told[7].flow_count, told[7].packet_in_count, told[7].bands[0][0]) == (1, 2, 1)
    (one,) = a.ask(MeterStatsRequest(meter_id=9), MeterStatsReply).meters
    assert (one.meter_id, one.packet_in_count) == (9, 0)
    configs = a.ask(MeterConfigRequest(), MeterConfigReply).meters
    assert {(one.meter_id, one.flags, one.bands) for one in configs} == {
        (7, METER_PKTPS, (DROP,)),
        (9, METER_KBPS, (MeterBand(BAND_DROP, 8, 3),)),
    }
    assert [one.meter_id for one in a.ask(MeterConfigRequest(meter_id=7), MeterConfigReply).meters] == [7]
    assert a.refused(MeterStatsRequest(meter_id=1)) == codes.UNKNOWN_METER
    assert a.refused(MeterConfigRequest(meter_id=2)) == codes.UNKNOWN_METER


def test_who_has_no_meters_is_told_so_at_once(kind: Kind) -> None:
    world, a, _ = both(kind)
    before = len(world.to_datapaths)
    assert a.ask(MeterStatsRequest(), MeterStatsReply).meters == ()
    assert a.ask(MeterConfigRequest(), MeterConfigReply).meters == ()
    assert len(world.to_datapaths) == before


@KINDS_13
@pytest.mark.parametrize(
    ("mod", "error"),
    [
        (meter(7), codes.METER_EXISTS),
        (meter(8, command=METER_MODIFY), codes.UNKNOWN_METER),
        (meter(0), codes.INVALID_METER),
        (meter(0xFFFF_FFFD), codes.INVALID_METER),
        (meter(0xFFFF_FFFE, command=METER_MODIFY), codes.INVALID_METER),
        (delete(0xFFFF_FFFE), codes.INVALID_METER),
        (meter(ALL_METERS), codes.INVALID_METER),
        (meter(8, *(DROP,) * 9), codes.OUT_OF_BANDS),
        (meter(8, MeterBand(0xFFFF, 1, body=bytes(4))), codes.METER_BAD_BAND),
        (meter(8, MeterBand(BAND_DROP, 0)), codes.METER_BAD_RATE),  # the datapath's own
        (meter(7, MeterBand(BAND_DROP, 0), command=METER_MODIFY), codes.METER_BAD_RATE),
    ],
    ids=str,
)
def test_what_is_wrong_is_refused_and_leaves_nothing(
    kind: Kind, mod: MeterMod, error: tuple[int, int]
) -> None:
    world, a, b = both(kind)
    b.send(meter(8))
    a.send(meter(7))
    assert a.refused(mod) == error
    assert physical(world) == {1: (DROP,), 2: (DROP,)}
    assert set(a.switch.meters.by_id) == {7}
    assert a.switch.datapath.meter_ids.taken == {1, 2}
    assert a.refused(metered(8)) == codes.UNKNOWN_METER


def test_what_the_datapath_does_not_offer_is_refused() -> None:
    world, a, _ = both(ON_TABLES)
    world.hypervisor.datapaths[1].meter_features = MeterFeaturesReply(
        max_meter=10, band_types=1 << BAND_DROP, capabilities=METER_PKTPS, max_bands=1
    )
    assert a.refused(meter(7, flags=METER_KBPS)) == codes.METER_BAD_FLAGS
    assert a.refused(meter(7, REMARK)) == codes.METER_BAD_BAND
    assert a.refused(meter(7, DROP, DROP)) == codes.OUT_OF_BANDS
    assert a.send(meter(7)) == []


def test_a_meter_does_not_rewrite_what_rules_look_at() -> None:
    by_dscp = a_slice("b", rule(Match.of(eth_type=0x0800, ip_dscp=12)), ports(3))
    a = ON_TABLES.world(A, by_dscp).controller("a")
    assert a.refused(meter(7, REMARK)) == codes.METER_BAD_BAND
    assert a.ask(MeterFeaturesRequest(), MeterFeaturesReply).band_types == 1 << BAND_DROP
    a = ON_TABLES.world(A, B).controller("a")
    assert a.send(meter(7, REMARK)) == []


@KINDS_13
@pytest.mark.parametrize("is_changed", [False, True])
def test_nor_what_rules_beyond_a_link_look_at_that_is_found_later(kind: Kind, *, is_changed: bool) -> None:
    a_there = rule(Match.of(in_port=2), at=[2], priority=10)
    remarked = rule(Match.of(in_port=2, eth_type=0x0800, ip_dscp=12), at=[2])
    slices = [a_slice("a", ports(1, 2, at=[1]), a_there), a_slice("b", remarked)]
    world = World(slices, [kind.datapath(), kind.datapath(dpid=2)], cables=[((1, 2), (2, 2))])
    a = world.controller("a")
    a.send(meter(7, DROP if is_changed else REMARK))
    if is_changed:
        a.send(meter(7, REMARK, command=METER_MODIFY))
    entry = FlowMod(
        priority=5,
        match=Match.of(in_port=1, eth_type=0x0800, ip_dscp=10),
        instructions=(act.Meter(7), FORWARD),
    )
    assert a.send(entry) == []
    world.look_for_links()
    assert a.ask(FlowStatsRequest(), FlowStatsReply).flows == ()
    assert a.refused(entry) == codes.ACTION_EPERM
    a.send(delete(7), meter(7))
    assert a.send(entry) == []


def test_there_are_no_meters_on_1_0() -> None:
    _, a, _ = both(ON_10)
    assert a.refused(meter(7)) == codes.OUT_OF_METERS
    assert a.refused(meter(7, command=METER_MODIFY)) == codes.UNKNOWN_METER
    assert a.send(delete(7), delete(ALL_METERS)) == []
    assert a.refused(metered(7)) == codes.UNKNOWN_METER
    assert a.ask(MeterFeaturesRequest(), MeterFeaturesReply) == MeterFeaturesReply()


@KINDS_13
def test_a_quota_is_kept_exactly_and_shown(kind: Kind) -> None:
    slices = (a_slice("a", ports(1, 2), policies=["few"]), B)
    world = World(slices, [kind.datapath()], policies=[Quota("few", meters=2)])
    a, b = world.controller("a"), world.controller("b")
    assert a.send(meter(1), meter(2)) == []
    assert a.refused(meter(3)) == codes.OUT_OF_METERS
    assert b.send(*(meter(number) for number in range(1, 6))) == []
    a.send(delete(77), delete(1))
    assert a.send(meter(3)) == []
    assert a.refused(meter(4)) == codes.OUT_OF_METERS
    assert a.ask(MeterFeaturesRequest(), MeterFeaturesReply).max_meter == 2


def test_virtual_switches_of_a_network_share_its_quota_at_a_datapath() -> None:
    world = ShareWorld(BLUE, quota=Quota("few", meters=1))
    big, lab, elsewhere = (
        world.controller(f"blue/{name}", dpid) for name, dpid in (("big", 2), ("lab", 2), ("big", 1))
    )
    assert big.send(meter(1)) == elsewhere.send(meter(1)) == []
    assert lab.refused(meter(1)) == codes.OUT_OF_METERS


def test_the_upper_ids_of_a_datapath_are_left_to_the_hypervisor() -> None:
    world, a, _ = both(ON_TABLES)
    assert a.ask(MeterFeaturesRequest(), MeterFeaturesReply).max_meter == 500
    assert world.hypervisor.datapaths[1].meter_ids.last == 500


@KINDS_13
def test_what_the_datapath_has_no_room_for_is_not_there(kind: Kind) -> None:
    world, a, _ = both(kind)
    world.emulated[1].pipeline.meters.max_meters = 1
    answers = a.send(meter(1), meter(2), metered(2), BarrierRequest())
    errors = [one.error for one in answers if isinstance(one, Error)]
    assert errors == [codes.OUT_OF_METERS, codes.UNKNOWN_METER]
    assert set(a.switch.meters.by_id) == {1}
    assert a.ask(FlowStatsRequest(), FlowStatsReply).flows == ()
    world.hypervisor.datapaths[1].meter_ids.last = 1
    assert a.refused(meter(2)) == codes.OUT_OF_METERS


@KINDS_13
def test_entries_go_with_their_meter(kind: Kind) -> None:
    _, a, _ = both(kind)
    a.send(meter(7), meter(8), metered(7, flags=SEND_FLOW_REM, cookie=5))
    a.send(FlowMod(instructions=(act.Meter(8), FORWARD), priority=3))
    a.send(delete(7))
    assert [one.cookie for one in a.heard(FlowRemoved)] == [5]
    assert len(a.ask(FlowStatsRequest(), FlowStatsReply).flows) == 1
    if a.switch.flow_table is not None:
        assert len(a.switch.flow_table) == 1


@KINDS_13
def test_meters_survive_a_restart_and_strangers_do_not(kind: Kind) -> None:
    world, a, b = both(kind)
    b.send(meter(1, MeterBand(BAND_DROP, 2)))
    a.send(meter(7), metered(7))
    world.emulated[1].from_controller(meter(77), 0.0)
    world.restart()
    a, b = world.controller("a"), world.controller("b")
    assert physical(world) == {1: (MeterBand(BAND_DROP, 2),), 2: (DROP,)}
    (flow,) = a.ask(FlowStatsRequest(), FlowStatsReply).flows
    assert flow.instructions == (act.Meter(7), FORWARD)
    assert a.refused(meter(7)) == codes.METER_EXISTS
    a.send(delete(7))
    world.emulated[1].pipeline.meters.apply(delete(1), 0.0)
    world.restart()
    assert (
        set(world.controller("b").switch.meters.by_id)
        == set(world.controller("a").switch.meters.by_id)
        == set()
    )
