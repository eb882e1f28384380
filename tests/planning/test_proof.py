"""Files count only if both proofs succeed."""

from __future__ import annotations

import pytest

from flowvisor.configuration.documents import TextFile
from flowvisor.configuration.reader import read_configuration
from flowvisor.configuration.snapshot import Configuration
from flowvisor.errors import ConfigurationError
from flowvisor.planning.overlaps import BY_PRIORITY
from flowvisor.planning.proof import prove
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
