"""The command line: `check`, `plan`, `explain`, `run` and `demo`; what asks a running one is in `admin/terminal`."""

from __future__ import annotations

import json
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn
from urllib.parse import urlencode

import click

from flowvisor import __version__
from flowvisor.admin.explanation_page import explanation_json, explanation_lines
from flowvisor.admin.preview_page import plan_lines, preview_json
from flowvisor.admin.terminal.asking import asked, where
from flowvisor.admin.terminal.lazily import Lazily
from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.folder_source import SEARCHED, find_main_file, load
from flowvisor.connections.state_folder import FILE as ALLOCATIONS
from flowvisor.errors import ConfigurationError, Problem
from flowvisor.flowspace.box import Box
from flowvisor.network.dpid import parse_dpid
from flowvisor.openflow.pcap import packets_in
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.explanation import explain as explain_packet
from flowvisor.planning.explanation import packets_of, packets_of_bytes, port_of
from flowvisor.planning.network_checks import network_warnings
from flowvisor.planning.overlaps import Overlap, describe_datapath, describe_packet
from flowvisor.planning.preview import offline, preview
from flowvisor.planning.proof import prove_ahead
from flowvisor.policies.bandwidth import Bandwidth

EXIT_BAD_FILES: Final = 2
EXIT_CHANGES: Final = 3
MAX_NOTES_SHOWN: Final = 20  # as text; --json has all

LOG_FORMATS: Final = ("text", "json")
LOG_LEVELS: Final = ("debug", "info", "warn", "error", "critical")

_config_option = click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help=f"The main file. Without this option the first of {', '.join(map(str, SEARCHED))}.",
)


class Checked(NamedTuple):
    """Files in which nothing is wrong, what of them counts now, and where rules of that overlap by priority."""

    written: Configuration
    configuration: Configuration
    base: Path
    overlaps: list[Overlap]


@click.group(cls=Lazily, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="flowvisor")
def main() -> None:
    """A network hypervisor: each tenant has an OpenFlow network of its own, on hardware that all share."""


@main.command()
@_config_option
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object to standard output.")
def check(config: Path | None, as_json: bool) -> None:
    """Read the files, and prove that no two slices own the same packets.

    Everything that is wrong is told at once, one line each: FILE:LINE:COLUMN: KEY: what is wrong.

    Exit status: 0 nothing is wrong; 2 something is.
    """
    try:
        checked = _check(config)
    except ConfigurationError as error:
        _refuse(error, as_json=as_json)
    if as_json:
        click.echo(json.dumps(_summary_as_json(checked)))
        return
    _show_notes(checked)
    click.echo(f"{click.style('ok', fg='green')}: {_summary(checked)}")


@main.command()
@_config_option
@click.option(
    "--log-format",
    type=click.Choice(LOG_FORMATS),
    default="text",
    show_default=True,
    help="How events are written to standard error.",
)
@click.option(
    "--log-level",
    type=click.Choice(LOG_LEVELS),
    default="info",
    show_default=True,
    help="The least event that is written.",
)
def run(config: Path | None, log_format: str, log_level: str) -> None:
    """Stand between the datapaths and the tenants' controllers, until told to stop (SIGTERM, Ctrl-C).

    Exit status: 0 stopped when told; 1 it could not run, for example because a port is taken; 2 something
    is wrong in the files, and nothing was started.
    """
    checked = _check_or_refuse(config)
    # Late, because it installs the reactor, which `check` has no use for.
    from flowvisor.service import run_service

    sys.exit(
        run_service(
            checked.written,
            checked.base,
            main_file=find_main_file(config).absolute(),
            log_format=log_format,
            log_level=log_level,
        )
    )


@main.command()
@_config_option
@click.option(
    "--against",
    type=click.Path(path_type=Path, exists=True),
    metavar="DIR",
    help="Compare with the files in this folder (or with this main file), as if they were running.",
)
@click.option("--at", metavar="TIME", help="What they will change then, like 2026-12-24T18:00 (here).")
@where
@click.option("--json", "as_json", is_flag=True, help="Write one JSON object to standard output.")
def plan(config: Path | None, against: Path | None, at: str | None, as_json: bool, **place: Any) -> None:
    """Say what the files would change if they were put in force: entries of datapaths, ports, channels.

    Lines with + come, with - go, with ~ change. Without --against the flowvisor that runs is asked for a plan of
    its own files; with it nobody is, and what is said of datapaths is what the files tell.

    Exit status: 0 nothing changes; 3 something does; 2 something is wrong in the files; 1 it was refused, for
    example for want of a token; 4 nobody answers.
    """
    if against is None:
        _show_plan_of_running(config, at, as_json=as_json, **place)
        return
    try:
        checked, main_file = _check(config), _main_file_in(against)
        allocations = _allocations(_check(main_file).configuration)
        running, _ = load(main_file, seen_from=checked.base)  # so that what lies in both counts as the same
    except ConfigurationError as error:
        _refuse(error, as_json=as_json)
    now, then = _now(), checked.written.at(_now() if at is None else _moment(at))
    found = preview(offline(running.at(now), then, allocations), then)
    _show_plan(preview_json(found), as_json=as_json)


