"""What files must prove before they count: slices are disjoint, and can be put in force."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from flowvisor.configuration.snapshot import Configuration
from flowvisor.planning.acl_bounds import refuse_acls
from flowvisor.planning.acl_groups import refuse_groups
from flowvisor.planning.network_checks import refuse_networks
from flowvisor.planning.overlaps import Overlap, refuse_conflicts

PROVED_AHEAD: Final = timedelta(
    days=8
)  # every day of the week comes in it, and what begins on one and ends on the next
MAX_MOMENTS: Final = 100  # at which files that go by the clock are proved; of more the first


def prove(configuration: Configuration) -> list[Overlap]:
    """The overlaps that priorities settle; raises ConfigurationError where files may not count."""
    refuse_groups(configuration)
    refuse_acls(configuration)
    refuse_networks(configuration)
    return refuse_conflicts(configuration)


def prove_ahead(written: Configuration, instant: datetime) -> list[Overlap]:
    """The same for files that go by the clock: at a moment, whose overlaps are told, and in the week after it."""
    refuse_groups(written)
    now = written.at(instant)
    overlaps, proved, until = prove(now), [now.slices], instant + PROVED_AHEAD
    moment = written.next_change(instant)
    while moment is not None and moment < until and len(proved) < MAX_MOMENTS:
        then = written.at(moment)
        if then.slices not in proved:
            prove(then)
            proved.append(then.slices)
        moment = written.next_change(moment)
    return overlaps
