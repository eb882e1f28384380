"""What files must prove before they count: slices are disjoint, and their ACLs can be put in force."""

from __future__ import annotations

from flowvisor.configuration.snapshot import Configuration
from flowvisor.planning.acl_bounds import refuse_acls
from flowvisor.planning.overlaps import Overlap, refuse_conflicts


def prove(configuration: Configuration) -> list[Overlap]:
    """The overlaps that priorities settle; raises ConfigurationError where files may not count."""
    refuse_acls(configuration)
    return refuse_conflicts(configuration)
