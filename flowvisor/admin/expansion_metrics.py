"""As how many messages flow-mods of each slice were sent on: one, but where entries are cut to what the slice owns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import accumulate
from typing import Final

from prometheus_client.core import HistogramMetricFamily
from prometheus_client.metrics_core import Metric

from flowvisor.admin.families import PREFIX
from flowvisor.hypervisor.peers import Tenant
from flowvisor.openflow.frame import FLOW_MOD

BOUNDS: Final = (0, 1, 2, 4, 8, 16, 32, 64, 128)


def expansion_metrics(tenants: Iterable[Tenant]) -> Metric:
    """One histogram for each slice that has sent any."""
    family = HistogramMetricFamily(
        PREFIX + "flow_mod_expansion",
        "As how many messages the slice's flow-mods were sent on: several where its entries are cut.",
        labels=["slice"],
    )
    for tenant in tenants:
        expansions: Counter[int] = Counter()
        for counters in tenant.counters.values():
            expansions[1] += counters.down[FLOW_MOD] - sum(counters.expansions.values())
            expansions.update(counters.expansions)
        if expansions.total():
            family.add_metric([tenant.name], _buckets(expansions), _sum(expansions))
    return family


def _buckets(expansions: Counter[int]) -> list[tuple[str, float]]:
    ends = (*map(float, BOUNDS), float("inf"))
    starts = (-1.0, *ends[:-1])
    counts = [
        sum(count for number, count in expansions.items() if start < number <= end)
        for start, end in zip(starts, ends, strict=True)
    ]
    names = (*map(str, BOUNDS), "+Inf")
    return [(name, float(count)) for name, count in zip(names, accumulate(counts), strict=True)]


def _sum(expansions: Counter[int]) -> float:
    return float(sum(number * count for number, count in expansions.items()))
