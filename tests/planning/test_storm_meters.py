"""Storm meters: where they are, and what they let through."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.openflow.messages import (
    BAND_DROP,
    BAND_DSCP_REMARK,
    METER_KBPS,
    METER_PKTPS,
    MeterBand,
    MeterMod,
)
from flowvisor.openflow.multipart import MeterFeaturesReply
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.entries import max_tenant_meter
from flowvisor.planning.meters import meter_ids
from flowvisor.planning.storm_meters import storm_meter

OFFERED = MeterFeaturesReply(
    max_meter=2000, band_types=1 << BAND_DROP, capabilities=METER_PKTPS | METER_KBPS, max_bands=1
)


def meter_of(first: int, rate: float = 500.0, offered: MeterFeaturesReply = OFFERED) -> MeterMod | None:
    return storm_meter(offered, TableBlock(first, 8), rate)


def test_each_block_has_a_meter_of_its_own_above_those_of_tenants() -> None:
    ids = [meter.meter_id for first in range(1, 250) if (meter := meter_of(first)) is not None]
    assert len(set(ids)) == len(ids) == 249
    assert all(max_tenant_meter(2000) < one <= 2000 for one in ids)
    blocks = {str(first): TableBlock(first, 1) for first in range(1, 250)}
    assert set(ids).isdisjoint(meter_ids(blocks, blocks, 2000).values())


@pytest.mark.parametrize(("rate", "told"), [(500.0, 500), (0.5, 1), (1.2, 2)])
def test_it_drops_what_is_above_the_rate_in_whole_packets(rate: float, told: int) -> None:
    meter = meter_of(1, rate)
    assert meter is not None
    assert meter.flags == METER_PKTPS
    assert meter.bands == (MeterBand(kind=BAND_DROP, rate=told),)


@pytest.mark.parametrize(
    "offered",
    [
        MeterFeaturesReply(),
        evolve(OFFERED, max_meter=1),
        evolve(OFFERED, capabilities=METER_KBPS),
        evolve(OFFERED, band_types=1 << BAND_DSCP_REMARK),
    ],
)
def test_where_the_datapath_has_no_such_meter_there_is_none(offered: MeterFeaturesReply) -> None:
    assert meter_of(1, offered=offered) is None
