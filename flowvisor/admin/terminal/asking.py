"""What all commands have in common that ask a running flowvisor: where it is, who asks, how they end."""

from __future__ import annotations

import functools
import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click

from flowvisor.admin.client import DEFAULT_URL, Client, Refused, Unreachable

EXIT_REFUSED: Final = 1
EXIT_BAD_FILES: Final = 2
EXIT_UNREACHABLE: Final = 4

EXIT_STATUS: Final = (
    "Exit status: 0 it was answered; 1 it was refused, for example for want of a token; 4 nobody answers."
)

F = TypeVar("F", bound=Callable[..., Any])


def where(function: F) -> F:
    """A command that is told where flowvisor runs, and who asks: its `url`, `token_file` and `ca`."""
    for option in (
        click.option(
            "--ca",
            envvar="FLOWVISOR_CA",
            show_envvar=True,
            metavar="FILE",
            help="Who signs its certificate, for https.",
        ),
        click.option(
            "--token-file",
            envvar="FLOWVISOR_TOKEN_FILE",
            show_envvar=True,
            type=click.Path(path_type=Path),
            metavar="FILE",
            help="Where the token is, unless it is in $FLOWVISOR_TOKEN; ~/.config/flowvisor/token if left out.",
        ),
        click.option(
            "--url",
            envvar="FLOWVISOR_URL",
            default=DEFAULT_URL,
            show_default=True,
            show_envvar=True,
            help="Where it runs: http://HOST:PORT, https://HOST:PORT or unix:FILE.",
        ),
    ):
        function = option(function)
    return function


@contextmanager
def asked(url: str, token_file: Path | None, ca: str | None) -> Iterator[Client]:
    """The client of a command; what goes wrong with it in the block is said, and ends the process."""
    try:
        yield Client(url, token_of(token_file), ca)
    except Unreachable as error:
        leave(str(error), EXIT_UNREACHABLE)
    except Refused as refused:
        for problem in refused.problems:
            click.echo(problem, err=True)
        leave(str(refused), EXIT_BAD_FILES if refused.problems else EXIT_REFUSED)


def asking(function: F) -> F:
    """A command that asks: its first argument becomes the client, and `as_json` whether it shall write JSON."""

    @where
    @click.option("--json", "as_json", is_flag=True, help="Write JSON to standard output.")
    @functools.wraps(function)
    def command(*, url: str, token_file: Path | None, ca: str | None, **more: Any) -> Any:
        with asked(url, token_file, ca) as client:
            return function(client, **more)

    command.__doc__ = f"{function.__doc__}\n\n{EXIT_STATUS}"
    return command  # type: ignore[return-value] # click calls it by its options


def token_of(file: Path | None) -> str | None:
    """The token of whoever asks: of the environment, or of a file. None without any."""
    if text := os.environ.get("FLOWVISOR_TOKEN"):
        return text.strip()
    path = file or _default_token_file()
    try:
        return path.read_text("utf-8").strip()
    except OSError as error:
        if file is not None:
            raise Unreachable(f"{file} cannot be read: {error.strerror}") from error
        return None


def _default_token_file() -> Path:
    folder = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(folder, "flowvisor", "token")


def write_json(document: Any) -> None:
    """One document, on a line of its own."""
    click.echo(json.dumps(document))


def leave(text: str, status: int) -> NoReturn:
    """Say why, and end."""
    click.echo(text, err=True)
    sys.exit(status)
