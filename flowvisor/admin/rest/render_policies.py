"""Policies: of what kind each is, and who has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from flowvisor.admin.rest import shapes
from flowvisor.admin.rest.access import Access
from flowvisor.configuration.snapshot import Configuration
from flowvisor.policies.acl import Acl
from flowvisor.policies.bandwidth import Bandwidth
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit

# As the files have it.
KINDS: Final[Mapping[type, str]] = {
    Acl: "acl",
    Bandwidth: "bandwidth",
    Quota: "quota",
    RateLimit: "rate-limit",
}


def policy_of(configuration: Configuration, name: str, reader: Access) -> shapes.Policy:
    """One policy; of the slices that have it only those that the reader may know of."""
    having = [one.name for one in configuration.slices if name in one.policies]
    return {
        "name": name,
        "kind": KINDS[type(configuration.policies[name])],
        "slices": [one for one in having if reader.may_see(one)],
    }
