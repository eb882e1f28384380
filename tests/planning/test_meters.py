"""The hypervisor's own meters: whose they are, and what makes them right."""

from __future__ import annotations

import pytest

from flowvisor.openflow.messages import (
    BAND_DROP,
    METER_ADD,
    METER_BURST,
    METER_DELETE,
    METER_KBPS,
    METER_MODIFY,
    METER_STATS,
    MeterBand,
)
from flowvisor.openflow.multipart import MeterConfig
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.entries import max_tenant_meter
from flowvisor.planning.meters import meter_changes, meter_ids, meters_of
from flowvisor.policies.bandwidth import Bandwidth

BLOCKS = {"a": TableBlock(1, 4), "b": TableBlock(5, 4), "c": TableBlock(9, 200)}
SLOW = Bandwidth("slow", rate=20_000)


def test_a_slices_meter_is_its_own_whatever_others_come_and_go() -> None:
    assert meter_ids(BLOCKS, ["a", "c"], 65536) == {"a": 65536, "c": 65528}
    assert meter_ids(BLOCKS, ["c"], 65536) == {"c": 65528}


@pytest.mark.parametrize("max_meter", [0, 1, 2, 15, 16, 65536, 0xFFFF_0000])
def test_no_meter_is_one_that_a_tenant_could_have(max_meter: int) -> None:
    ids = meter_ids(BLOCKS, BLOCKS, max_meter).values()
    assert all(max_tenant_meter(max_meter) < meter_id <= max_meter for meter_id in ids)
    assert len(ids) == {0: 0, 1: 0, 2: 1, 15: 2, 16: 2}.get(max_meter, 3)


def test_a_meter_drops_what_is_more_than_the_rate() -> None:
    plain, bursting = meters_of({"a": 9, "b": 8}, {"a": SLOW, "b": Bandwidth("x", rate=7, burst=3)})
    assert (plain.command, plain.meter_id, plain.flags) == (METER_ADD, 9, METER_KBPS)
    assert plain.bands == (MeterBand(kind=BAND_DROP, rate=20_000),)
    assert (bursting.flags, bursting.bands[0].burst_size) == (METER_KBPS | METER_BURST, 3)


def test_what_is_right_is_left_alone_and_what_is_not_ours_too() -> None:
    (meter,) = meters_of({"a": 100}, {"a": SLOW})
    # The datapath counts, and says what burst it has chosen.
    told = MeterConfig(100, METER_KBPS | METER_STATS, (MeterBand(kind=BAND_DROP, rate=20_000, burst_size=9),))
    tenants = MeterConfig(3, METER_KBPS, (MeterBand(kind=BAND_DROP, rate=1),))
    assert meter_changes([meter], [told, tenants], 100) == ([], [])


def test_what_is_not_right_is_changed_before_and_what_is_too_much_goes_after() -> None:
    wanted = meters_of({"a": 100, "b": 99}, {"a": SLOW, "b": SLOW})
    old = [
        MeterConfig(100, METER_KBPS, (MeterBand(kind=BAND_DROP, rate=7),)),
        MeterConfig(98, METER_KBPS, (MeterBand(kind=BAND_DROP, rate=7),)),
    ]
    first, last = meter_changes(wanted, old, 100)
    assert [(one.command, one.meter_id) for one in first] == [(METER_MODIFY, 100), (METER_ADD, 99)]
    assert [one.bands[0].rate for one in first] == [20_000, 20_000]
    assert [(one.command, one.meter_id) for one in last] == [(METER_DELETE, 98)]
