"""Which message types are legal on a channel, by our role and the channel's state, and what becomes of each.

Strategy: types are numbered as in 1.3; another version's numbers are turned into these by one table. What is
not in a state's table is refused, except before HELLO, where there is no channel yet and it is hung up on.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Final

from flowvisor.openflow import frame as f
from flowvisor.openflow import v10, v13


class Role(Enum):
    """Who we are on a channel."""

    CONTROLLER = "controller"  # towards a datapath
    DATAPATH = "datapath"  # towards a tenant's controller


class State(Enum):
    WAIT_HELLO = "wait for HELLO"
    WAIT_FEATURES = "wait for FEATURES_REPLY"
    ESTABLISHED = "established"
    CLOSED = "closed"


class Verdict(Enum):
    """What becomes of a message."""

    NEGOTIATE = "its versions and ours make the channel's"
    IGNORE = "it says nothing new"
    ANSWER = "it is sent back as an ECHO_REPLY"
    MEASURE = "it answers our probe"
    HEED = "it may end the channel"
    JOIN = "it establishes the channel"
    HAND_UP = "it is the core's business"
    SHED = "it comes too early to be of use: dropped and counted"
    REFUSE = "it is answered with BAD_TYPE and counted against the peer"
    HANG_UP = "the peer does not speak OpenFlow"


# 1.0 has neither GROUP_MOD nor TABLE_MOD, so from PORT_MOD on its numbers are lower. The unknown has no row.
TYPES: Final[Mapping[int, Mapping[int, int]]] = {
    v10.VERSION: {
        **{number: number for number in range(v10.FLOW_MOD + 1)},
        v10.PORT_MOD: f.PORT_MOD,
        v10.STATS_REQUEST: f.MULTIPART_REQUEST,
        v10.STATS_REPLY: f.MULTIPART_REPLY,
        v10.BARRIER_REQUEST: f.BARRIER_REQUEST,
        v10.BARRIER_REPLY: f.BARRIER_REPLY,
        v10.QUEUE_GET_CONFIG_REQUEST: f.QUEUE_GET_CONFIG_REQUEST,
        v10.QUEUE_GET_CONFIG_REPLY: f.QUEUE_GET_CONFIG_REPLY,
    },
    v13.VERSION: {number: number for number in range(f.METER_MOD + 1)},
}
LAST_COMMON_TYPE: Final = f.ECHO_REPLY  # up to here a type is the same, and legal, in every version

TO_DATAPATH: Final = frozenset(
    {
        *(f.EXPERIMENTER, f.FEATURES_REQUEST, f.GET_CONFIG_REQUEST, f.SET_CONFIG, f.PACKET_OUT, f.FLOW_MOD),
        *(f.GROUP_MOD, f.PORT_MOD, f.TABLE_MOD, f.MULTIPART_REQUEST, f.BARRIER_REQUEST),
        *(f.QUEUE_GET_CONFIG_REQUEST, f.ROLE_REQUEST, f.GET_ASYNC_REQUEST, f.SET_ASYNC, f.METER_MOD),
    }
)
TO_CONTROLLER: Final = frozenset(
    {
        *(f.EXPERIMENTER, f.FEATURES_REPLY, f.GET_CONFIG_REPLY, f.PACKET_IN, f.FLOW_REMOVED, f.PORT_STATUS),
        *(f.MULTIPART_REPLY, f.BARRIER_REPLY, f.QUEUE_GET_CONFIG_REPLY, f.ROLE_REPLY, f.GET_ASYNC_REPLY),
    }
)
# What a datapath says unasked, perhaps before it has answered FEATURES_REQUEST.
_UNASKED: Final = (f.EXPERIMENTER, f.PACKET_IN, f.FLOW_REMOVED, f.PORT_STATUS)

_BEFORE: Final = {
    f.HELLO: Verdict.NEGOTIATE,
    f.ERROR: Verdict.HEED,
    f.ECHO_REQUEST: Verdict.ANSWER,
    f.ECHO_REPLY: Verdict.MEASURE,
}
_AFTER: Final = _BEFORE | {f.HELLO: Verdict.IGNORE}  # OpenDaylight says HELLO again

TRANSITIONS: Final[Mapping[tuple[Role, State], Mapping[int, Verdict]]] = {
    (Role.CONTROLLER, State.WAIT_HELLO): _BEFORE,
    (Role.CONTROLLER, State.WAIT_FEATURES): {
        **_AFTER,
        f.FEATURES_REPLY: Verdict.JOIN,
        **dict.fromkeys(_UNASKED, Verdict.SHED),
    },
    (Role.CONTROLLER, State.ESTABLISHED): {**_AFTER, **dict.fromkeys(TO_CONTROLLER, Verdict.HAND_UP)},
    (Role.CONTROLLER, State.CLOSED): {},
    (Role.DATAPATH, State.WAIT_HELLO): _BEFORE,
    (Role.DATAPATH, State.WAIT_FEATURES): {},  # never: a datapath is asked, it does not wait
    (Role.DATAPATH, State.ESTABLISHED): {**_AFTER, **dict.fromkeys(TO_DATAPATH, Verdict.HAND_UP)},
    (Role.DATAPATH, State.CLOSED): {},
}


def verdict_on(role: Role, state: State, version: int, number: int) -> Verdict:
    """What becomes of a message, by its version's number for its type; before HELLO there is no version."""
    if state is State.WAIT_HELLO:
        return TRANSITIONS[role, state].get(number, Verdict.HANG_UP)
    return TRANSITIONS[role, state].get(TYPES[version].get(number, -1), Verdict.REFUSE)


def _handed_up(role: Role, version: int) -> bytes:
    verdicts = (verdict_on(role, State.ESTABLISHED, version, number) for number in range(256))
    return bytes(verdict is Verdict.HAND_UP for verdict in verdicts)


# For each role and version: 256 bytes, one for each type, 1 where an established channel hands it up.
HANDED_UP: Final = {(role, version): _handed_up(role, version) for role in Role for version in TYPES}
