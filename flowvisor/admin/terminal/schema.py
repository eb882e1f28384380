"""`flowvisor schema`: what may stand in the admin's files, for editors and for people."""

from __future__ import annotations

import json

import click

from flowvisor.configuration.reference import WHATS, json_schema, reference


@click.command()
@click.argument("what", type=click.Choice(WHATS), required=False)
@click.option("--markdown", is_flag=True, help="Write all of it as a page to read.")
def schema(what: str | None, markdown: bool) -> None:
    """Write the JSON Schema of the main file (settings), of a slice's or a policy's, for your editor.

    With the YAML language server: flowvisor schema slice > slice.schema.json, and in the slice's file
    # yaml-language-server: $schema=slice.schema.json

    Exit status: 0.
    """
    if markdown:
        click.echo(reference(), nl=False)
    elif what is None:
        raise click.UsageError(f"say which: {', '.join(WHATS)}; or --markdown")
    else:
        click.echo(json.dumps(json_schema(what), indent=2))
