"""The format of the main file."""

from __future__ import annotations

from typing import Final

from flowvisor.configuration import converters
from flowvisor.configuration.converters import connection, list_of, not_built, one_of, parsed
from flowvisor.configuration.formats import Format
from flowvisor.configuration.schema import Key, Keys
from flowvisor.configuration.snapshot import Settings
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.network.dpid import parse_dpid

ADMIN_PORT: Final = 8080
DEFAULT_ADMIN: Final = parse_connection_method(f"ptcp:{ADMIN_PORT}:127.0.0.1")

DATAPATH_KEYS: Final[Keys] = {
    "dpid": Key(parsed(parse_dpid), meaning="which datapath has this name", is_required=True),
}

SETTINGS: Final = Format(
    keys={
        "listen": Key(list_of(connection("ptcp")), meaning="where datapaths connect", is_required=True),
        "admin": Key(
            connection("ptcp", default_port=ADMIN_PORT),
            meaning="where REST, metrics and health are",
            default=DEFAULT_ADMIN,
        ),
        "state": Key(parsed(str), meaning="the folder of stable allocations", default="state"),
        "slices": Key(parsed(str), meaning="the folder of the slices", default="slices"),
        "policies": Key(parsed(str), meaning="the folder of the policies", default="policies"),
        "tls": Key(not_built, meaning="keys and certificates for ssl: and pssl:"),
        "datapaths": Key(converters.datapath_names(DATAPATH_KEYS), meaning="names for datapaths", default={}),
        "admission": Key(
            one_of({"open": "open"}, not_built=("listed",)),
            meaning="which datapaths may connect",
            default="open",
        ),
    },
    build=lambda node, values: Settings(**{key: value for key, value in values.items() if key != "tls"}),
)
