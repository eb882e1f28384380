"""`flowvisor completion`: what a shell needs to complete our commands."""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

SHELLS: Final = ("bash", "zsh", "fish")
VARIABLE: Final = "_FLOWVISOR_COMPLETE"


@click.command()
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Write what a shell needs to complete our commands; for bash: eval "$(flowvisor completion bash)".

    Exit status: 0 it was written; 2 it is a shell that we do not know.
    """
    make = get_completion_class(shell)
    assert make is not None  # each of SHELLS has one
    click.echo(make(context.find_root().command, {}, "flowvisor", VARIABLE).source())
