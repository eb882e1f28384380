"""The kinds of datapaths and tenants between which behaviour should be the same."""

from __future__ import annotations

import pytest

from tests.support.kinds import KINDS, TENANT_VERSIONS, Kind


@pytest.fixture(params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of datapath in turn."""
    return request.param


@pytest.fixture(params=TENANT_VERSIONS, ids=lambda version: f"tenant-1.{version - 1}")
def version(request: pytest.FixtureRequest) -> int:
    """Each version that a tenant may speak."""
    return request.param
