"""Bandwidth: amounts as people write them."""

import pytest

from flowvisor.policies.bandwidth import MAX_KILOBITS, parse_burst, parse_rate_of_traffic


@pytest.mark.parametrize(
    ("text", "kilobits"),
    [("100 Mbit/s", 100_000), ("64kbit/s", 64), ("2.5 Gbit/s", 2_500_000), ("0.0006 Mbit/s", 1)],
)
def test_a_rate_is_a_number_with_its_unit(text: str, kilobits: int) -> None:
    assert parse_rate_of_traffic(text) == kilobits
    assert parse_burst(text.removesuffix("/s")) == kilobits


@pytest.mark.parametrize(
    "text",
    [
        "",
        "100",
        "100 Mbit",
        "100 Mbps",
        "-1 Mbit/s",
        "0.0001 Mbit/s",
        "4295 Gbit/s",
        "1 mbit/s",
        "1e3 kbit/s",
    ],
)
def test_anything_else_is_none(text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        parse_rate_of_traffic(text)


def test_no_rate_is_more_than_a_meter_can_count() -> None:
    assert parse_rate_of_traffic("4294 Gbit/s") <= MAX_KILOBITS
