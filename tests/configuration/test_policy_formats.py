"""A policy is what its kind says, and one that says nothing is none."""

import pytest

from flowvisor.errors import ConfigurationError, Place
from flowvisor.openflow.match import Match
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.policies.bandwidth import Bandwidth
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


def test_an_acl_has_its_rules_in_the_order_of_the_file() -> None:
    rules = "[{permit: {in_port: 1}, datapaths: [0x7]}, {deny: {in_port: [1, 2]}}]"
    assert read("acl", rules=rules) == Acl(
        name="it",
        rules=(
            AclRule(False, frozenset({7}), (Match.of(in_port=1),), Place("f", 3, 9)),
            AclRule(True, None, (Match.of(in_port=1), Match.of(in_port=2)), Place("f", 3, 51)),
        ),
    )


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ("[{}]", "f:3:9: rules: a rule says either deny or permit"),
        ("[{deny: {}, permit: {}}]", "f:3:9: rules: a rule says either deny or permit"),
        ("[{permit: {}}]", "f:1:1: the policy denies nothing"),
        ("[{deny: {metadata: 1}}]", "f:3:17: metadata: not in a flowspace"),
        ("[{deny: {}, datapaths: [leaf-9]}]", 'f:3:32: datapaths: no datapath is called "leaf-9"'),
        ("[{drop: {}}]", "f:3:10: drop: unknown key"),
    ],
)
def test_an_acl_that_says_nothing_or_two_things_is_refused(rules: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read("acl", rules=rules)
    assert str(caught.value).splitlines()[0].startswith(told)


def test_bandwidth_is_kilobits() -> None:
    assert read("bandwidth") == Bandwidth(name="it", rate=100_000)
    more = {"rate": "1.5 Gbit/s", "burst": "200 kbit", "queues": "[2, 1]"}
    assert read("bandwidth", **more) == Bandwidth(name="it", rate=1_500_000, burst=200, queues=(2, 1))


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        (
            "rate",
            "100/s",
            'rate: "100/s" is not right; write a number and kbit, Mbit or Gbit, like 100 Mbit/s',
        ),
        ("rate", "0 Mbit/s", 'rate: "0 Mbit/s" is not from 1 kbit to 4294 Gbit'),
        (
            "burst",
            "10 Mbit/s",
            'burst: "10 Mbit/s" is not right; write a number and kbit, Mbit or Gbit, like',
        ),
        ("queues", "[0]", "queues: 0 is not from 1 to 4294967294"),
        ("queues", "[1, 1]", 'queues: "1" stands in the list already'),
    ],
)
def test_what_is_no_bandwidth_is_refused(key: str, value: str, told: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        read("bandwidth", **{key: value})
    assert told in str(caught.value)


def test_a_rule_of_an_acl_may_speak_of_groups_beside_what_it_denies() -> None:
    acl = read("acl", rules="[{from: web, to: db, permit: {tcp_dst: 80}}, {to: db, deny: {}}]")
    assert isinstance(acl, Acl)
    assert [(one.from_group, one.to_group) for one in acl.rules] == [("web", "db"), (None, "db")]
    assert acl.names_groups
    with pytest.raises(ConfigurationError, match=r'f:3:16: from: "a b" is not a name'):
        read("acl", rules="[{from: a b, deny: {}}]")
    with pytest.raises(ConfigurationError, match="f:3:9: rules: a rule says either deny or permit"):
        read("acl", rules="[{from: web}]")
