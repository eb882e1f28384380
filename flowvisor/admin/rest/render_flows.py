"""Flow entries: matches as the admin's files have them, actions by their names."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import fields

from flowvisor.admin.rest import shapes
from flowvisor.configuration.match_values import format_value
from flowvisor.network.dpid import format_dpid
from flowvisor.openflow import ports
from flowvisor.openflow.actions import SetField
from flowvisor.openflow.match import Match
from flowvisor.openflow.multipart import FlowStats

_CAPITAL: Final = re.compile(r"(?<!^)(?=[A-Z])")
_PORT_NAMES: Final[Mapping[int, str]] = {
    ports.IN_PORT: "in_port",
    ports.TABLE: "table",
    ports.NORMAL: "normal",
    ports.FLOOD: "flood",
    ports.ALL: "all",
    ports.CONTROLLER: "controller",
    ports.LOCAL: "local",
}


def flows(entries: Iterator[FlowStats], switch: str, dpid: int) -> Iterator[shapes.FlowEntry]:
    """Each made when it is asked for."""
    for one in entries:
        yield {
            "switch": switch,
            "dpid": format_dpid(dpid),
            "table": one.table_id,
            "priority": one.priority,
            "match": match_as_json(one.match),
            "instructions": [named(instruction) for instruction in one.instructions],
            "cookie": f"{one.cookie:#018x}",
            "packets": one.packet_count,
            "bytes": one.byte_count,
            "duration_seconds": one.duration_sec + one.duration_nsec / 1e9,
            "idle_timeout": one.idle_timeout,
            "hard_timeout": one.hard_timeout,
            "flags": one.flags,
        }


def match_as_json(match: Match) -> dict[str, str]:
    """Fields and values as people write them."""
    told = {name: format_value(name, value, mask) for name, value, mask in match}
    return told | {f"{one.header:#010x}": one.body.hex() for one in match.opaque}


def named(one: Any) -> dict[str, Any]:
    """An instruction or an action: what type it is of, and what it is given."""
    told: dict[str, Any] = {"type": _CAPITAL.sub("_", type(one).__name__).lower()}
    if isinstance(one, SetField):
        return {**told, "field": one.name, "value": format_value(one.name, one.value)}
    for field in fields(type(one)):
        told[field.name] = _value(field.name, getattr(one, field.name))
    return told


def _value(name: str, value: Any) -> Any:
    if isinstance(value, tuple):
        return [named(one) for one in value]
    if isinstance(value, bytes):
        return value.hex()
    return _PORT_NAMES.get(value, value) if name == "port" else value
