"""The format of the main file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final

from flowvisor.configuration import converters
from flowvisor.configuration.base_entries import base_entries
from flowvisor.configuration.converters import connection, integer, list_of, one_of, one_or_more, parsed
from flowvisor.configuration.formats import Format
from flowvisor.configuration.link_reader import DeclaredLink, links
from flowvisor.configuration.match_values import parse_number
from flowvisor.configuration.schema import TEXT, TEXT_OR_NUMBER, Key, Keys
from flowvisor.configuration.snapshot import (
    DEFAULT_HALF_OPEN,
    DEFAULT_SHARING_SECONDS,
    LISTED,
    MAX_HALF_OPEN,
    OPEN,
    NamedDatapath,
    Settings,
)
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.network.dpid import parse_dpid
from flowvisor.network.wanted_datapath import ANYHOW
from flowvisor.openflow.ports import MAX_PORT
from flowvisor.slices.virtual_network import VLAN_LABELS

ADMIN_PORT: Final = 8080
DEFAULT_ADMIN: Final = parse_connection_method(f"ptcp:{ADMIN_PORT}:127.0.0.1")

_SECONDS: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3})?")

DATAPATH_KEYS: Final[Keys] = {
    "dpid": Key(parsed(parse_dpid, TEXT_OR_NUMBER), meaning="which datapath has this name", is_required=True),
    "certificate": Key(
        converters.certificate_pins, meaning="the certificate that it has to show", default=()
    ),
    "description": Key(parsed(str), meaning="for people", default=""),
    "admitted": Key(one_of({"yes": True, "no": False}), meaning="whether it may connect", default=True),
    "ports": Key(
        converters.by_number(1, MAX_PORT, one_of({"up": True, "down": False})),
        meaning="ports by number, each up or down, to which state it is brought when it connects",
        default={},
    ),
    "entries": Key(
        base_entries,
        meaning="flow entries of the admin's own, for packets that are no slice's; no packet may fit two",
        default=(),
    ),
}


MAX_SHARING_SECONDS: Final = 60
MAX_VLAN: Final = 4094


def _seconds(text: str) -> float:
    if _SECONDS.fullmatch(text) is None or float(text) > MAX_SHARING_SECONDS:
        raise ValueError(f'"{text}" is not a number of seconds from 0 to {MAX_SHARING_SECONDS}')
    return float(text)


def _labels(text: str) -> range:
    first, dash, last = text.partition("-")
    if not dash or not 1 <= parse_number(first) <= parse_number(last) <= MAX_VLAN:
        raise ValueError(f'"{text}" is no range of VLAN ids; write FIRST-LAST, from 1 to {MAX_VLAN}')
    return range(parse_number(first), parse_number(last) + 1)


def _settings(values: Mapping[str, Any]) -> Settings:
    named: Mapping[str, NamedDatapath] = values["datapaths"]
    declared: tuple[DeclaredLink, ...] = values["links"]
    return Settings(
        **{
            **{key: value for key, value in values.items() if key != "watch"},
            "watches_files": values["watch"],
            "links": tuple(link.ends for link in declared),
            "capacities": {
                end: link.capacity for link in declared if link.capacity is not None for end in link.ends
            },
            "tunnel_ports": frozenset(end for link in declared if link.is_tunnel for end in link.ends),
            "datapaths": {name: one.dpid for name, one in named.items()},
            "certificates": {one.dpid: one.certificates for one in named.values() if one.certificates},
            "wanted": {one.dpid: one.wanted for one in named.values() if one.wanted != ANYHOW},
        }
    )


SETTINGS: Final = Format(
    keys={
        "listen": Key(
            list_of(connection("ptcp", "pssl", "punix")), meaning="where datapaths connect", is_required=True
        ),
        "admin": Key(
            one_or_more(connection("ptcp", "pssl", "punix", default_port=ADMIN_PORT)),
            meaning="where REST, metrics and health are",
            default=(DEFAULT_ADMIN,),
        ),
        "tokens": Key(parsed(str), meaning="the file of tokens, by which REST knows who asks"),
        "state": Key(parsed(str), meaning="the folder of stable allocations", default="state"),
        "slices": Key(parsed(str), meaning="the folder of the slices", default="slices"),
        "policies": Key(parsed(str), meaning="the folder of the policies", default="policies"),
        "tls": Key(converters.tls_files, meaning="keys and certificates for ssl: and pssl:"),
        "datapaths": Key(converters.datapath_names(DATAPATH_KEYS), meaning="names for datapaths", default={}),
        "admission": Key(
            one_of({OPEN: OPEN, LISTED: LISTED}), meaning="which datapaths may connect", default=OPEN
        ),
        "max_half_open_per_address": Key(
            integer(1, MAX_HALF_OPEN),
            meaning="connections of one address that have not said yet who they are",
            default=DEFAULT_HALF_OPEN,
        ),
        "statistics_sharing_seconds": Key(
            parsed(_seconds, {"type": "number", "minimum": 0, "maximum": MAX_SHARING_SECONDS}),
            meaning="for how long statistics answer others who ask for the same; 0 is not at all",
            default=DEFAULT_SHARING_SECONDS,
        ),
        "watch": Key(
            one_of({"on": True, "off": False}),
            meaning="whether files that change while it runs count by themselves",
            default=True,
        ),
        "links": Key(links, meaning="cables between datapaths, besides those that are found", default=()),
        "labels": Key(
            parsed(_labels, TEXT),
            meaning="VLAN ids for packets of virtual networks between datapaths",
            default=VLAN_LABELS,
        ),
        "discovery": Key(
            one_of({"on": True, "off": False}), meaning="whether cables are looked for", default=True
        ),
    },
    build=lambda node, values: _settings(values),
)
