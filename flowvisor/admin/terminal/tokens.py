"""`flowvisor token`: who may ask a running flowvisor for what, written into the file that the main file names."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

import click

from flowvisor.admin.token_file import TokenError, TokenFile
from flowvisor.connections.folder_source import load
from flowvisor.errors import ConfigurationError

EXIT_REFUSED: Final = 1
EXIT_BAD_FILES: Final = 2

_config_option = click.option(
    "--config", type=click.Path(path_type=Path), metavar="FILE", help="The main file, as for flowvisor run."
)


@click.group()
def token() -> None:
    """Hand out tokens, by which a running flowvisor knows who asks.

    They are kept as hashes in the file that the main file names with tokens:, and count at once.

    Exit status of all of these: 0 done; 1 it cannot be done; 2 something is wrong in the files.
    """


@token.command()
@click.argument("name")
@click.option(
    "--slice", "slice_name", metavar="NAME", help="For its tenant, who may read this slice and nothing else."
)
@_config_option
def create(name: str, slice_name: str | None, config: Path | None) -> None:
    """Make a token and print it: the admin's, or with --slice a tenant's. It is shown this once."""
    file, slices = _file(config)
    if slice_name is not None and slice_name not in slices:
        _refuse(f'there is no slice "{slice_name}"', EXIT_REFUSED)
    try:
        click.echo(file.create(name, slice_name))
    except (TokenError, ConfigurationError) as error:
        _refuse(str(error), EXIT_REFUSED)


@token.command("list")
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object to standard output.")
@_config_option
def list_tokens(as_json: bool, config: Path | None) -> None:
    """Say which tokens there are, and what each is for."""
    file, slices = _file(config)
    told: list[dict[str, Any]] = [
        {"name": one.name, "slice": one.slice, "created": one.created} for one in file.read().values()
    ]
    if as_json:
        click.echo(json.dumps({"tokens": told}))
        return
    for one in told:
        of = "the admin's" if one["slice"] is None else f"slice {one['slice']}"
        gone = "" if one["slice"] is None or one["slice"] in slices else " (there is no such slice)"
        click.echo(f"{one['name']}: {of}{gone}, since {one['created']}")


@token.command()
@click.argument("name")
@_config_option
def revoke(name: str, config: Path | None) -> None:
    """Let a token count no more."""
    file, _ = _file(config)
    try:
        file.revoke(name)
    except (TokenError, ConfigurationError) as error:
        _refuse(str(error), EXIT_REFUSED)


def _file(config: Path | None) -> tuple[TokenFile, frozenset[str]]:
    """The file, and the names of the slices that there are."""
    try:
        configuration, _ = load(config)
    except ConfigurationError as error:
        _refuse(str(error), EXIT_BAD_FILES)
    path = configuration.settings.tokens
    if path is None:
        _refuse("the main file names no file for tokens; write tokens: FILE", EXIT_REFUSED)
    return TokenFile(path), configuration.slice_names


def _refuse(text: str, status: int) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(status)
