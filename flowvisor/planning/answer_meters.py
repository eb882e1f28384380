"""The meters of questions: who asks for addresses faster than it is answered is dropped at the datapath."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from flowvisor.openflow.messages import BAND_DROP, METER_ADD, METER_PKTPS, MeterBand, MeterMod
from flowvisor.openflow.multipart import MeterFeaturesReply
from flowvisor.planning.entries import max_tenant_meter
from flowvisor.planning.share import Share
from flowvisor.planning.storm_meters import FIRST_BELOW_TOP, counts_packets

ANSWERS_PER_SECOND: Final = 250  # of one virtual switch at one datapath; what is asked beyond is dropped


def answer_meter_ids(features: MeterFeaturesReply, shares: Iterable[Share]) -> Mapping[str, int]:
    """The meter of each of these shares that answers; none where none is left.

    It is by the table in front of the tenant's, with which no block begins, so that it is no storm's.
    """
    if not counts_packets(features):
        return {}
    first, lowest = features.max_meter - FIRST_BELOW_TOP, max_tenant_meter(features.max_meter) + 1
    ids = {one.name: first - one.answer_table for one in shares if one.answer_table is not None}
    return {name: meter_id for name, meter_id in ids.items() if meter_id >= lowest}


def answer_meters(ids: Mapping[str, int]) -> list[MeterMod]:
    """The meters that should be there."""
    band = MeterBand(kind=BAND_DROP, rate=ANSWERS_PER_SECOND)
    return [
        MeterMod(command=METER_ADD, flags=METER_PKTPS, meter_id=meter_id, bands=(band,))
        for meter_id in ids.values()
    ]
