"""Commands that ask a running flowvisor what there is, and tell it to look at its files."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import Any, Final

import click

from flowvisor.admin.client import Client, Refused, Unreachable
from flowvisor.admin.terminal.asking import asking, token_of, write_json
from flowvisor.admin.terminal.tables import console, milliseconds, state, table

EXIT_DEGRADED: Final = 3
REFUSAL_COLUMNS: Final = ("refused at", "switch", "message", "xid", "why", "error")
REFUSALS_SHOWN: Final = 10  # the latest; --json has all that are kept


@click.command()
@asking
def status(client: Client, as_json: bool) -> None:
    """Say how the whole of it is, and what is not as the files want it.

    Exit status 3: it is degraded.
    """
    told = client.get("/status")
    if as_json:
        write_json(told)
    else:
        counts = [
            ("datapaths", "{ready} ready, {connected} connected, {named} named".format(**told["datapaths"])),
            ("controllers", "{connected} connected, of {wanted}".format(**told["controllers"])),
            ("slices", told["slices"]),
            ("policies", told["policies"]),
            ("links", told["links"]),
            ("up for", _duration(told["uptime_seconds"])),
            ("lag", milliseconds(told["lag_seconds"])),
        ]
        colour = "green" if told["status"] == "ok" else "red"
        click.echo(f"flowvisor {told['version']}: {click.style(told['status'], fg=colour)}")
        for reason in told["reasons"]:
            click.echo(f"  {reason}")
        console().print(table(None, ("", ""), counts))
    if told["status"] != "ok":
        sys.exit(EXIT_DEGRADED)


@click.command()
@asking
def slices(client: Client, as_json: bool) -> None:
    """List the slices; with a tenant's token its own."""
    told = client.get("/slices")
    if as_json:
        write_json(told)
        return
    columns = (
        "slice",
        "kind",
        "switches+",
        "channels+",
        "entries+",
        "up+",
        "down+",
        "refused+",
        "shed+",
        "waiting+",
    )
    console().print(table(None, columns, map(_slice_row, told["slices"])))


def _slice_row(one: dict[str, Any]) -> tuple[Any, ...]:
    messages = one["messages"]
    counts = (messages["up"], messages["down"], messages["refused"], messages["shed"], one["waiting_bytes"])
    return (one["name"], one["kind"], one["switches"], one["channels"], one["flow_entries"], *counts)


