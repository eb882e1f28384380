"""A short soak: that it finds its way, and that nothing is lost in so little time."""

from pathlib import Path

import pytest

from tests.soak.run import Soak

pytestmark = pytest.mark.alone

SECONDS = 12.0


def test_all_that_may_go_wrong_at_once_loses_nothing_and_costs_no_memory(tmp_path: Path) -> None:
    soak = Soak(tmp_path, seed=1)
    try:
        soak.bring_up()
        soak.go_on(SECONDS)
        soak.calm_down()
        findings = soak.verdict()
    finally:
        soak.close()
    assert len(findings) >= 12
    assert [finding.text for finding in findings if not finding.is_good] == []
