"""Files count only if both proofs succeed."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest

from flowvisor.configuration.documents import TextFile
from flowvisor.configuration.reader import read_configuration
from flowvisor.configuration.snapshot import Configuration
from flowvisor.errors import ConfigurationError
from flowvisor.planning.overlaps import BY_PRIORITY
from flowvisor.planning.proof import prove, prove_ahead
from tests.support.admin_files import MAIN, rule, slice_file


def files(*rules: str, priority: int = 200) -> Configuration:
    acl = "kind: acl\nname: no\nrules:\n" + "".join(f"  - {one}\n" for one in rules)
    slices = [slice_file("a", rule("in_port: 1")), slice_file("b", rule("in_port: 1", priority=priority))]
    return read_configuration(MAIN, slices, [TextFile("policies/no.yaml", acl)])


def test_what_priorities_settle_is_told_and_all_else_is_refused() -> None:
    assert [one.kind for one in prove(files("{deny: {}}"))] == [BY_PRIORITY]
    with pytest.raises(ConfigurationError, match="conflicts with"):
        prove(files("{deny: {}}", priority=100))
    with pytest.raises(ConfigurationError, match=r"policies/no\.yaml:5:5: rules: what the exceptions"):
        prove(files("{permit: {eth_type: arp}}", "{deny: {}}"))


NOON_ON_A_MONDAY = datetime(2026, 11, 23, 12, tzinfo=timezone.utc)


def timed(match: str, days: str, priority: int = 100) -> str:
    return rule(match, priority).removesuffix("}") + f", when: {{days: {days}}}}}"


def test_files_that_go_by_the_clock_are_proved_for_every_time_in_the_week_to_come() -> None:
    def of(*rules: str) -> Configuration:
        texts = [slice_file(name, one) for name, one in zip("ab", rules, strict=True)]
        return read_configuration(MAIN, texts, [])

    mondays, fridays, always = timed("in_port: 1", "mon"), timed("in_port: 1", "fri"), rule("in_port: 1")
    assert prove_ahead(of(mondays, fridays), NOON_ON_A_MONDAY) == []
    for one in (mondays, fridays):
        with pytest.raises(ConfigurationError, match="conflicts with"):
            prove_ahead(of(one, always), NOON_ON_A_MONDAY)


def test_a_conflict_that_comes_out_when_what_hid_it_ends_is_found() -> None:
    texts = [slice_file(name, rule("in_port: 1, vlan_vid: 5")) for name in "ab"]
    texts.append(slice_file("c", timed("in_port: 1", "mon-sat", priority=200)))
    with pytest.raises(ConfigurationError, match="conflicts with"):
        prove_ahead(read_configuration(MAIN, texts, []), NOON_ON_A_MONDAY)