def _show_plan_of_running(config: Path | None, at: str | None, *, as_json: bool, **place: Any) -> None:
    if config is not None:
        raise click.UsageError("--config goes with --against: a flowvisor that runs has files of its own")
    query = "" if at is None else "?" + urlencode({"at": _moment(at).isoformat()})
    with asked(**place) as client:
        told = client.get(f"/plan{query}")
    _show_plan(told, as_json=as_json)


def _now() -> datetime:
    return datetime.now(timezone.utc)


def _moment(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        raise click.UsageError(f'"{text}" is no time; write one like 2026-12-24T18:00') from error


def _main_file_in(folder: Path) -> Path:
    if folder.is_file():
        return folder
    names = ("flowvisor.yaml", "deploy/flowvisor.yaml")
    return next((folder / name for name in names if (folder / name).is_file()), folder / names[0])


def _allocations(running: Configuration) -> Allocations:
    """Those that the running instance keeps, if they can be read from here."""
    try:
        return Allocations.from_text(Path(running.settings.state, ALLOCATIONS).read_text("utf-8"))
    except (OSError, ValueError):
        return Allocations()


def _show_plan(plan: dict[str, Any], *, as_json: bool) -> NoReturn:
    if as_json:
        click.echo(json.dumps(plan))
    else:
        for line in plan_lines(plan):
            click.secho(line, fg={"+": "green", "-": "red", "~": "yellow"}.get(line.strip()[:1]))
        if not plan["changes"]:
            click.echo("nothing changes")
    sys.exit(EXIT_CHANGES if plan["changes"] else 0)


@main.command()
@_config_option
@click.option(
    "--datapath", metavar="NAME", required=True, help="Where it comes in: a name of the main file, or a dpid."
)
@click.option(
    "--hex", "digits", metavar="DIGITS", help="The packet from its Ethernet header on, in hexadecimal."
)
@click.option(
    "--pcap",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="Packets that tcpdump or Wireshark has caught.",
)
@click.option("--running", is_flag=True, help="By what is in force where flowvisor runs.")
@where
@click.option("--json", "as_json", is_flag=True, help="Write one JSON array to standard output.")
@click.argument("fields", metavar="in_port=PORT[,FIELD=VALUE...]")
def explain(
    config: Path | None,
    datapath: str,
    digits: str | None,
    pcap: Path | None,
    running: bool,
    as_json: bool,
    fields: str,
    **place: Any,
) -> None:
    """Say which slice a packet belongs to that comes in at a port of a datapath, and why.

    Told are the rules that name it, in the order in which they count, each with its file and line, and the entries by
    which the datapath decides. What of a packet is not given may be anything; --hex and --pcap give all of it.

    Exit status: 0 it was told; 2 something is wrong in the files, or in what was asked; 1 it was refused, for example
    for want of a token; 4 nobody answers.
    """
    if not running:
        found = _explained(config, datapath, fields, digits, pcap)
    elif config is None and digits is None and pcap is None:
        with asked(**place) as client:
            about = urlencode({"datapath": datapath, "fields": fields})
            found = client.get(f"/explain?{about}")["explanations"]
    else:
        raise click.UsageError("--running goes without --config, --hex and --pcap")
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        for line in explanation_lines(one):
            click.echo(line)


def _explained(
    config: Path | None, datapath: str, fields: str, digits: str | None, pcap: Path | None
) -> list[dict[str, Any]]:
    """What the files say."""
    files = _check_or_refuse(config).configuration
    try:
        named = files.settings.datapaths
        dpid = named[datapath] if datapath in named else parse_dpid(datapath)
        packets = _packets(fields, digits, pcap)
    except ValueError as error:
        raise click.UsageError(str(error)) from error
    running = offline(files, files, _allocations(files))
    return [explanation_json(explain_packet(running, dpid, one)) for one in packets]


def _packets(fields: str, digits: str | None, pcap: Path | None) -> list[Box]:
    """The packets that were asked about; raises ValueError."""
    boxes = packets_of(fields)
    in_port = port_of(boxes[0])
    if in_port is None:
        raise ValueError("say in_port=PORT: whose a packet is depends on where it comes in")
    if digits is None and pcap is None:
        return boxes
    if (digits is not None and pcap is not None) or "," in fields:
        raise ValueError("a packet is given by its fields, by --hex, or by --pcap")
    if digits is not None:
        return packets_of_bytes(bytes.fromhex(digits.replace(":", "")), in_port)
    assert pcap is not None
    caught = packets_in(pcap.read_bytes())
    return list(dict.fromkeys(box for one in caught for box in packets_of_bytes(one.data, in_port)))


@main.command()
@_config_option
@click.option("--keep", is_flag=True, help="Go on running when all has been shown, until told to stop.")
@click.option("--json", "as_json", is_flag=True, help="Write what was seen as JSON to standard output.")
def demo(config: Path | None, keep: bool, as_json: bool) -> None:
    """Run the configured slices on an emulated network, and show that they are isolated.

    Exit status: 0 all was as it should be; 1 something was not; 2 something is wrong in the files.
    """
    checked = _check_or_refuse(config)
    from flowvisor.emulation.demo import run_demo
    from flowvisor.service import Service

    sys.exit(run_demo(checked.configuration, keep=keep, as_json=as_json, make_service=Service))


def _check(config: Path | None) -> Checked:
    written, base = load(config)
    overlaps = prove_ahead(written, _now())
    return Checked(written, written.at(_now()), base, overlaps)


def _check_or_refuse(config: Path | None) -> Checked:
    try:
        return _check(config)
    except ConfigurationError as error:
        _refuse(error)


def _refuse(error: ConfigurationError, *, as_json: bool = False) -> NoReturn:
    """Tell everything that is wrong, and leave."""
    if as_json:
        click.echo(json.dumps({"ok": False, "problems": [_problem_as_json(one) for one in error.problems]}))
        sys.exit(EXIT_BAD_FILES)
    for problem in error.problems:
        place, told = str(problem.place), str(problem)
        click.echo(click.style(place, bold=True) + told.removeprefix(place), err=True)
    count = len(error.problems)
    click.secho(f"{count} {'problem' if count == 1 else 'problems'}", fg="red", err=True)
    sys.exit(EXIT_BAD_FILES)


def _show_notes(checked: Checked) -> None:
    for overlap in checked.overlaps[:MAX_NOTES_SHOWN]:
        loser = overlap.second if overlap.winner == overlap.first.slice else overlap.first
        winner = overlap.first if loser is overlap.second else overlap.second
        click.echo(
            f"{winner.place}: {click.style('note', fg='cyan')}: at "
            f"{describe_datapath(overlap.dpid, checked.configuration)} {winner.slice} has by its priority what "
            f"{loser.slice} names, too, in {loser.place}: packets like {describe_packet(overlap.sample)}"
        )
    for problem in network_warnings(checked.configuration):
        place, told = str(problem.place), str(problem)
        click.echo(f"{place}: {click.style('warning', fg='yellow')}{told.removeprefix(place)}")
    for name in _unqueued_policies(checked.configuration):
        click.echo(
            f"{click.style('note', fg='cyan')}: {name} names no queues: where a datapath has no meters for it (with "
            "OpenFlow 1.0, or too few tables) nothing limits that traffic"
        )
    for text in checked.configuration.settings.open_admin:
        click.echo(
            f"{click.style('note', fg='cyan')}: {text} (admin) is not encrypted, and others may reach it: there is "
            "nothing there but /health and /metrics"
        )
    if left := len(checked.overlaps[MAX_NOTES_SHOWN:]):
        click.echo(f"and {left} more like these (all of them: --json)")


def _unqueued_policies(configuration: Configuration) -> list[str]:
    """The names of bandwidth policies that datapaths without meters cannot put in force."""
    policies = configuration.policies.items()
    return [name for name, one in policies if isinstance(one, Bandwidth) and not one.queues]


def _counts(checked: Checked) -> dict[str, int]:
    configuration = checked.configuration
    return {
        "slices": len(configuration.slices),
        "rules": sum(len(one.rules) for one in configuration.flowspace_slices),
        "policies": len(configuration.policies),
        "datapaths": len(configuration.settings.datapaths),
    }


def _summary(checked: Checked) -> str:
    counts = ", ".join(f"{count} {word}" for word, count in _counts(checked).items())
    return f"{counts}; no two slices own the same packets"


def _summary_as_json(checked: Checked) -> dict[str, Any]:
    notes = [_overlap_as_json(overlap, checked.configuration) for overlap in checked.overlaps]
    notes += [{"kind": "no-queues", "policy": name} for name in _unqueued_policies(checked.configuration)]
    warnings = network_warnings(checked.configuration)
    notes += [{"kind": "virtual-network", **_problem_as_json(problem)} for problem in warnings]
    open_admin = checked.configuration.settings.open_admin
    notes += [{"kind": "admin-in-the-clear", "method": text} for text in open_admin]
    return {"ok": True, "problems": [], **_counts(checked), "notes": notes}


def _problem_as_json(problem: Problem) -> dict[str, Any]:
    names = ("file", "line", "column", "key", "message", "suggestion")
    return {name: getattr(problem, name) for name in names}


def _overlap_as_json(overlap: Overlap, configuration: Configuration) -> dict[str, Any]:
    return {
        "kind": overlap.kind,
        "slices": [overlap.first.slice, overlap.second.slice],
        "places": [str(overlap.first.place), str(overlap.second.place)],
        "datapath": describe_datapath(overlap.dpid, configuration),
        "packet": describe_packet(overlap.sample),
        "winner": overlap.winner,
    }
