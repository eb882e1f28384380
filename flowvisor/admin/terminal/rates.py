"""How fast things go: two looks at a running flowvisor, and the time between them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from attrs import field, frozen

_SLICE_COUNTS: Final = ("up", "down", "answered", "refused", "shed")


@frozen
class Look:
    """What was told at a moment. `at` is in seconds; a tenant is told of virtual switches instead of datapaths."""

    at: float
    slices: list[dict[str, Any]]
    datapaths: list[dict[str, Any]] = field(factory=list)
    switches: list[dict[str, Any]] = field(factory=list)
    status: dict[str, Any] | None = None


def rates(before: Look, after: Look) -> dict[str, Any]:
    """What has happened between two looks, in messages per second, and how things are now."""
    seconds = max(after.at - before.at, 1e-9)
    return {
        "seconds": round(seconds, 3),
        "status": after.status,
        "slices": _slices(before.slices, after.slices, seconds),
        "datapaths": _datapaths(before.datapaths, after.datapaths, seconds),
        "switches": [_switch(one) for one in after.switches],
    }


def _slices(before: Iterable[Any], after: Iterable[Any], seconds: float) -> list[dict[str, Any]]:
    earlier = {one["name"]: one for one in before}
    told = []
    for one in after:
        was = earlier.get(one["name"], one)
        told.append(
            {
                "slice": one["name"],
                **_per_second(was["messages"], one["messages"], _SLICE_COUNTS, seconds),
                "limited": round((_limited(one) - _limited(was)) / seconds, 1),
                "flow_entries": one["flow_entries"],
                "waiting_bytes": one["waiting_bytes"],
                "channels": one["channels"],
            }
        )
    return told


def _limited(one: Mapping[str, Any]) -> int:
    return sum(limit["count"] for limit in one["limits"])


def _datapaths(before: Iterable[Any], after: Iterable[Any], seconds: float) -> list[dict[str, Any]]:
    earlier = {one["dpid"]: one for one in before}
    told = []
    for one in after:
        was = earlier.get(one["dpid"], one)
        told.append(
            {
                "datapath": one["name"],
                "is_ready": one["is_ready"],
                **_per_second(was["messages"], one["messages"], ("up", "down"), seconds),
                "barrier_seconds": one["barrier_seconds"],
                "in_flight": one["in_flight"],
                "window": one["window"],
                "queued_bytes": one["queued_bytes"],
                "pending": one["pending_transactions"],
            }
        )
    return told


def _switch(one: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "switch": one["name"],
        "is_ready": one["is_ready"],
        "flow_entries": one["flow_entries"],
        "flow_entries_limit": one["flow_entries_limit"],
        "waiting_bytes": one["waiting_bytes"],
    }


def _per_second(
    before: Mapping[str, int], after: Mapping[str, int], names: Iterable[str], seconds: float
) -> dict[str, float]:
    """Counters begin anew when a datapath comes back: then what they have counted since is what there is."""
    return {
        name: round((after[name] - before[name] if after[name] >= before[name] else after[name]) / seconds, 1)
        for name in names
    }
