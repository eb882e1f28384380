"""One line for each event, whatever a peer put into it."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from twisted.logger import Logger, LogLevel

from flowvisor.admin.logs import FORMATS, LEVELS, json_line, log_observer, text_line


def logged(
    log_format: str = "text", log_level: str = "info", namespace: str = "flowvisor.x"
) -> tuple[Logger, StringIO]:
    stream = StringIO()
    observer = log_observer(stream, log_format=log_format, log_level=log_level)
    return Logger(namespace, observer=observer), stream


EVENT = {"log_time": 1795339800.25, "log_level": LogLevel.warn, "log_namespace": "flowvisor.x"}


def test_a_line_has_time_level_event_and_fields() -> None:
    assert (
        text_line({**EVENT, "event": "datapath_joined", "dpid": 1, "version": "1.3"})
        == "2026-11-22T09:30:00.250Z warn datapath_joined dpid=0000000000000001 version=1.3"
    )


def test_a_machine_reads_the_same_in_json() -> None:
    line = json_line({**EVENT, "event": "hung_up", "dpid": 0xA1, "reason": "stalled", "level": "mine"})
    assert list(json.loads(line).items()) == [
        ("time", "2026-11-22T09:30:00.250Z"),
        ("level", "warn"),
        ("event", "hung_up"),
        ("dpid", "00000000000000a1"),
        ("reason", "stalled"),
    ]


@pytest.mark.parametrize("log_format", FORMATS)
def test_a_peer_cannot_write_a_line_or_a_field_of_its_own(log_format: str) -> None:
    log, stream = logged(log_format)
    log.emit(LogLevel.info, event="x\ny", serial='1\n2026 info "all_well" level=debug')
    text = stream.getvalue()
    assert text.count("\n") == 1
    if log_format == "json":
        assert json.loads(text)["level"] == "info"
    else:
        assert r'serial="1\n2026 info \"all_well\" level=debug"' in text


def test_a_failure_brings_its_traceback() -> None:
    for log_format in FORMATS:
        log, stream = logged(log_format)
        try:
            raise ZeroDivisionError("by nought")
        except ZeroDivisionError:
            log.failure("", event="own_error")
        assert "by nought" in stream.getvalue()
        assert "own_error" in stream.getvalue()


def test_a_format_of_the_callers_own_is_filled_in() -> None:
    log, stream = logged()
    log.info("read {count} files", count=3)
    assert stream.getvalue().endswith("info read 3 files count=3\n")


def test_what_is_below_the_level_is_left_out() -> None:
    log, stream = logged(log_level="warn")
    log.info("not this")
    log.warn("but this")
    assert "not this" not in stream.getvalue()
    assert "but this" in stream.getvalue()


def test_twisted_speaks_up_only_when_something_is_wrong() -> None:
    log, stream = logged(log_level="debug", namespace="twisted.internet")
    log.info("Starting factory")
    assert stream.getvalue() == ""
    log.error("Broken")
    assert "Broken" in stream.getvalue()


def test_the_levels_are_those_of_twisted() -> None:
    assert LEVELS == ("debug", "info", "warn", "error", "critical")
