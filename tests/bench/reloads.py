"""What a reload costs: 100 slices x 10 rules over 50 datapaths, one rule changed. `python -m tests.bench.reloads`.

Measured is CPU time, each turn of the reactor by itself, as the shell would have it: emulated datapaths answer, and
what they take is not counted. The three cases differ in how many datapaths the changed rule speaks of.
"""

from __future__ import annotations

import argparse
import gc
from collections.abc import Callable
from time import process_time
from typing import Any

from flowvisor.openflow.fields import VLAN_PRESENT
from flowvisor.openflow.match import Match
from flowvisor.planning.proof import prove
from flowvisor.service import COLLECTOR_THRESHOLDS
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.kinds import ON_TABLES
from tests.support.world import World, a_slice, configuration, rule

SLICES, RULES = 100, 10
CHANGED = (SLICES // 2, 3)
OTHER_VLAN = 3000

Where = Callable[[int], list[int] | None]


def slices(where: Where, *, changed: bool) -> list[FlowspaceSlice]:
    """Slices by VLANs, each rule at some of the datapaths."""

    def vlan(number: int, place: int) -> int:
        return OTHER_VLAN if changed and (number, place) == CHANGED else number * RULES + place + 1

    return [
        a_slice(
            f"s{number:03}",
            *(
                rule(Match.of(vlan_vid=VLAN_PRESENT | vlan(number, place)), at=where(number * RULES + place))
                for place in range(RULES)
            ),
            tables=2,
        )
        for number in range(SLICES)
    ]


class Stopwatch:
    """What calls have taken."""

    def __init__(self) -> None:
        self.turns: list[float] = []

    def measure(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """The same call, measured."""

        def measured(*arguments: Any) -> Any:
            begun = process_time()
            result = call(*arguments)
            self.turns.append(process_time() - begun)
            return result

        return measured


def run(name: str, n_datapaths: int, where: Where) -> None:
    """One case."""
    world = World(
        slices(where, changed=False), [ON_TABLES.datapath(dpid=dpid + 1) for dpid in range(n_datapaths)]
    )
    after = configuration(*slices(where, changed=True))
    ahead = world.hypervisor.ahead()
    begun = process_time()
    prove(after)
    compiled = ahead.compile(after)
    beside = process_time() - begun
    watch = Stopwatch()
    hypervisor: Any = world.hypervisor
    for call in ("reload", "wake", "from_datapath"):
        setattr(hypervisor, call, watch.measure(getattr(hypervisor, call)))
    sent = len(world.to_datapaths)
    world.perform(hypervisor.reload(after, world.now, compiled))
    worst = max(watch.turns)
    touched = {dpid for dpid, _ in world.to_datapaths[sent:]}
    print(
        f"{name}: {len(touched)} datapaths touched; beside the reactor {beside:.3f} s, in it {sum(watch.turns):.3f} s "
        f"in {len(watch.turns)} turns, of which the longest {worst * 1000:.0f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datapaths", type=int, default=50)
    n_datapaths = parser.parse_args().datapaths
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    run("a rule at one datapath", n_datapaths, lambda number: [number % n_datapaths + 1])
    run(
        "a rule at five",
        n_datapaths,
        lambda number: [(number + one * 7) % n_datapaths + 1 for one in range(5)],
    )
    run("a rule at all", n_datapaths, lambda _: None)


if __name__ == "__main__":
    main()
