"""`flowvisor schema` writes what editors and people need."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from flowvisor.cli import main
from flowvisor.configuration.reference import WHATS, json_schema, reference


@pytest.mark.parametrize("what", WHATS)
def test_a_schema_is_written_as_json(what: str) -> None:
    done = CliRunner().invoke(main, ["schema", what])
    assert (done.exit_code, json.loads(done.output)) == (0, json_schema(what))


def test_the_page_is_written_as_it_is() -> None:
    done = CliRunner().invoke(main, ["schema", "--markdown"])
    assert (done.exit_code, done.output) == (0, reference())


def test_who_does_not_say_which_is_told_what_there_is() -> None:
    done = CliRunner().invoke(main, ["schema"])
    assert done.exit_code == 2
    assert "settings, slice, policy" in done.output
