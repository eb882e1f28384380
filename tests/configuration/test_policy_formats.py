"""A policy is what its kind says, and one that says nothing is none."""

import pytest

from flowvisor.errors import ConfigurationError
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit
from tests.support.formats import read


def test_a_policy_is_what_its_kind_says() -> None:
    assert read("quota", meters="0") == Quota(name="it", meters=0)
    assert read("rate-limit", packet_in="30/min") == RateLimit(name="it", packet_in=0.5)


@pytest.mark.parametrize("kind", ["quota", "rate-limit"])
def test_a_policy_that_limits_nothing_is_refused(kind: str) -> None:
    with pytest.raises(ConfigurationError, match="f:1:1: the policy limits nothing; write one of "):
        read(kind)
