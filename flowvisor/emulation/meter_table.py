"""The meter table: packets counted, and dropped or remarked when they come too fast."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import define, field

from flowvisor.emulation.rewriting import set_field
from flowvisor.errors import OpenFlowError
from flowvisor.openflow import error_codes
from flowvisor.openflow.messages import (
    ALL_METERS,
    BAND_DROP,
    BAND_DSCP_REMARK,
    METER_ADD,
    METER_BURST,
    METER_DELETE,
    METER_KBPS,
    METER_MODIFY,
    METER_PKTPS,
    METER_STATS,
    MeterBand,
    MeterMod,
)
from flowvisor.openflow.packet import parse

MAX_METERS: Final = 1_000  # then an add is answered with OUT_OF_METERS
MAX_BANDS: Final = 8
MAX_METER_ID: Final = 0xFFFF0000  # OFPM_MAX; what lies above is virtual
BAND_TYPES: Final = (BAND_DROP, BAND_DSCP_REMARK)
_FLAGS: Final = METER_KBPS | METER_PKTPS | METER_BURST | METER_STATS


@define(eq=False)
class _Band:
    """A token bucket, with counters of what went over its rate. Tokens are packets, or kilobits."""

    band: MeterBand
    capacity: float
    tokens: float = field(init=False)
    filled_at: float
    packets: int = 0
    bytes: int = 0

    def __attrs_post_init__(self) -> None:
        self.tokens = self.capacity

    def is_exceeded(self, cost: float, now: float) -> bool:
        elapsed = max(0.0, now - self.filled_at)
        self.tokens = min(self.capacity, self.tokens + elapsed * self.band.rate)
        self.filled_at = now
        if self.tokens >= cost:
            self.tokens -= cost
            return False
        return True


@define(eq=False)
class MeterEntry:
    """One meter with its counters."""

    meter_id: int
    flags: int
    created_at: float
    bands: list[_Band]
    packet_count: int = 0
    byte_count: int = 0

    def pass_through(self, packet: bytes, now: float) -> bytes | None:
        """Count a packet; return it as the highest exceeded band leaves it, None where it is dropped."""
        self.packet_count += 1
        self.byte_count += len(packet)
        cost = 1.0 if self.flags & METER_PKTPS else len(packet) * 8 / 1000
        exceeded = [band for band in self.bands if band.is_exceeded(cost, now)]
        if not exceeded:
            return packet
        highest = max(exceeded, key=lambda band: band.band.rate)
        highest.packets += 1
        highest.bytes += len(packet)
        return _remarked(packet, highest.band.prec_level) if highest.band.kind == BAND_DSCP_REMARK else None


def _remarked(packet: bytes, levels: int) -> bytes:
    """Raise the drop precedence of an assured forwarding DSCP (RFC 2597), as far as it goes."""
    dscp = parse(packet).get("ip_dscp")
    if dscp is None or not dscp & 0b110 or not 1 <= dscp >> 3 <= 4 or dscp & 1:
        return packet
    precedence = min(3, (dscp >> 1 & 3) + levels)
    return set_field(packet, "ip_dscp", dscp & 0b111001 | precedence << 1)


@define(eq=False)
class MeterTable:
    """Meters by id. What breaks a rule of the protocol raises OpenFlowError and changes nothing."""

    max_meters: int = MAX_METERS
    _meters: dict[int, MeterEntry] = field(factory=dict, init=False)

    def __len__(self) -> int:
        return len(self._meters)

    def __iter__(self) -> Iterator[MeterEntry]:
        return iter(list(self._meters.values()))

    def get(self, meter_id: int) -> MeterEntry | None:
        return self._meters.get(meter_id)

    def apply(self, mod: MeterMod, now: float) -> list[MeterEntry]:
        """Add, modify or delete meters (1.3.5, section 6.6); return those that are gone."""
        if mod.command == METER_DELETE:
            gone = [meter for meter in self if mod.meter_id in (ALL_METERS, meter.meter_id)]
            for meter in gone:
                del self._meters[meter.meter_id]
            return gone
        if mod.command not in (METER_ADD, METER_MODIFY):
            raise OpenFlowError(error_codes.METER_BAD_COMMAND, f"meter command {mod.command}")
        self._check(mod)
        old = self._meters.get(mod.meter_id)
        meter = MeterEntry(mod.meter_id, mod.flags, now, [])
        if old is not None:
            meter.created_at, meter.packet_count = old.created_at, old.packet_count
            meter.byte_count = old.byte_count
        for band in mod.bands:
            meter.bands.append(_Band(band, _capacity(mod.flags, band), filled_at=now))
        self._meters[mod.meter_id] = meter
        return []

    def _check(self, mod: MeterMod) -> None:
        exists = mod.meter_id in self._meters
        if not 1 <= mod.meter_id <= MAX_METER_ID:
            raise OpenFlowError(error_codes.INVALID_METER, f"meter {mod.meter_id:#x}")
        if mod.command == METER_ADD and exists:
            raise OpenFlowError(error_codes.METER_EXISTS, f"meter {mod.meter_id} exists")
        if mod.command == METER_ADD and len(self._meters) >= self.max_meters:
            raise OpenFlowError(error_codes.OUT_OF_METERS, f"there are {len(self._meters)} meters")
        if mod.command == METER_MODIFY and not exists:
            raise OpenFlowError(error_codes.UNKNOWN_METER, f"no meter {mod.meter_id}")
        if mod.flags & ~_FLAGS or (mod.flags & METER_KBPS and mod.flags & METER_PKTPS):
            raise OpenFlowError(error_codes.METER_BAD_FLAGS, f"meter flags {mod.flags:#x}")
        if len(mod.bands) > MAX_BANDS or any(band.kind not in BAND_TYPES for band in mod.bands):
            raise OpenFlowError(error_codes.METER_BAD_BAND, "too many bands, or of an unknown type")
        if any(not band.rate for band in mod.bands):
            raise OpenFlowError(error_codes.METER_BAD_RATE, "a band has no rate")


def _capacity(flags: int, band: MeterBand) -> float:
    """What a band lets through at once: its burst, else what its rate is in one second."""
    return float(band.burst_size if flags & METER_BURST and band.burst_size else band.rate)
