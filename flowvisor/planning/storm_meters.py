"""Storm meters: one for each slice whose packet-ins have a rate, at a datapath that can count packets."""

from __future__ import annotations

from math import ceil
from typing import Final

from flowvisor.openflow.messages import BAND_DROP, METER_ADD, METER_PKTPS, MeterBand, MeterMod
from flowvisor.openflow.multipart import MeterFeaturesReply
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.entries import max_tenant_meter

FIRST_BELOW_TOP: Final = 256  # above are those of bandwidth policies, one for each table at most


def storm_meter(
    features: MeterFeaturesReply, block: TableBlock, packet_ins_per_second: float
) -> MeterMod | None:
    """The meter of a slice, by its block and so never another's; None where the datapath has none of this kind."""
    meter_id = features.max_meter - FIRST_BELOW_TOP - block.first
    if meter_id <= max_tenant_meter(features.max_meter) or not counts_packets(features):
        return None
    band = MeterBand(kind=BAND_DROP, rate=ceil(packet_ins_per_second))
    return MeterMod(command=METER_ADD, flags=METER_PKTPS, meter_id=meter_id, bands=(band,))


def counts_packets(features: MeterFeaturesReply) -> bool:
    """Whether a datapath's meters can drop packets that are too many."""
    return bool(features.capabilities & METER_PKTPS and features.band_types >> BAND_DROP & 1)
