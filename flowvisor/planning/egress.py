"""Where an action list sends packets, and whether any of them belongs to another slice there (invariant I2).

Strategy: a set of packets walks through the actions as a few boxes. An action that writes no bit which any rule
looks at leaves the set as it is, so that nearly all lists are answered from what the view remembers of each
port. Whatever an action does that is not modelled exactly makes the set larger, never smaller. A group is all of its
buckets, each with the packets as they come to it: which bucket a packet takes is for the datapath to choose.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final, NamedTuple

from flowvisor.flowspace.box import Box, covers, intersect
from flowvisor.flowspace.layout import FIELD_SLOTS, boxes_of, field_mask, forget, set_field
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.fields import ETH_TYPE_SERVICE_VLAN, ETH_TYPE_VLAN, VLAN_PRESENT
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import ALL, CONTROLLER, FLOOD, IN_PORT, NORMAL, TABLE
from flowvisor.planning.view import View

VLAN_FIELDS: Final = ("vlan_vid", "vlan_pcp")
(_TAGGED,) = boxes_of(Match.of(vlan_vid=(VLAN_PRESENT, VLAN_PRESENT)))
(_UNTAGGED,) = boxes_of(Match.of(vlan_vid=0))
_ETH_TYPE: Final = field_mask("eth_type")
_SELECTORS: Final = frozenset({"eth_type", "ip_proto"})
# What no longer holds when the header behind the Ethernet one changes: all that eth_type selects goes with it.
_NEW_HEADER: Final = ("eth_type",)
_TRANSPORT_SOURCE: Final = ("tcp_src", "udp_src", "sctp_src")
_TRANSPORT_DESTINATION: Final = ("tcp_dst", "udp_dst", "sctp_dst")

Boxes = tuple[Box, ...]
# The lists of actions that a group may carry out, by the group's id.
Buckets = Callable[[int], Iterable[act.Actions]]

# Groups that one list leads to, the same one once for each way in which packets come to it changed. A list that leads
# to more is not judged but refused.
MAX_GROUPS_ENTERED: Final = 256
# And the buckets of these, each once for each time that its group is entered: twice what fits into a message.
MAX_BUCKETS_LOOKED_AT: Final = 4096


class Leak(NamedTuple):
    """Why a list may not be used: the error to answer, words for the log, and a packet that shows it."""

    error: tuple[int, int]
    reason: str
    packets: Box | None = None


def written_fields(action: act.Action) -> tuple[str, ...]:
    """The names of the fields that an action may change."""
    if isinstance(action, act.SetField):
        return (action.name,)
    return _WRITES.get(type(action), ())


def freed_fields(action: act.Action) -> tuple[str, ...]:
    """The names of the fields that may be anything after an action, whatever the packets were; see `rewritten`."""
    names = written_fields(action)
    if isinstance(action, (act.PushVlan, act.PopVlan, act.StripVlan)):
        return (*names, *_NEW_HEADER)
    return VLAN_FIELDS if set(names) & set(VLAN_FIELDS) and len(names) == 1 else names


_WRITES: Final[dict[type, tuple[str, ...]]] = {
    act.PushVlan: VLAN_FIELDS,
    act.PopVlan: VLAN_FIELDS,
    act.StripVlan: VLAN_FIELDS,
    act.SetVlanVid: VLAN_FIELDS,
    act.SetVlanPcp: VLAN_FIELDS,
    act.PushMpls: _NEW_HEADER,
    act.PopMpls: _NEW_HEADER,
    act.PushPbb: (*_NEW_HEADER, *VLAN_FIELDS, "eth_src", "eth_dst"),
    act.PopPbb: (*_NEW_HEADER, *VLAN_FIELDS, "eth_src", "eth_dst"),
    act.SetTransportSource: _TRANSPORT_SOURCE,
    act.SetTransportDestination: _TRANSPORT_DESTINATION,
}


def is_visible(names: Iterable[str], used_mask: int) -> bool:
    """Whether any rule looks at any of these fields, or at fields that depend on them."""
    return any(name == "eth_type" or field_mask(name) & used_mask for name in names)


def rewritten(box: Box, action: act.Action) -> Box:
    """The packets of a box after an action: at least those that it gives.

    Datapaths do not agree on what becomes of a packet that has no tag when its tag is set, nor on how many tags they
    look behind, and a header's type is not always where it can be set.
    """
    if isinstance(action, act.SetVlanVid):
        return set_field(box, "vlan_vid", VLAN_PRESENT | action.vid)
    if isinstance(action, act.SetField) and action.name not in _SELECTORS:
        is_exact = action.name != "vlan_vid" or covers(_TAGGED, box)
        return set_field(box, action.name, action.value) if is_exact else forget(box, *VLAN_FIELDS)
    names = written_fields(action)
    if isinstance(action, act.PushVlan):
        pushed = forget(box, *names, *(() if covers(_UNTAGGED, box) else _NEW_HEADER))
        return intersect(pushed, _TAGGED) or pushed
    if isinstance(action, (act.PopVlan, act.StripVlan)) and box.mask & _ETH_TYPE == _ETH_TYPE:
        eth_type = (box.value & _ETH_TYPE) >> FIELD_SLOTS["eth_type"].shift
        names += _NEW_HEADER if eth_type in (ETH_TYPE_VLAN, ETH_TYPE_SERVICE_VLAN) else ()
    return forget(box, *names)


class TooManyWays(Exception):
    """A list leads to too many groups to look at."""


class Effort:
    """How many buckets may still be looked at for one message, whatever else it is that they are looked at for."""

    __slots__ = ("left",)

    def __init__(self, buckets: int = MAX_BUCKETS_LOOKED_AT) -> None:
        self.left = buckets

    def one_more(self) -> None:
        """Look at one; raises TooManyWays when it is one too many."""
        self.left -= 1
        if self.left < 0:
            raise TooManyWays


def no_groups(_group_id: int) -> Iterable[act.Actions]:
    """Where there are none."""
    return ()


def ways(
    actions: Iterable[act.Action], used_mask: int, buckets: Buckets, effort: Effort
) -> Iterator[tuple[int, act.Actions, bool]]:
    """For each output: its port, the actions before it that rules can see, and whether it is a bucket's.

    What buckets do alike is told once. Raises TooManyWays past MAX_GROUPS_ENTERED or all effort.
    """
    entered: set[tuple[int, act.Actions]] = set()
    told: set[tuple[int, act.Actions]] = set()
    ahead: list[tuple[Iterable[act.Action], act.Actions]] = [(actions, ())]
    in_bucket = False
    while ahead:
        listed, steps = ahead.pop()
        for action in listed:
            if isinstance(action, (act.Output, act.Enqueue)):
                if not in_bucket or (action.port, steps) not in told:
                    yield action.port, steps, in_bucket
                if in_bucket:
                    told.add((action.port, steps))
            elif isinstance(action, act.Group):
                entry = (action.group_id, steps)
                if entry in entered:
                    continue
                entered.add(entry)
                if len(entered) > MAX_GROUPS_ENTERED:
                    raise TooManyWays
                for bucket in buckets(action.group_id):
                    effort.one_more()
                    ahead.append((bucket, steps))
            elif is_visible(written_fields(action), used_mask):
                steps += (action,)
        in_bucket = True


def destinations(
    actions: Iterable[act.Action],
    start: Callable[[], Boxes | None],
    used_mask: int,
    buckets: Buckets = no_groups,
    effort: Effort | None = None,
) -> Iterator[tuple[int, Callable[[], Boxes | None], bool, bool]]:
    """For each output: its port, its packets (None: too many to say), whether they are as they came in, and whether
    the output is a bucket's.
    """
    for port, steps, in_bucket in ways(actions, used_mask, buckets, effort or Effort()):
        yield port, lambda done=steps: _after(start(), done), not steps, in_bucket  # type: ignore[misc]


def _after(boxes: Boxes | None, steps: tuple[act.Action, ...]) -> Boxes | None:
    if boxes is None:
        return None
    for step in steps:
        boxes = tuple(dict.fromkeys(rewritten(box, step) for box in boxes))
    return boxes


def find_leak(
    view: View,
    actions: Collection[act.Action],
    start: Callable[[], Boxes | None],
    *,
    ports: Collection[int],
    came_in: bool,
    buckets: Buckets = no_groups,
    effort: Effort | None = None,
) -> Leak | None:
    """The first output that may not be, or None when the whole list is admitted.

    `start` gives the packets that reach the list; `came_in` says that they are of the slice's effective flowspace,
    as they came in, so that what the view remembers of its ports can answer.
    """
    try:
        found = destinations(actions, start, view.used_mask, buckets, effort)
        return _first_leak(view, found, ports=ports, came_in=came_in)
    except TooManyWays:
        return Leak(codes.ACTION_EPERM, "too-many-groups")


def _first_leak(
    view: View,
    found: Iterable[tuple[int, Callable[[], Boxes | None], bool, bool]],
    *,
    ports: Collection[int],
    came_in: bool,
) -> Leak | None:
    for port, packets, untouched, in_bucket in found:
        if port == CONTROLLER and view.block is not None:
            continue  # the table that it comes from says whose the packet-in is
        if port in (NORMAL, TABLE):
            return Leak(codes.ACTION_BAD_OUT_PORT, "reserved-port")
        if port in (IN_PORT, CONTROLLER):
            as_it_came = untouched and came_in
            leak = None if as_it_came else _leak_at_in_port(view, packets())
            if leak is None and port == IN_PORT:
                leak = _leak_back_over_cables(view, packets, as_it_came=as_it_came)
            if leak is not None:
                return leak
            continue
        is_flood = port in (ALL, FLOOD)
        for out in view.flooded_ports(ports, may_grow=in_bucket) if is_flood else (port,):
            # A group may have been there before one of its ports went; where it is made, its ports are looked at.
            if not is_flood and not ((out in ports or in_bucket) and view.owns_port(out)):
                return Leak(codes.ACTION_BAD_OUT_PORT, "foreign-port")
            if (came_in and untouched and view.port_is_safe(out)) or view.port_is_private(out):
                continue
            boxes = packets()
            foreign = None if boxes is None else view.foreign_part(boxes, out)
            if boxes is None or foreign is not None:
                return Leak(codes.ACTION_EPERM, "foreign-flowspace", foreign)
    return None


def _leak_back_over_cables(
    view: View, packets: Callable[[], Boxes | None], *, as_it_came: bool
) -> Leak | None:
    """What goes back where it came in, over a cable, arrives where it came from."""
    for port in view.cabled_ports:
        if view.port_is_private(port) or (as_it_came and view.port_is_safe(port)):
            continue
        boxes = packets()
        if boxes is None:
            return Leak(codes.ACTION_EPERM, "foreign-flowspace")
        (at_port,) = boxes_of(Match.of(in_port=port))
        coming = (intersect(box, at_port) for box in boxes)
        foreign = view.foreign_part([box for box in coming if box is not None], port)
        if foreign is not None:
            return Leak(codes.ACTION_EPERM, "foreign-flowspace", foreign)
    return None


def _leak_at_in_port(view: View, boxes: Boxes | None) -> Leak | None:
    if view.share is not None:
        return None  # what comes in is the share's whatever it is, and so may go back
    if boxes is None:
        return Leak(codes.ACTION_EPERM, "foreign-flowspace")
    for box in boxes:
        foreign = view.ownership.foreign_part(box, view.slice_name)
        if foreign is not None:
            return Leak(codes.ACTION_EPERM, "foreign-flowspace", foreign)
    return None
