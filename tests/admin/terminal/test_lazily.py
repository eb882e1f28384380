"""Every command is there, says what it does and how it ends, and is loaded only when it is wanted."""

from __future__ import annotations

import subprocess
import sys

import click
import pytest
from click.testing import CliRunner

from flowvisor.admin.terminal.lazily import COMMANDS
from flowvisor.cli import main


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_says_how_it_ends(name: str) -> None:
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert "Exit status" in result.output


def test_all_are_listed_beside_the_others() -> None:
    names = main.list_commands(click.Context(main))
    assert {*COMMANDS, "check", "run", "demo"} <= set(names)
    assert main.get_command(click.Context(main), "nothing") is None


def test_who_only_checks_files_needs_no_tables() -> None:
    code = "import flowvisor.cli, sys; sys.exit('rich' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
