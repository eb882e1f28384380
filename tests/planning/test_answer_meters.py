"""Meters of questions: one for each share that answers, and never one that is another's."""

from __future__ import annotations

from attrs import evolve

from flowvisor.openflow.messages import BAND_DROP, METER_KBPS, METER_PKTPS, MeterBand
from flowvisor.openflow.multipart import MeterFeaturesReply
from flowvisor.planning.allocation import LAST_TABLE, TableBlock
from flowvisor.planning.answer_meters import ANSWERS_PER_SECOND, answer_meter_ids, answer_meters
from flowvisor.planning.entries import max_tenant_meter
from flowvisor.planning.meters import meter_ids
from flowvisor.planning.share import Share
from flowvisor.planning.storm_meters import storm_meter

OFFERED = MeterFeaturesReply(max_meter=2000, band_types=1 << BAND_DROP, capabilities=METER_PKTPS, max_bands=1)
BLOCKS = {str(first): TableBlock(first, 1) for first in range(2, LAST_TABLE, 3)}
SHARES = [Share(name, 1, block, {}, has_answer_table=True) for name, block in BLOCKS.items()]


def test_each_share_has_a_meter_of_its_own_above_those_of_tenants() -> None:
    ids = set(answer_meter_ids(OFFERED, SHARES).values())
    assert len(ids) == len(SHARES)
    assert all(max_tenant_meter(2000) < one <= 2000 for one in ids)
    assert ids.isdisjoint(meter_ids(BLOCKS, BLOCKS, 2000).values())
    storms = [storm_meter(OFFERED, block, 1.0) for block in BLOCKS.values()]
    assert ids.isdisjoint(one.meter_id for one in storms if one is not None)


def test_there_is_none_where_nothing_is_asked_or_packets_are_not_counted_or_none_is_left() -> None:
    quiet = evolve(SHARES[0], has_answer_table=False)
    assert answer_meter_ids(OFFERED, [quiet]) == {}
    assert answer_meter_ids(evolve(OFFERED, capabilities=METER_KBPS), SHARES) == {}
    assert answer_meter_ids(evolve(OFFERED, max_meter=2), SHARES) == {}
    assert answer_meter_ids(MeterFeaturesReply(), SHARES) == {}


def test_it_drops_what_is_more_than_is_answered() -> None:
    (meter,) = answer_meters({"blue/big": 7})
    assert (meter.meter_id, meter.flags) == (7, METER_PKTPS)
    assert meter.bands == (MeterBand(kind=BAND_DROP, rate=ANSWERS_PER_SECOND),)
