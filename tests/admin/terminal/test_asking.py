"""Who asks, where, and how a command ends."""

from __future__ import annotations

from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from flowvisor.admin.client import Client, Refused, Unreachable
from flowvisor.admin.terminal.asking import asking, token_of


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("FLOWVISOR_TOKEN", "FLOWVISOR_TOKEN_FILE", "FLOWVISOR_URL", "FLOWVISOR_CA"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def test_the_token_is_the_environments_or_a_files(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert token_of(None) is None
    (home / "flowvisor").mkdir()
    (home / "flowvisor" / "token").write_text("fv.home.x\n")
    (home / "other").write_text("fv.other.x\n")
    assert (token_of(None), token_of(home / "other")) == ("fv.home.x", "fv.other.x")
    monkeypatch.setenv("FLOWVISOR_TOKEN", "fv.environment.x ")
    assert token_of(home / "other") == "fv.environment.x"


def test_a_file_that_was_named_has_to_be_there(home: Path) -> None:
    with pytest.raises(Unreachable, match="cannot be read"):
        token_of(home / "none")


PROBLEM = {
    "file": "a.yaml",
    "line": 1,
    "column": 2,
    "key": "name",
    "message": "bad",
    "suggestion": "write it",
}


@pytest.mark.parametrize(
    ("raised", "status", "said"),
    [
        (Unreachable("nobody is there"), 4, "nobody is there\n"),
        (Refused({"status": 403, "detail": "not you"}), 1, "not you\n"),
        (
            Refused({"status": 422, "detail": "bad files", "problems": [PROBLEM]}),
            2,
            "a.yaml:1:2: name: bad; write it\nbad files\n",
        ),
    ],
)
def test_each_end_has_its_status(raised: Exception, status: int, said: str) -> None:
    @click.command()
    @asking
    def fails(client: Client, as_json: bool) -> None:
        """Fail."""
        raise raised

    result = CliRunner().invoke(fails, [])
    assert (result.exit_code, result.stderr, result.stdout) == (status, said, "")


def test_the_client_asks_where_the_options_say() -> None:
    @click.command()
    @click.argument("name")
    @asking
    def tells(client: Client, name: str, as_json: bool) -> None:
        """Tell."""
        click.echo(f"{client.url} {name} {as_json}")

    result = CliRunner().invoke(tells, ["x", "--url", "https://a:1", "--json"])
    assert result.stdout == "https://a:1 x True\n"
    assert (
        CliRunner().invoke(tells, ["x"], env={"FLOWVISOR_URL": "http://b:2"}).stdout == "http://b:2 x False\n"
    )
