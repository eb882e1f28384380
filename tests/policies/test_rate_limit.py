"""A rate limit: how many messages of a slice may pass in a second."""

import pytest

from flowvisor.policies.rate_limit import RateLimit, parse_rate


@pytest.mark.parametrize(
    ("text", "per_second"), [("500/s", 500), ("30/min", 0.5), ("0.5/s", 0.5), ("1 / s", 1), ("060/min", 1)]
)
def test_a_rate_is_a_number_per_unit(text: str, per_second: float) -> None:
    assert parse_rate(text) == per_second


@pytest.mark.parametrize("text", ["", "500", "/s", "500/h", "0/s", "0.0/min", "-1/s", "1e3/s", "500/S"])
def test_what_is_no_rate_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=f'"{text}" is not a rate; write a number above 0 and its unit'):
        parse_rate(text)


def test_a_rate_limit_limits_only_what_it_names() -> None:
    assert RateLimit(name="steady", packet_in=500).messages is None
