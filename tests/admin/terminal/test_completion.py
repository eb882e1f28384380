"""A shell is told how to complete our commands."""

import pytest
from click.testing import CliRunner

from flowvisor.admin.terminal.completion import SHELLS, VARIABLE
from flowvisor.cli import main


@pytest.mark.parametrize("shell", SHELLS)
def test_each_shell_is_given_a_script(shell: str) -> None:
    result = CliRunner().invoke(main, ["completion", shell])
    assert result.exit_code == 0
    assert VARIABLE in result.output


def test_another_is_not_known() -> None:
    assert CliRunner().invoke(main, ["completion", "tcsh"]).exit_code == 2


def test_commands_and_options_are_completed() -> None:
    for words, expected in (("flowvisor sl", "plain,slices"), ("flowvisor slices --j", "plain,--json")):
        environment = {VARIABLE: "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
        result = CliRunner().invoke(main, [], prog_name="flowvisor", env=environment)
        assert expected in result.output
