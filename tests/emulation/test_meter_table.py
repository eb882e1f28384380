"""Meters: what is refused, and what a packet that comes too fast is left with."""

from __future__ import annotations

from typing import Any

import pytest
from scapy.layers.inet import IP, UDP
from scapy.layers.l2 import Ether

from flowvisor.emulation.meter_table import MeterEntry, MeterTable
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
    MeterBand,
    MeterMod,
)
from flowvisor.openflow.packet import parse

TEN = MeterBand(BAND_DROP, rate=10)


def mod(meter_id: int = 1, *bands: MeterBand, **fields: Any) -> MeterMod:
    return MeterMod(
        **{"command": METER_ADD, "flags": METER_PKTPS, "meter_id": meter_id, "bands": bands, **fields}
    )


def meter_with(*bands: MeterBand, **fields: Any) -> MeterEntry:
    table = MeterTable()
    table.apply(mod(1, *bands, **fields), 0.0)
    meter = table.get(1)
    assert meter is not None
    return meter


REFUSED: list[tuple[MeterMod, tuple[int, int]]] = [
    (mod(1), error_codes.METER_EXISTS),
    (mod(9, command=METER_MODIFY), error_codes.UNKNOWN_METER),
    (mod(9, command=7), error_codes.METER_BAD_COMMAND),
    (mod(0), error_codes.INVALID_METER),
    (mod(0xFFFFFFFD), error_codes.INVALID_METER),
    (mod(9, flags=METER_KBPS | METER_PKTPS), error_codes.METER_BAD_FLAGS),
    (mod(9, flags=1 << 4), error_codes.METER_BAD_FLAGS),
    (mod(9, *[TEN] * 9), error_codes.METER_BAD_BAND),
    (mod(9, MeterBand(7, rate=1)), error_codes.METER_BAD_BAND),
    (mod(9, MeterBand(BAND_DROP, rate=0)), error_codes.METER_BAD_RATE),
]


@pytest.mark.parametrize(("refused", "error"), REFUSED)
def test_a_wrong_meter_mod_is_refused_and_changes_nothing(refused: MeterMod, error: tuple[int, int]) -> None:
    table = MeterTable()
    table.apply(mod(1), 0.0)
    with pytest.raises(OpenFlowError) as raised:
        table.apply(refused, 1.0)
    assert (raised.value.error_type, raised.value.error_code) == error
    assert [meter.meter_id for meter in table] == [1]


def test_there_is_an_end_to_meters() -> None:
    table = MeterTable(max_meters=1)
    table.apply(mod(1), 0.0)
    with pytest.raises(OpenFlowError) as raised:
        table.apply(mod(2), 0.0)
    assert (raised.value.error_type, raised.value.error_code) == error_codes.OUT_OF_METERS


def test_meters_are_deleted_one_by_one_or_all() -> None:
    table = MeterTable()
    for meter_id in (1, 2, 3):
        table.apply(mod(meter_id), 0.0)
    assert [gone.meter_id for gone in table.apply(mod(2, command=METER_DELETE), 0.0)] == [2]
    assert table.apply(mod(2, command=METER_DELETE), 0.0) == []
    assert len(table.apply(mod(ALL_METERS, command=METER_DELETE), 0.0)) == 2
    assert len(table) == 0


def test_a_modified_meter_keeps_its_age_and_counters() -> None:
    table = MeterTable()
    table.apply(mod(1, TEN), 0.0)
    for each in table:
        each.pass_through(b"12345678", 1.0)
    table.apply(mod(1, command=METER_MODIFY), 5.0)
    assert [(m.created_at, m.packet_count, m.byte_count, m.bands) for m in table] == [(0.0, 1, 8, [])]


def test_packets_above_the_rate_are_dropped_and_counted() -> None:
    meter = meter_with(TEN)
    passed = [meter.pass_through(b"x" * 100, 0.0) for _ in range(15)]
    assert passed == [b"x" * 100] * 10 + [None] * 5
    assert (meter.packet_count, meter.byte_count) == (15, 1500)
    assert (meter.bands[0].packets, meter.bands[0].bytes) == (5, 500)
    assert meter.pass_through(b"x", 0.1) == b"x"
    assert meter.pass_through(b"x", 0.1) is None


def test_a_rate_may_be_in_kilobits() -> None:
    meter = meter_with(MeterBand(BAND_DROP, rate=1), flags=METER_KBPS)
    assert meter.pass_through(b"x" * 125, 0.0) is not None
    assert meter.pass_through(b"x" * 125, 0.5) is None
    assert meter.pass_through(b"x" * 125, 1.5) is not None


def test_a_burst_is_let_through_at_once() -> None:
    meter = meter_with(MeterBand(BAND_DROP, rate=1, burst_size=5), flags=METER_PKTPS | METER_BURST)
    assert [meter.pass_through(b"x", 0.0) for _ in range(6)] == [b"x"] * 5 + [None]


def test_of_several_exceeded_bands_the_highest_acts() -> None:
    meter = meter_with(MeterBand(BAND_DSCP_REMARK, rate=1, prec_level=1), MeterBand(BAND_DROP, rate=3))
    packet = bytes(Ether() / IP(tos=10 << 2) / UDP())
    seen = [meter.pass_through(packet, 0.0) for _ in range(4)]
    assert [None if each is None else parse(each)["ip_dscp"] for each in seen] == [10, 12, 12, None]


@pytest.mark.parametrize(
    ("dscp", "levels", "remarked"), [(10, 1, 12), (10, 2, 14), (14, 1, 14), (0, 1, 0), (46, 1, 46)]
)
def test_only_assured_forwarding_is_remarked(dscp: int, levels: int, remarked: int) -> None:
    meter = meter_with(MeterBand(BAND_DSCP_REMARK, rate=1, prec_level=levels))
    packet = bytes(Ether() / IP(tos=dscp << 2) / UDP())
    meter.pass_through(packet, 0.0)
    seen = meter.pass_through(packet, 0.0)
    assert seen is not None
    assert parse(seen)["ip_dscp"] == remarked


def test_what_is_not_ip_has_nothing_to_remark() -> None:
    meter = meter_with(MeterBand(BAND_DSCP_REMARK, rate=1, prec_level=1))
    assert [meter.pass_through(b"x" * 60, 0.0) for _ in range(2)] == [b"x" * 60] * 2
