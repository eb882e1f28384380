"""`flowvisor token` hands tokens out, and takes them back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from flowvisor.admin.token_file import TokenFile
from flowvisor.cli import main


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    Path("flowvisor.yaml").write_text("listen: ['ptcp:']\ntokens: tokens.yaml\n")
    Path("slices").mkdir()
    Path("policies").mkdir()
    rule = "{datapaths: all, priority: 1, match: {in_port: 1}}"
    Path("slices/blue.yaml").write_text(
        f"kind: flowspace\nname: blue\ncontrollers: [tcp:a]\nflowspace: [{rule}]\n"
    )
    return tmp_path


def run(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["token", *arguments])


def test_a_token_is_made_told_and_revoked() -> None:
    made = [
        run("create", "admin").stdout.strip(),
        run("create", "dashboard", "--slice", "blue").stdout.strip(),
    ]
    holders = [TokenFile("tokens.yaml").holder_of(text) for text in made]
    assert [(one.name, one.slice) for one in holders if one] == [("admin", None), ("dashboard", "blue")]
    told = json.loads(run("list", "--json").stdout)["tokens"]
    assert [(one["name"], one["slice"]) for one in told] == [("admin", None), ("dashboard", "blue")]
    assert run("list").stdout.startswith("admin: the admin's, since 2")
    assert run("revoke", "admin").exit_code == 0
    assert TokenFile("tokens.yaml").holder_of(made[0]) is None


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("create", "a", "--slice", "red"), 'there is no slice "red"'),
        (("create", "a/b"), "not a name"),
        (("revoke", "a"), 'there is no token "a"'),
    ],
)
def test_what_cannot_be_done_is_said_with_status_1(arguments: tuple[str, ...], said: str) -> None:
    result = run(*arguments)
    assert (result.exit_code, said in result.stderr) == (1, True)
    assert not Path("tokens.yaml").exists()


def test_a_name_is_taken_once() -> None:
    assert run("create", "a").exit_code == 0
    assert run("create", "a").exit_code == 1


def test_a_slice_that_is_gone_is_told() -> None:
    run("create", "a", "--slice", "blue")
    Path("slices/blue.yaml").unlink()
    assert "slice blue (there is no such slice)" in run("list").stdout


def test_without_a_file_for_them_there_are_none() -> None:
    Path("flowvisor.yaml").write_text("listen: ['ptcp:']\n")
    result = run("create", "a")
    assert (result.exit_code, "tokens: FILE" in result.stderr) == (1, True)


def test_files_that_are_wrong_are_status_2() -> None:
    Path("slices/blue.yaml").write_text("kind: flowspace\n")
    result = run("list")
    assert (result.exit_code, "slices/blue.yaml:1:1" in result.stderr) == (2, True)
