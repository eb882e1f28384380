"""Counters cannot be made to grow by whoever connects."""

from __future__ import annotations

from flowvisor.connections.counters import MAX_COUNTED_DPIDS, OTHER_DPIDS, ConnectionCounters


def test_dpids_beyond_the_bound_are_counted_as_one() -> None:
    counters = ConnectionCounters()
    for dpid in range(MAX_COUNTED_DPIDS + 100):
        counters.datapath_connects[counters.counted_dpid(dpid)] += 1
    assert len(counters.datapath_connects) == MAX_COUNTED_DPIDS + 1
    assert counters.datapath_connects[OTHER_DPIDS] == 100
    assert counters.counted_dpid(5) == 5
