"""A policy is any of the kinds."""

from typing import get_args

from flowvisor.policies.acl import Acl
from flowvisor.policies.bandwidth import Bandwidth
from flowvisor.policies.policy import Policy
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit


def test_a_policy_is_one_of_these() -> None:
    assert set(get_args(Policy)) == {Acl, Bandwidth, Quota, RateLimit}
