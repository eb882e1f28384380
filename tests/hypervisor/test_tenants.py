"""Tenants go on when files change, with what policies have counted that are as they were."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.hypervisor.peers import Tenant
from flowvisor.hypervisor.tenants import tenants_of
from flowvisor.policies.policy import Policy
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit
from tests.support.world import a_slice, configuration, ports

SLICE = a_slice("a", ports(1), policies=["much", "slow"])
MUCH, SLOW = Quota("much", flow_entries=10), RateLimit("slow", packet_in=10)


def first() -> Tenant:
    return tenants_of(configuration(SLICE, policies=[MUCH, SLOW]), {})["a"]


def test_a_tenant_has_what_its_policies_say() -> None:
    tenant = first()
    assert (tenant.policy, tenant.quota) == (SLICE, MUCH)
    assert tenant.limits is not None
    assert tenant.limits.policy == SLOW
    assert tenant.bandwidth is None


@pytest.mark.parametrize(
    ("policies", "keeps_pool", "keeps_limits"),
    [
        ([MUCH, SLOW], True, True),
        ([evolve(MUCH, flow_entries=11), SLOW], False, True),
        ([MUCH, evolve(SLOW, packet_in=11)], True, False),
    ],
)
def test_what_is_as_it_was_goes_on(policies: list[Policy], keeps_pool: bool, keeps_limits: bool) -> None:
    tenant = first()
    pool, limits = tenant.pool, tenant.limits
    after = tenants_of(configuration(SLICE, a_slice("b", ports(2)), policies=policies), {"a": tenant})
    assert after["a"] is tenant
    assert (tenant.pool is pool, tenant.limits is limits) == (keeps_pool, keeps_limits)
    assert set(after) == {"a", "b"}


def test_a_policy_that_goes_is_in_force_no_more() -> None:
    tenant = first()
    tenants_of(configuration(a_slice("a", ports(1))), {"a": tenant})
    assert (tenant.quota, tenant.limits) == (None, None)