def _complete_slice(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[str]:
    """Names of slices, if somebody is there to be asked."""
    url = context.params.get("url")
    try:
        client = Client(url, token_of(None)) if url else Client(token=token_of(None))
        names = [one["name"] for one in client.get("/slices")["slices"]]
    except (Unreachable, Refused, KeyError, TypeError):
        return []
    return [name for name in names if name.startswith(incomplete)]


@click.command("slice")
@click.argument("name", shell_complete=_complete_slice)
@asking
def one_slice(client: Client, name: str, as_json: bool) -> None:
    """Say all about one slice: its virtual switches, their ports and controllers, and what was refused lately."""
    told = client.get(f"/slices/{name}")
    told["switches"] = client.get(f"/slices/{name}/switches")["switches"]
    told["refusals"] = client.get(f"/slices/{name}/refusals")["refusals"]
    if as_json:
        write_json(told)
        return
    out = console()
    out.print(f"[bold]{name}[/bold]: {told['kind']}, OpenFlow {', '.join(told['openflow'])}", highlight=False)
    out.print(f"policies: {', '.join(told['policies']) or 'none'}", highlight=False)
    columns = ("switch", "dpid", "tables+", "ports", "entries+", "limit+", "groups+", "meters+", "waiting+")
    out.print(table(None, columns, map(_switch_row, told["switches"])))
    lines = [line for switch in told["switches"] for line in switch["controllers"]]
    out.print(table(None, ("controller", "switch", "state", "OpenFlow", "role"), map(_controller_row, lines)))
    reasons = [(one["outcome"], one["reason"], one["count"]) for one in told["reasons"]]
    reasons += [(one["action"], one["limit"], one["count"]) for one in told["limits"]]
    if reasons:
        out.print(table(None, ("what", "why", "how often+"), reasons))
    if told["refusals"]:
        latest = told["refusals"][-REFUSALS_SHOWN:]
        out.print(table(None, REFUSAL_COLUMNS, map(_refusal_row, latest)))


def _refusal_row(one: dict[str, Any]) -> tuple[Any, ...]:
    error = "/".join(map(str, one["error"]))
    return (one["time"], one["switch"], one["message"], f"{one['xid']:#x}", one["reason"], error)


def _switch_row(one: dict[str, Any]) -> tuple[Any, ...]:
    ports = " ".join(str(port["port"]) + ("" if port["is_up"] else "!") for port in one["ports"])
    counts = (
        one["flow_entries"],
        one["flow_entries_limit"],
        one["groups"],
        one["meters"],
        one["waiting_bytes"],
    )
    return (one["name"], one["dpid"], one["tables"], ports, *counts)


def _controller_row(one: dict[str, Any]) -> tuple[Any, ...]:
    versions = " ".join(channel["openflow"] for channel in one["channels"]) or None
    roles = " ".join(channel["role"] for channel in one["channels"]) or None
    return (one["controller"], one["switch"], state(one["is_connected"]), versions, roles)


@click.command()
@asking
def datapaths(client: Client, as_json: bool) -> None:
    """List the datapaths, connected or not."""
    told = client.get("/datapaths")
    if as_json:
        write_json(told)
        return
    columns = (
        "datapath",
        "dpid",
        "state",
        "OpenFlow",
        "enforcement",
        "ports+",
        "slices",
        "up+",
        "down+",
        "barrier+",
    )
    console().print(table(None, columns, map(_datapath_row, told["datapaths"])))


def _datapath_row(one: dict[str, Any]) -> tuple[Any, ...]:
    return (
        *(
            one["name"],
            one["dpid"],
            state(one["is_ready"]),
            one["openflow"],
            one["enforcement"],
            one["ports"],
        ),
        *(" ".join(one["slices"]), one["messages"]["up"], one["messages"]["down"]),
        milliseconds(one["barrier_seconds"]),
    )


@click.command()
@click.option("--slice", "name", metavar="NAME", shell_complete=_complete_slice, help="Of this slice only.")
@click.option("--switch", metavar="NAME", help="At this virtual switch only.")
@asking
def flows(client: Client, name: str | None, switch: str | None, as_json: bool) -> None:
    """List flow entries, as the slices' tenants wrote them."""
    names = [name] if name is not None else [one["name"] for one in client.get("/slices")["slices"]]
    found = []
    for each in names:
        for one in client.get(f"/slices/{each}/switches")["switches"]:
            if switch in (None, one["name"], one["dpid"]):
                told = client.get(f"/slices/{each}/switches/{one['dpid']}/flows")["flows"]
                found += [{"slice": each, **entry} for entry in told]
    if as_json:
        write_json({"flows": found})
        return
    columns = (
        "slice",
        "switch",
        "table+",
        "priority+",
        "match",
        "instructions",
        "packets+",
        "bytes+",
        "age+",
    )
    console().print(table(None, columns, map(_flow_row, found)))


def _flow_row(one: dict[str, Any]) -> tuple[Any, ...]:
    match = ", ".join(f"{field} {value}" for field, value in one["match"].items()) or "any"
    place = (one["slice"], one["switch"], one["table"], one["priority"], match)
    counts = (one["packets"], one["bytes"], _duration(one["duration_seconds"]))
    return (*place, _said(one["instructions"]) or "drop", *counts)


def _said(instructions: Iterable[dict[str, Any]]) -> str:
    """Instructions and actions on one line."""
    told = []
    for one in instructions:
        if "actions" in one:
            told.append(_said(one["actions"]))
        else:
            given = ":".join(str(value) for key, value in one.items() if key not in ("type", "max_len"))
            told.append(f"{one['type']}:{given}" if given else one["type"])
    return ", ".join(told)


@click.command()
@click.option(
    "-f", "--follow", is_flag=True, help="Go on, and tell what happens as it happens, until Ctrl-C."
)
@asking
def events(client: Client, follow: bool, as_json: bool) -> None:
    """Tell what has happened lately: with --json one object on each line."""
    last = None
    for one in client.get("/events/recent")["events"]:
        _tell_event(one, as_json)
        last = one["id"]
    if follow:
        for one in client.events(last):
            _tell_event(one, as_json)


def _tell_event(one: dict[str, Any], as_json: bool) -> None:
    if as_json:
        write_json(one)
        return
    of = f" {one['slice']}:" if one["slice"] else ""
    details = " ".join(f"{name}={value}" for name, value in one["details"].items())
    bad = one["event"].endswith(("_down", "_lost", "_failed")) or one["event"] in ("refused", "limit_reached")
    click.echo(f"{one['time']}{of} {click.style(one['event'], fg='red' if bad else 'green')} {details}")
    sys.stdout.flush()


@click.command()
@asking
def reload(client: Client, as_json: bool) -> None:
    """Have the files read again, checked as a whole, and put in force.

    Exit status 2: something is wrong in the files, and what was in force is.
    """
    told = client.ask("POST", "/reload")
    if as_json:
        write_json(told)
        return
    click.echo(f"revision {told['revision']} is in force, after {told['seconds']:.2f} s")
    for folder in ("slices", "policies"):
        for kind, names in told["changes"][folder].items():
            for name in names:
                click.echo(f"  {folder}: {name} {kind}")
    if told["changes"]["after_restart"]:
        click.echo(f"  from the next start on: {', '.join(told['changes']['after_restart'])}")


def _duration(seconds: float) -> str:
    """A time that has passed, in the two largest units that say something."""
    whole = int(seconds)
    parts = ((whole // 86400, "d"), (whole // 3600 % 24, "h"), (whole // 60 % 60, "min"), (whole % 60, "s"))
    told = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(told[:2]) or f"{seconds:.1f} s"
