"""What nobody has said anything of may be as it likes."""

from __future__ import annotations

from flowvisor.network.wanted_datapath import ANYHOW, WantedDatapath


def test_nothing_said_is_nothing_wanted() -> None:
    assert WantedDatapath() == ANYHOW
    assert ANYHOW.is_admitted
    assert not ANYHOW.ports
    assert WantedDatapath(ports={1: True}) != ANYHOW
