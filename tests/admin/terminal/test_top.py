"""The screen of `flowvisor top`: what should be 0 and is not stands out."""

from __future__ import annotations

import re
from typing import Any

from rich.console import Console

from flowvisor.admin.terminal.top import screen

SLICE = {
    **{
        "slice": "blue",
        "up": 10.0,
        "down": 5.0,
        "answered": 1.0,
        "refused": 2.5,
        "shed": 0.0,
        "limited": 0.0,
    },
    **{"flow_entries": 7, "waiting_bytes": 4096, "channels": 1},
}
DATAPATH = {
    **{"datapath": "leaf-1", "is_ready": False, "up": 1.0, "down": 2.0, "barrier_seconds": 0.0042},
    **{"in_flight": 100, "window": 65536, "queued_bytes": 0, "pending": 3},
}
STATUS = {
    "version": "0.1.0",
    "status": "degraded",
    "reasons": ["leaf-2 is not connected"],
    "lag_seconds": 0.5,
}


def shown(**more: Any) -> str:
    told = {"status": None, "slices": [SLICE], "datapaths": [], "switches": [], **more}
    console = Console(width=200, force_terminal=True, color_system="standard")
    with console.capture() as capture:
        console.print(screen(told))
    return capture.get()


def test_everything_is_on_one_screen() -> None:
    text = shown(status=STATUS, datapaths=[DATAPATH])
    for words in (
        "degraded",
        "lag 500.0 ms",
        "leaf-2 is not connected",
        "blue",
        "leaf-1",
        "4.2 ms",
        "65,536",
    ):
        assert words in text
    assert "Virtual switches" not in text


def test_what_should_be_0_and_is_not_is_red() -> None:
    text = shown()
    assert re.findall(r"\x1b\[31m *([0-9.]+)", text) == ["2.5"]
