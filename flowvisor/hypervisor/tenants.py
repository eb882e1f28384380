"""The slices of the admin's files as tenants: what files do not change goes on."""

from __future__ import annotations

from collections.abc import Mapping

from flowvisor.configuration.snapshot import Configuration
from flowvisor.hypervisor.limits import Limits
from flowvisor.hypervisor.peers import Tenant
from flowvisor.hypervisor.room import Pool
from flowvisor.policies.bandwidth import Bandwidth
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit


def tenants_of(configuration: Configuration, before: Mapping[str, Tenant]) -> dict[str, Tenant]:
    """By name; a slice stays the tenant that it was, with what policies have counted that are as they were."""
    tenants = {one.name: before.get(one.name) or Tenant(one) for one in configuration.slices}
    for one in configuration.slices:
        tenant, rate_limit = tenants[one.name], configuration.policy_of(one, RateLimit)
        quota = configuration.policy_of(one, Quota)
        if tenant.quota != quota:
            tenant.pool = Pool()
        tenant.policy, tenant.quota = one, quota
        tenant.bandwidth = configuration.policy_of(one, Bandwidth)
        if tenant.limits is None or tenant.limits.policy != rate_limit:
            tenant.limits = None if rate_limit is None else Limits(rate_limit)
    return tenants
