"""systemd hears what it asked for, and nobody minds when it is not there."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from flowvisor.connections.systemd import Systemd


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.setblocking(False)
        yield listening


def heard(manager: socket.socket) -> list[str]:
    told = []
    while True:
        try:
            told.append(manager.recv(4096).decode())
        except BlockingIOError:
            return told


def test_each_thing_is_told_in_systemds_words(manager: socket.socket) -> None:
    systemd = Systemd({"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "30000000"})
    systemd.ready("listening")
    systemd.alive()
    systemd.stopping()
    ready, alive, stopping = heard(manager)
    assert ready == "READY=1\nSTATUS=listening"
    assert (alive, stopping) == ("WATCHDOG=1", "STOPPING=1")
    assert systemd.watchdog_seconds == 30.0


def test_a_name_in_the_abstract_namespace_is_understood() -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(f"\0flowvisor-test-{os.getpid()}")
        Systemd({"NOTIFY_SOCKET": f"@flowvisor-test-{os.getpid()}"}).stopping()
        assert listening.recv(100) == b"STOPPING=1"


def test_who_asks_for_no_watchdog_is_told_nothing_of_it(manager: socket.socket) -> None:
    Systemd({"NOTIFY_SOCKET": manager.getsockname()}).alive()
    assert heard(manager) == []


def test_a_watchdog_that_is_meant_for_another_process_is_not_ours() -> None:
    assert Systemd({"WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"}).watchdog_seconds is None


def test_what_finds_the_manager_is_not_handed_on_to_children() -> None:
    environment = {
        "NOTIFY_SOCKET": "/nowhere",
        "WATCHDOG_USEC": "1",
        "WATCHDOG_PID": str(os.getpid()),
        "LANG": "C",
    }
    Systemd(environment)
    assert environment == {"LANG": "C"}


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": "/nowhere/at/all"}])
def test_without_a_manager_nothing_happens(environment: dict[str, str]) -> None:
    systemd = Systemd(environment)
    systemd.ready("listening")
    systemd.stopping()
