"""A group of commands of which some are loaded only when they are wanted: they need what the others do not."""

from __future__ import annotations

from importlib import import_module
from typing import Final

import click

COMMANDS: Final = {
    "completion": "completion",
    "datapaths": "commands",
    "events": "commands",
    "flows": "commands",
    "reload": "commands",
    "schema": "schema",
    "slice": "commands",
    "slices": "commands",
    "status": "commands",
    "token": "tokens",
    "top": "top",
}
_FUNCTIONS: Final = {"slice": "one_slice"}  # those that are not called like their command


class Lazily(click.Group):
    """Knows the commands of this folder by their names."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, in the order of their names."""
        return sorted({*super().list_commands(ctx), *COMMANDS})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One of them."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return super().get_command(ctx, cmd_name)
        found = import_module(f"flowvisor.admin.terminal.{module}")
        command: click.Command = getattr(found, _FUNCTIONS.get(cmd_name, cmd_name))
        return command
