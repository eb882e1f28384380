"""The log: one line for each event, for people (text) or for machines (JSON)."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any, Final, TextIO

from twisted.logger import (
    FilteringLogObserver,
    ILogObserver,
    LogEvent,
    LogLevel,
    LogLevelFilterPredicate,
    formatEvent,
)

FORMATS: Final = ("text", "json")
LEVELS: Final = tuple(level.name for level in LogLevel.iterconstants())

# What twisted.logger and its older sister put into an event for themselves.
OWN_KEYS: Final = frozenset({"event", "format", "isError", "message", "failure", "system", "time", "why"})


def log_observer(stream: TextIO, *, log_format: str, log_level: str) -> ILogObserver:
    """Write events of this level and above, one line each; Twisted's own only where something is wrong."""
    line = {"text": text_line, "json": json_line}[log_format]
    level = LogLevel.levelWithName(log_level)

    def write(event: LogEvent) -> None:
        stream.write(line(event) + "\n")
        stream.flush()

    is_wanted = LogLevelFilterPredicate(defaultLogLevel=level)
    for namespace in ("twisted", "log_legacy"):
        is_wanted.setLogLevelForNamespace(namespace, max(level, LogLevel.warn))
    return FilteringLogObserver(write, [is_wanted])  # type: ignore[arg-type]


def text_line(event: LogEvent) -> str:
    """`2026-11-22T09:30:00.000Z info datapath_joined dpid=0000000000000001`; then the traceback."""
    fields = " ".join(f"{key}={_quoted(value)}" for key, value in _fields(event).items())
    line = f"{_time(event)} {_level(event)} {_one_line(_name(event))} {fields}".rstrip()
    return "\n".join([line, *_traceback(event).splitlines()])


def json_line(event: LogEvent) -> str:
    """One JSON object; time, level and event come first, and no field of the event replaces them."""
    head: dict[str, object] = {"time": _time(event), "level": _level(event), "event": _name(event)}
    line = head | _fields(event) | head
    if traceback := _traceback(event):
        line["traceback"] = traceback
    return json.dumps(line, default=str)


def _name(event: LogEvent) -> str:
    name = event.get("event")
    return str(name) if name else formatEvent(event)


def _fields(event: LogEvent) -> dict[str, Any]:
    fields = {
        key: value for key, value in event.items() if not key.startswith("log_") and key not in OWN_KEYS
    }
    if isinstance(fields.get("dpid"), int):
        fields["dpid"] = f"{fields['dpid']:016x}"
    return fields


def _time(event: LogEvent) -> str:
    moment = datetime.fromtimestamp(event["log_time"], timezone.utc)
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


def _level(event: LogEvent) -> str:
    return str(event["log_level"].name)


def _traceback(event: LogEvent) -> str:
    failure = event.get("log_failure")
    return str(failure.getTraceback()) if failure is not None else ""


def _one_line(text: str) -> str:
    return text if text.isprintable() else json.dumps(text)


def _quoted(value: object) -> str:
    """Peers choose some of the values: none may end the line, or look like another field."""
    text = str(value)
    return text if text.isprintable() and not set(text) & set(' ="') and text else json.dumps(text)
