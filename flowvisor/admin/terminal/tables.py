"""Tables for people. On a terminal they are as wide as it is, and have colours; elsewhere they are plain and whole."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDTH_ELSEWHERE: Final = 1000  # where nothing is cut off

UP: Final = Text("up", "green")
DOWN: Final = Text("down", "red")


def console() -> Console:
    """Where tables go."""
    width = None if sys.stdout.isatty() else WIDTH_ELSEWHERE
    return Console(width=width, highlight=False, soft_wrap=False)


def table(title: str | None, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A table; a column whose name ends in a + holds numbers, and rows are texts, numbers, or None for nothing."""
    made = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        is_number = column.endswith("+")
        made.add_column(column.removesuffix("+"), justify="right" if is_number else "left", overflow="fold")
    for row in rows:
        made.add_row(*(_cell(value) for value in row))
    return made


def _cell(value: Any) -> Text:
    if isinstance(value, Text):
        return value
    if value is None:
        return Text("-", "dim")
    if isinstance(value, float):
        return Text(f"{value:,.1f}")
    return Text(f"{value:,}" if isinstance(value, int) else str(value))


def state(is_up: bool) -> Text:
    """Whether something is there, in a word and a colour."""
    return UP if is_up else DOWN


def milliseconds(seconds: float | None) -> Text | None:
    """A short time."""
    return None if seconds is None else Text(f"{seconds * 1000:.1f} ms")
