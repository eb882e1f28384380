"""The systemd unit: systemd understands it, it is hardened, and it starts what there is."""

from __future__ import annotations

import configparser
import subprocess

from flowvisor.cli import main
from tests.support.exported import DEPLOY
from tests.support.tools import require_tool

UNIT = DEPLOY / "systemd" / "flowvisor.service"

# systemd's own measure, from 0 to 10 (systemd-analyze(1)); below 2 is what it calls OK.
MOST_EXPOSED = 2.0


def service() -> configparser.SectionProxy:
    unit = configparser.ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNIT)
    return unit["Service"]


def test_systemd_understands_it() -> None:
    verified = subprocess.run(
        [require_tool("systemd-analyze"), "verify", UNIT], capture_output=True, text=True, check=False
    )
    complaints = [line for line in verified.stderr.splitlines() if UNIT.name in line]
    assert (verified.returncode, complaints) == (0, [])


def test_it_has_what_it_needs_and_no_more() -> None:
    analysed = subprocess.run(
        [require_tool("systemd-analyze"), "security", "--offline=true", "--no-pager", UNIT],
        capture_output=True,
        text=True,
        check=True,
    )
    (verdict,) = [line for line in analysed.stdout.splitlines() if "Overall exposure level" in line]
    assert float(verdict.split(":")[1].split()[0]) < MOST_EXPOSED


def test_it_is_told_when_the_service_is_ready_and_alive() -> None:
    assert service()["Type"] == "notify"
    assert int(service()["WatchdogSec"]) > 2
    assert service()["ExecReload"] == "/bin/kill -HUP $MAINPID"


def test_it_starts_commands_that_exist() -> None:
    for key in ("ExecStart", "ExecStartPre"):
        _, program, command, *options = service()[key].split()
        assert program == "flowvisor"
        known = {name for option in main.commands[command].params for name in option.opts}
        assert {option for option in options if option.startswith("--")} <= known
