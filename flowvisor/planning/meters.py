"""The hypervisor's own meters: one for each slice whose bandwidth is limited at a datapath that has meters."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flowvisor.openflow.messages import (
    BAND_DROP,
    METER_ADD,
    METER_BURST,
    METER_DELETE,
    METER_KBPS,
    METER_MODIFY,
    METER_PKTPS,
    MeterBand,
    MeterMod,
)
from flowvisor.openflow.multipart import MeterConfig
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.entries import max_tenant_meter
from flowvisor.policies.bandwidth import Bandwidth

_MEANT = METER_KBPS | METER_PKTPS | METER_BURST  # whether a datapath counts besides is its own affair


def meter_ids(blocks: Mapping[str, TableBlock], names: Iterable[str], max_meter: int) -> dict[str, int]:
    """The meter of each of these slices, by its block and so never another's, from the highest that there may be
    downwards; none for a slice for which none is left.
    """
    ids = {name: max_meter + 1 - blocks[name].first for name in names}
    return {name: meter_id for name, meter_id in ids.items() if meter_id > max_tenant_meter(max_meter)}


def meters_of(ids: Mapping[str, int], bandwidths: Mapping[str, Bandwidth]) -> list[MeterMod]:
    """The meters that should be there."""
    return [_meter(meter_id, bandwidths[name]) for name, meter_id in ids.items()]


def _meter(meter_id: int, bandwidth: Bandwidth) -> MeterMod:
    burst = bandwidth.burst
    return MeterMod(
        command=METER_ADD,
        flags=METER_KBPS | (0 if burst is None else METER_BURST),
        meter_id=meter_id,
        bands=(MeterBand(kind=BAND_DROP, rate=bandwidth.rate, burst_size=burst or 0),),
    )


def meter_changes(
    wanted: Iterable[MeterMod], present: Iterable[MeterConfig], max_meter: int
) -> tuple[list[MeterMod], list[MeterMod]]:
    """What to send before the flow entries (additions, modifications) and what after them (deletions)."""
    lowest = max_tenant_meter(max_meter) + 1
    found = {meter.meter_id: meter for meter in present if lowest <= meter.meter_id <= max_meter}
    first = []
    for meter in wanted:
        old = found.pop(meter.meter_id, None)
        if old is None:
            first.append(meter)
        elif _limits(old) != _limits(meter):
            first.append(
                MeterMod(command=METER_MODIFY, flags=meter.flags, meter_id=meter.meter_id, bands=meter.bands)
            )
    return first, [MeterMod(command=METER_DELETE, meter_id=meter_id) for meter_id in found]


def _limits(meter: MeterConfig | MeterMod) -> object:
    # A burst that was not asked for may be told as whatever the datapath has chosen.
    has_burst = bool(meter.flags & METER_BURST)
    bands = [(band.kind, band.rate, band.burst_size if has_burst else 0) for band in meter.bands]
    return meter.flags & _MEANT, bands
