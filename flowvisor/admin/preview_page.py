"""What a reload would do, as lines for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from attrs import asdict

from flowvisor.configuration.changes import Changes, Differences
from flowvisor.planning.network_preview import CLOSED, KEPT, OPENED, NetworkChanges
from flowvisor.planning.preview import DatapathChanges, Entry, Preview, SliceChanges

_SIGNS = {OPENED: "+", CLOSED: "-"}


def preview_lines(preview: Preview) -> Iterator[str]:
    """Lines of a difference: those that begin with + come, with - go, with ~ change."""
    return plan_lines(preview_json(preview))


def plan_lines(plan: Mapping[str, Any]) -> Iterator[str]:
    """The same of what `preview_json` has made, also elsewhere."""
    yield from _file_lines(plan)
    for one in plan["datapaths"]:
        yield f"datapath {one['datapath']}"
        for line in _datapath_lines(one):
            yield f"  {line}"
    for one in plan["networks"]:
        yield from _network_lines(one)


def _network_lines(one: Mapping[str, Any]) -> Iterator[str]:
    name = f"virtual switch {one['network']}/{one['switch']}"
    if one["channels"] != KEPT:
        yield f"{_SIGNS.get(one['channels'], '~')} {name}: its channels are {one['channels']}"
    yield from (f"~ {name}: {said}" for said in _said_of_lines(one))
    for port in one["ports"]:
        number, before, after = port["port"], port["before"], port["after"]
        if before is None:
            yield f"+ {name}: port {number} at {after}"
        elif after is None:
            yield f"- {name}: port {number} at {before}"
        else:
            yield f"~ {name}: port {number} at {after} (was at {before})"


def _file_lines(files: Mapping[str, Any]) -> Iterator[str]:
    for what, differences in (("slice", files["slices"]), ("policy", files["policies"])):
        yield from (f"+ {what} {name}" for name in differences["added"])
        yield from (f"- {what} {name}" for name in differences["removed"])
        yield from (f"~ {what} {name}: {', '.join(keys)}" for name, keys in differences["changed"].items())
    for key in files["settings"]:
        yield f"~ main file: {key}" + (", from the next start on" if key in files["after_restart"] else "")


def _datapath_lines(one: Mapping[str, Any]) -> Iterator[str]:
    enforcement, entries = one["enforcement"], one["entries"]
    if enforcement is not None:
        yield f"~ slices are kept apart by {enforcement['after']}, no longer by {enforcement['before']}"
    yield from (f"+ {_entry_text(entry)}" for entry in entries["added"])
    yield from (f"~ {_entry_text(entry)} (was {entry['before']})" for entry in entries["changed"])
    yield from (f"- {_entry_text(entry)}" for entry in entries["removed"])
    for name, changes in one["slices"].items():
        yield from (f"{_SIGNS.get(changes['channels'], '~')} slice {name}: {said}" for said in _said(changes))


def _entry_text(entry: Mapping[str, Any]) -> str:
    return str(Entry(entry["priority"], entry["packets"], entry["to"]))


def _said(changes: Mapping[str, Any]) -> Iterator[str]:
    if changes["channels"] != KEPT:
        yield f"its channels are {changes['channels']}"
    yield from _said_of_lines(changes)
    if changes["ports_gained"]:
        yield f"gains ports {', '.join(changes['ports_gained'])}"
    if changes["ports_lost"]:
        yield f"loses ports {', '.join(changes['ports_lost'])}"


def _said_of_lines(changes: Mapping[str, Any]) -> Iterator[str]:
    if changes["hung_up_on"]:
        yield f"its channels to {', '.join(changes['hung_up_on'])} are closed"
    if changes["called"]:
        yield f"{', '.join(changes['called'])} may control it"


def preview_json(preview: Preview) -> dict[str, Any]:
    """The same as one object; what does not change is not in it."""
    datapaths = [datapath_json(one) for one in preview.datapaths]
    networks = networks_json(preview.networks)
    return {
        "changes": bool(preview),
        **changes_json(preview.files),
        "datapaths": datapaths,
        "networks": networks,
    }


def networks_json(networks: Iterable[NetworkChanges]) -> list[dict[str, Any]]:
    """What becomes of virtual networks."""
    return [asdict(one) for one in networks]


def changes_json(files: Changes) -> dict[str, Any]:
    """What has changed in the files."""
    return {
        "slices": _differences_json(files.slices),
        "policies": _differences_json(files.policies),
        "settings": list(files.settings),
        "after_restart": list(files.not_live),
    }


def _differences_json(one: Differences) -> dict[str, Any]:
    return {
        "added": list(one.added),
        "removed": list(one.removed),
        "changed": {name: list(keys) for name, keys in one.changed.items()},
    }


def datapath_json(one: DatapathChanges) -> dict[str, Any]:
    """What becomes of one datapath."""
    return {
        "datapath": one.name,
        "enforcement": None
        if one.enforcement is None
        else {"before": one.enforcement[0], "after": one.enforcement[1]},
        "entries": {
            "added": [_entry_json(entry) for entry in one.entries.added],
            "changed": [{**_entry_json(new), "before": old.to} for old, new in one.entries.changed],
            "removed": [_entry_json(entry) for entry in one.entries.removed],
        },
        "slices": {name: _slice_json(changes) for name, changes in one.slices.items()},
    }


def _entry_json(entry: Entry) -> dict[str, Any]:
    return {"priority": entry.priority, "packets": entry.packets, "to": entry.to}


def _slice_json(changes: SliceChanges) -> dict[str, Any]:
    names = ("hung_up_on", "called", "ports_gained", "ports_lost")
    return {"channels": changes.channels, **{name: list(getattr(changes, name)) for name in names}}
