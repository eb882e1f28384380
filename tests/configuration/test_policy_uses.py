"""A slice's policies: each by its name, and some at times only."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.configuration.documents import TextFile, parse_document
from flowvisor.configuration.policy_uses import policies
from flowvisor.configuration.schema import Names
from flowvisor.errors import ConfigurationError
from flowvisor.policies.bandwidth import Bandwidth
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit
from flowvisor.policies.when import When
from flowvisor.slices.slice import ScheduledPolicy

SUNDAY = When(frozenset({6}), 0, 1440, "UTC")
NAMES = Names(
    policies={
        "small": Quota(name="small", groups=1),
        "big": Quota(name="big", groups=9),
        "steady": RateLimit(name="steady", messages=1),
        "slow": Bandwidth("slow", rate=1),
        "night": Bandwidth("night", rate=9, when=(SUNDAY,)),
        "broken": None,
        "broken-too": None,
    }
)


def read(text: str, names: Names = NAMES) -> list[tuple[str, tuple[When, ...]]]:
    ((_, value),) = parse_document(TextFile("f", f"k:\n  {text}")).entries
    found = policies(value, names)
    assert all(isinstance(one, ScheduledPolicy) for one in found)
    return [(one.name, one.when) for one in found]


def test_policies_are_named_one_of_a_kind() -> None:
    assert read("[steady, small]") == [("steady", ()), ("small", ())]
    assert read("[]") == []
    with pytest.raises(ConfigurationError, match='f:2:4: there is no policy "smal"; did you mean "small"'):
        read("[smal]")
    with pytest.raises(ConfigurationError, match='f:2:3: "small" and "big" are policies of one kind'):
        read("[small, big]")


def test_nothing_is_asked_of_policies_whose_files_are_wrong() -> None:
    assert read("[broken, broken-too]") == [("broken", ()), ("broken-too", ())]


def test_at_times_there_may_be_others_of_the_kind() -> None:
    assert read("[small, {policy: big, when: {days: sun}}]") == [("small", ()), ("big", (SUNDAY,))]
    assert read("[slow, night]") == [("slow", ()), ("night", ())]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[{policy: small}]", "when: this key is missing"),
        ("[{policy: smal, when: {days: sun}}]", 'policy: there is no policy "smal"'),
        ("[{policy: small, when: {days: son}}]", "is no day"),
        ("[{policy: small, when: {days: sun}, rate: 5}]", "rate: unknown key"),
    ],
)
def test_what_is_wrong_is_told(text: str, told: str) -> None:
    with pytest.raises(ConfigurationError, match=told):
        read(text, evolve(NAMES))
