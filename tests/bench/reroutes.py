"""What virtual networks cost when what they lie on changes. `python -m tests.bench.reroutes`.

One virtual switch over leaves of which each has a link to each of two spines; all datapaths come at once, and then one
link after the other fails. Measured is CPU time, from what is told to the last frame that is made for it.
"""

from __future__ import annotations

import argparse
import gc
from statistics import median
from time import process_time

from flowvisor.hypervisor.hypervisor import Hypervisor
from flowvisor.network.topology import End
from flowvisor.service import COLLECTOR_THRESHOLDS
from tests.support.leaves import leaves_and_spines, seconds_to_go_round

SPINES = 2
FAILURES = 10


def sent(hypervisor: Hypervisor) -> int:
    """How many messages datapaths have been sent."""
    return hypervisor.networks.changes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--datapaths", type=int, default=50)
    parser.add_argument("--ports", type=int, default=1000)
    arguments = parser.parse_args()
    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    begun = process_time()
    hypervisor = leaves_and_spines(arguments.datapaths - SPINES, SPINES, arguments.ports)
    print(f"all set up: {process_time() - begun:.1f} s for {sent(hypervisor):,} messages")
    taken = []
    for leaf in range(1, FAILURES + 1):
        before = sent(hypervisor)
        seconds = seconds_to_go_round(hypervisor, End(leaf, 101))
        taken.append(seconds)
        print(f"a link fails: {seconds * 1000:.0f} ms for {sent(hypervisor) - before:,} messages")
    print(f"at least {min(taken) * 1000:.0f} ms, median {median(taken) * 1000:.0f} ms")


if __name__ == "__main__":
    main()
