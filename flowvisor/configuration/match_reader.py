"""A rule's `match`: lists and ranges multiplied out into alternatives, contradictions refused.

Prerequisites are implied and not written down here; what has to be said in the end, `flowspace.layout` adds.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product
from math import prod
from typing import Any, Final

from flowvisor.configuration.documents import ListNode, Node, Scalar, wrong
from flowvisor.configuration.match_values import (
    MAX_ALTERNATIVES,
    Pair,
    format_value,
    parse_value,
    without_covered,
)
from flowvisor.configuration.schema import (
    TEXT_OR_NUMBER,
    Names,
    about,
    described,
    known_entries,
    mapping_of,
    text_of,
)
from flowvisor.errors import ConfigurationError, Problem
from flowvisor.openflow.fields import FIELDS, VLAN_NONE
from flowvisor.openflow.match import Match

# Fields that say nothing of a packet as it comes in, and why.
REFUSED_FIELDS: Final[Mapping[str, str]] = {
    "metadata": "a packet has no metadata before the first flow table has seen it",
    "in_phy_port": "it differs from in_port only inside of the datapath; use in_port",
}
FLOWSPACE_FIELDS: Final[Mapping[str, str]] = {
    name: f"OpenFlow 1.3's {name}" for name in FIELDS if name not in REFUSED_FIELDS
}

# What other versions and Open vSwitch call them.
OTHER_NAMES: Final[Mapping[str, str]] = {
    **{"dl_src": "eth_src", "dl_dst": "eth_dst", "dl_type": "eth_type"},
    **{"dl_vlan": "vlan_vid", "vlan": "vlan_vid", "dl_vlan_pcp": "vlan_pcp"},
    **{"nw_src": "ipv4_src", "nw_dst": "ipv4_dst", "nw_proto": "ip_proto", "nw_tos": "ip_dscp"},
    **{"tp_src": "tcp_src", "tp_dst": "tcp_dst", "tun_id": "tunnel_id"},
}

# One value of a field, or any of a list.
_VALUES: Final = {"anyOf": [TEXT_OR_NUMBER, {"type": "array", "items": TEXT_OR_NUMBER, "minItems": 1}]}
MATCH_SHAPE: Final[Mapping[str, Any]] = {
    "type": "object",
    "properties": dict.fromkeys(FLOWSPACE_FIELDS, _VALUES),
    "additionalProperties": False,
}

Alternatives = dict[str, tuple[Pair, ...]]


@described(MATCH_SHAPE)
def read_match(node: Node, names: Names) -> tuple[Match, ...]:
    """All matches of which a packet has to fit one; raises ConfigurationError."""
    entries, problems = known_entries(mapping_of(node), {**FLOWSPACE_FIELDS, **REFUSED_FIELDS, **OTHER_NAMES})
    fields: Alternatives = {}
    for name, (key, value) in entries.items():
        try:
            _refuse_name(name, key)
            fields[name] = _alternatives(name, value)
        except ConfigurationError as error:
            problems += about(name, error)
    problems += [
        Problem(entries[name][0].place, key=name, message=message)
        for name, message in _contradictions(fields)
    ]
    if problems:
        raise ConfigurationError(problems)
    count = prod(map(len, fields.values()))
    if count > MAX_ALTERNATIVES:
        message = f"the lists and ranges multiply out to {count} matches, more than {MAX_ALTERNATIVES}"
        raise wrong(node, message, suggestion="use masks, or several rules")
    return tuple(Match(dict(zip(fields, pairs, strict=True))) for pairs in product(*fields.values()))


def _refuse_name(name: str, key: Scalar) -> None:
    if name in OTHER_NAMES:
        raise wrong(key, "unknown key", suggestion=f'did you mean "{OTHER_NAMES[name]}"?')
    if name in REFUSED_FIELDS:
        raise wrong(key, f"not in a flowspace: {REFUSED_FIELDS[name]}")


def _alternatives(name: str, node: Node) -> tuple[Pair, ...]:
    """Any of a list, or one value; either may be several pairs of value and mask."""
    items = node.items if isinstance(node, ListNode) else (node,)
    if not items:
        raise wrong(node, "an empty list matches nothing")
    pairs: dict[Pair, None] = {}
    problems: list[Problem] = []
    for item in items:
        try:
            pairs.update(dict.fromkeys(parse_value(name, text_of(item))))
        except ValueError as error:
            problems += wrong(item, str(error)).problems
        except ConfigurationError as error:
            problems += error.problems
    if problems:
        raise ConfigurationError(problems)
    if len(pairs) > MAX_ALTERNATIVES:
        raise wrong(node, f"{len(pairs)} alternatives, more than {MAX_ALTERNATIVES}")
    return without_covered(tuple(pairs))


def _contradictions(fields: Alternatives) -> list[tuple[str, str]]:
    """Fields that need what another does not allow: (field, what is wrong with it)."""
    found = []
    for name in fields:
        if reason := _contradiction(name, fields):
            found.append((name, reason))
    if "vlan_pcp" in fields and any(value == VLAN_NONE for value, _ in fields.get("vlan_vid", ())):
        found.append(("vlan_pcp", "needs a VLAN tag, but vlan_vid is none"))
    return found


def _contradiction(name: str, fields: Alternatives) -> str | None:
    """What speaks against this field: a selector that is written down, or a field before it."""
    earlier = tuple(fields)[: tuple(fields).index(name)]
    for selector, allowed in FIELDS[name].requires:
        excluded = [value for value, _ in fields.get(selector, ()) if value not in allowed]
        if excluded:
            needed = " or ".join(format_value(selector, value) for value in allowed)
            return f"needs {selector} {needed}, but {selector} is {format_value(selector, excluded[0])}"
        for other in earlier:
            if any(
                key == selector and not set(values) & set(allowed) for key, values in FIELDS[other].requires
            ):
                return f"no packet has both {other} and {name}"
    return None
