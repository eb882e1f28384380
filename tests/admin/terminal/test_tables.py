"""Tables are whole and plain where there is no terminal."""

from __future__ import annotations

import pytest
from rich.text import Text

from flowvisor.admin.terminal.tables import DOWN, UP, console, milliseconds, state, table


def printed(capsys: pytest.CaptureFixture[str], *rows: tuple[object, ...]) -> str:
    console().print(table(None, ("name", "count+"), rows))
    return capsys.readouterr().out


def test_nothing_is_cut_off_and_nothing_is_coloured(capsys: pytest.CaptureFixture[str]) -> None:
    text = printed(capsys, ("x" * 300, 1234567), (Text("red", "red"), None), ("[bold]", 1.25))
    assert "x" * 300 in text
    assert "1,234,567" in text
    assert "\x1b" not in text
    assert "[bold]" in text
    assert "1.2" in text


def test_states_and_times_are_words() -> None:
    assert (state(True), state(False)) == (UP, DOWN)
    assert str(milliseconds(0.00126)) == "1.3 ms"
    assert milliseconds(None) is None
