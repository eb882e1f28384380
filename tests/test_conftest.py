"""What Hypothesis shows properties, as it is set up for all of them."""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

# Hypothesis takes constants from modules that are none of tests, in files that exist.
MODULE = "CONSTANTS = [" + ", ".join(str(number) for number in range(10_000, 20_000, 10)) + "]"


def examples() -> list[int]:
    """What a property of the gate is shown."""
    shown: list[int] = []

    @settings(max_examples=200)
    @given(st.integers())
    def note(number: int) -> None:
        shown.append(number)

    note()
    return shown


@pytest.mark.skipif(not settings.default.derandomize, reason="a hunt is to find what it can")
def test_a_property_is_shown_the_same_whatever_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = examples()
    (tmp_path / "full_of_constants.py").write_text(MODULE, "utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    import_module("full_of_constants")
    assert examples() == before
    del sys.modules["full_of_constants"]
