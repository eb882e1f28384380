"""`flowvisor top`: what goes through it, live."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import Any, Final

import click
from rich.console import Group, RenderableType
from rich.live import Live
from rich.text import Text

from flowvisor.admin.client import Client
from flowvisor.admin.terminal.asking import asking, write_json
from flowvisor.admin.terminal.rates import Look, rates
from flowvisor.admin.terminal.tables import console, milliseconds, state, table

MIN_SECONDS: Final = 0.2
MAX_SECONDS: Final = 60.0

SLICE_COLUMNS: Final = (
    *(
        "slice",
        "up/s+",
        "down/s+",
        "answered/s+",
        "refused/s+",
        "shed/s+",
        "limited/s+",
        "entries+",
        "waiting+",
    ),
)
DATAPATH_COLUMNS: Final = (
    *("datapath", "state", "up/s+", "down/s+", "barrier+", "in flight+", "window+", "queued+", "pending+"),
)
SWITCH_COLUMNS: Final = ("switch", "state", "entries+", "limit+", "waiting+")


@click.command()
@click.option(
    "--every",
    type=click.FloatRange(MIN_SECONDS, MAX_SECONDS),
    default=1.0,
    show_default=True,
    metavar="SECONDS",
    help="How long between two looks.",
)
@click.option("--once", is_flag=True, help="Look for that long, say what was seen, and end.")
@asking
def top(client: Client, every: float, once: bool, as_json: bool) -> None:
    """Show messages per second, latency, limits and queues, by slice and datapath, until Ctrl-C.

    With --json there is one object on each line; with a tenant's token its own slice.
    """
    is_admin = client.get("/whoami")["role"] == "admin"
    watch = _Watch(client, is_admin)
    if once or as_json or not sys.stdout.isatty():
        while True:
            time.sleep(every)
            told = watch.look()
            write_json(told) if as_json else console().print(screen(told))
            if once:
                return
    with Live(console=console(), screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(every)
            live.update(screen(watch.look()), refresh=True)


class _Watch:
    """Looks again and again."""

    def __init__(self, client: Client, is_admin: bool, now: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._is_admin = is_admin
        self._now = now
        self._last = self._take()

    def look(self) -> dict[str, Any]:
        """What has happened since the last look."""
        before, self._last = self._last, self._take()
        return rates(before, self._last)

    def _take(self) -> Look:
        get = self._client.get
        if self._is_admin:
            status, datapaths = get("/status"), get("/datapaths")["datapaths"]
            return Look(self._now(), get("/slices")["slices"], datapaths, status=status)
        return Look(self._now(), get("/slices")["slices"], switches=get("/switches")["switches"])


def screen(told: dict[str, Any]) -> RenderableType:
    """Everything on one screen."""
    parts: list[RenderableType] = []
    if told["status"] is not None:
        parts.append(_head(told["status"]))
    parts.append(table("Slices", SLICE_COLUMNS, map(_slice_row, told["slices"])))
    if told["datapaths"]:
        parts.append(table("Datapaths", DATAPATH_COLUMNS, map(_datapath_row, told["datapaths"])))
    if told["switches"]:
        parts.append(table("Virtual switches", SWITCH_COLUMNS, map(_switch_row, told["switches"])))
    return Group(*parts)


def _head(status: dict[str, Any]) -> Text:
    text = Text(f"flowvisor {status['version']} ")
    text.append(status["status"], "green" if status["status"] == "ok" else "bold red")
    lag = milliseconds(status["lag_seconds"])
    if lag is not None:
        text.append(f"  lag {lag}")
    for reason in status["reasons"]:
        text.append(f"\n  {reason}", "red")
    return text


def _slice_row(one: dict[str, Any]) -> tuple[Any, ...]:
    names = ("slice", "up", "down", "answered", "refused", "shed", "limited", "flow_entries", "waiting_bytes")
    return tuple(_alarming(name, one[name]) for name in names)


def _alarming(name: str, value: Any) -> Any:
    """What should be 0, if it is not."""
    return Text(f"{value:,.1f}", "red") if name in ("refused", "shed", "limited") and value else value


def _datapath_row(one: dict[str, Any]) -> tuple[Any, ...]:
    return (
        *(
            one["datapath"],
            state(one["is_ready"]),
            one["up"],
            one["down"],
            milliseconds(one["barrier_seconds"]),
        ),
        *(one["in_flight"], one["window"], one["queued_bytes"], one["pending"]),
    )


def _switch_row(one: dict[str, Any]) -> tuple[Any, ...]:
    limit = one["flow_entries_limit"]
    return (one["switch"], state(one["is_ready"]), one["flow_entries"], limit, one["waiting_bytes"])
