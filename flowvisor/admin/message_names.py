"""Names of message types for people: the same word in every version for the same thing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

_SAME_IN_ALL: Final = (
    *("hello", "error", "echo_request", "echo_reply", "experimenter", "features_request", "features_reply"),
    *("get_config_request", "get_config_reply", "set_config", "packet_in", "flow_removed", "port_status"),
    *("packet_out", "flow_mod"),
)

# Indexed by wire type. What 1.0 calls vendor and stats has the names that it got later.
NAMES: Final[Mapping[int, tuple[str, ...]]] = {
    1: (
        *_SAME_IN_ALL,
        *("port_mod", "multipart_request", "multipart_reply", "barrier_request", "barrier_reply"),
        *("queue_get_config_request", "queue_get_config_reply"),
    ),
    4: (
        *_SAME_IN_ALL,
        *("group_mod", "port_mod", "table_mod", "multipart_request", "multipart_reply", "barrier_request"),
        *("barrier_reply", "queue_get_config_request", "queue_get_config_reply", "role_request"),
        *("role_reply", "get_async_request", "get_async_reply", "set_async", "meter_mod"),
    ),
}
UNKNOWN: Final = "unknown"


def name_of(version: int, message_type: int) -> str:
    """The name of a wire type; what the version does not have is `unknown`."""
    names = NAMES.get(version, ())
    return names[message_type] if message_type < len(names) else UNKNOWN
