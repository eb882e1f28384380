"""One virtual port, once it is known where it lies: what it is on each edge, and what the core does for it.

Strategy: where a label is led another way, most of what is done with it stays what it was. So it is looked at what the
port was `before`, and of that the same objects are taken wherever they still hold: which costs nothing to see.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, TypeVar

from attrs import Factory, frozen

from flowvisor.network.paths import Route, Step
from flowvisor.openflow.actions import Action, Actions, Group, PopVlan, SetField
from flowvisor.planning.claims import attached
from flowvisor.planning.labels import Label, delivered
from flowvisor.planning.share import Filter, Ingress, LabelEntries, LabelEntry, SharePort
from flowvisor.slices.virtual_switch import UNTAGGED, Addresses, Attachment

K = TypeVar("K")
T = TypeVar("T")

_NO_ENTRIES: Final[LabelEntries] = {}
_FORGET_IN_PORT = SetField("in_port", 0)  # so that a packet may go out where it came in


@frozen
class PortState:
    """Whether a virtual port is up, and in words why it is not.

    `anchor` is the datapath where its packets come in: the one that it is attached to at `where`, or for a link's end
    the one that its link was led to. From the edges `unreached` nothing gets to it, though it may be up.
    """

    where: Attachment | None
    anchor: int | None
    is_up: bool
    reason: str = ""
    unreached: tuple[int, ...] = ()


class Labelled(NamedTuple):
    """A label, and how it gets to its port."""

    label: Label
    route: Route


class Copies(NamedTuple):
    """The port that a port's packets are copied to and the group that does it, and whether others' are to this one."""

    port: int | None
    group_id: int | None
    are_taken: bool


NO_COPIES: Final = Copies(None, None, are_taken=False)


class _Remote(NamedTuple):
    """A port where it does not lie, and what made it that."""

    made_of: object
    exits: Mapping[int, int]
    ports: Mapping[int, SharePort]


class _Here(NamedTuple):
    """A port where it lies, and what made it that."""

    made_of: object
    port: SharePort


class _Passed(NamedTuple):
    """What the core does with a label, and what made it do that."""

    made_of: object
    steps: Mapping[int, Step]
    entries: Mapping[int, LabelEntries]


NO_REMOTE: Final = _Remote(None, {}, {})
NOT_HERE: Final = _Here(None, SharePort(0))
NOT_PASSED: Final = _Passed(None, {}, {})


@frozen(eq=False)
class Placed:
    """A virtual port: on each edge its half of the share, and elsewhere the entries that pass its packets on."""

    state: PortState
    ports: Mapping[int, SharePort] = Factory(dict)
    remote: _Remote = NO_REMOTE
    here: _Here = NOT_HERE
    passed: _Passed = NOT_PASSED

    @property
    def entries(self) -> Mapping[int, LabelEntries]:
        """What datapaths do with its label, by the ports that it comes in by."""
        return self.passed.entries


NOT_PLACED: Final = Placed(PortState(None, None, is_up=False))


def differing(old: Mapping[K, T], new: Mapping[K, T]) -> list[K]:
    """Of what there is something other than there was, or nothing; most of both are the same objects."""
    if old is new:
        return []
    others = [
        key
        for key, one, was in zip(new, new.values(), map(old.get, new), strict=True)
        if one is not was and one != was
    ]
    if not old.keys() <= new.keys():
        others += [key for key in old if key not in new]
    return others


def at_a_place(
    number: int,
    state: PortState,
    edges: Iterable[int],
    reached_by: Labelled | None,
    *,
    group_id: int,
    is_turned: bool,
    filters: tuple[Filter, ...] = (),
    copies: Copies = NO_COPIES,
    answered: Addresses | None = None,
    before: Placed = NOT_PLACED,
) -> Placed:
    """A port that is attached. `reached_by` is None where nothing remote leads to it, `group_id` is its group's.

    For the addresses there that are known it is `answered` wherever it is up and reached.
    """
    place = state.where
    assert place is not None
    if not state.is_up:
        answered = None
    remote = _remote(number, reached_by, before.remote, copies.are_taken, answered)
    elsewhere = SharePort(number, takes_copies=copies.are_taken)
    ports = {**dict.fromkeys(edges, elsewhere), **remote.ports}
    if state.anchor is None:  # there is nothing there that it could be attached to
        return Placed(state, ports, remote)
    here, made_of = before.here, (place, is_turned, filters, copies, answered)
    if here.made_of != made_of:
        here = _Here(made_of, _attached_port(number, *made_of))
    ports[place.end.dpid] = here.port
    delivering: Actions = (Group(group_id),)
    if copies.group_id is not None:
        delivering = (_FORGET_IN_PORT, *delivering)  # a copy may go back to where it came from
    return Placed(state, ports, remote, here, _passed(reached_by, delivering, before.passed))


def _attached_port(
    number: int,
    place: Attachment,
    is_turned: bool,
    filters: tuple[Filter, ...],
    copies: Copies,
    answered: Addresses | None,
) -> SharePort:
    came_in: tuple[Action, ...] = () if place.vlan is None or place.vlan == UNTAGGED else (PopVlan(),)
    if is_turned:
        came_in += (_FORGET_IN_PORT,)
    if copies.group_id is not None:
        came_in += (Group(copies.group_id),)
    return SharePort(
        number,
        ingresses=(Ingress(attached(place), came_in),),
        egress=delivered(place),
        physical=place.end.port,
        is_turned=is_turned,
        filters=filters,
        copied_to=copies.port,
        takes_copies=copies.are_taken,
        answered=answered,
    )


def at_a_links_end(
    number: int,
    state: PortState,
    edges: Iterable[int],
    reached_by: Labelled | None,
    leads: Labelled | None,
    before: Placed = NOT_PLACED,
) -> Placed:
    """An end of a virtual link, which `leads` to the other one."""
    remote = _remote(number, leads, before.remote)
    elsewhere = SharePort(number)
    ports = {**dict.fromkeys(edges, elsewhere), **remote.ports}
    if reached_by is None or state.anchor is None:
        return Placed(state, ports, remote)
    label = reached_by.label
    ports[state.anchor] = SharePort(
        number,
        ingresses=tuple(
            Ingress(label.arrival(in_port), (*label.taken_off(), _FORGET_IN_PORT))
            for step in reached_by.route.steps.values()
            if step.out_port is None
            for in_port in sorted(step.in_ports)
        ),
        egress=ports[state.anchor].egress,
        is_turned=True,
    )
    return Placed(state, ports, remote, passed=_passed(reached_by, None, before.passed))


def _remote(
    number: int,
    labelled: Labelled | None,
    before: _Remote,
    takes_copies: bool = False,
    answered: Addresses | None = None,
) -> _Remote:
    """The port where an output to it pushes a label."""
    if labelled is None:
        return NO_REMOTE
    label, exits = labelled.label, labelled.route.exits
    made_of = (label, takes_copies, answered)
    known = before if before.made_of == made_of else NO_REMOTE
    ports = dict(known.ports)
    by_exit: dict[
        int, SharePort
    ] = {}  # on all edges that it leaves by a port of the same number it is one object
    for edge in differing(known.exits, exits):
        ports.pop(edge, None)
        port = exits.get(edge)
        if port is not None:
            if port not in by_exit:
                egress = label.sent(port)
                by_exit[port] = SharePort(number, egress=egress, takes_copies=takes_copies, answered=answered)
            ports[edge] = by_exit[port]
    return _Remote(made_of, exits, ports)


def _passed(labelled: Labelled | None, delivering: Actions | None, before: _Passed) -> _Passed:
    """What datapaths do with a label; where it arrives it is `delivering`, if it is not an ingress of the share."""
    if labelled is None:
        return NOT_PASSED
    label, steps = labelled.label, labelled.route.steps
    made_of = (label, delivering)
    known = before if before.made_of == made_of else NOT_PASSED
    entries = dict(known.entries)
    for dpid in differing(known.steps, steps):
        old = entries.pop(dpid, _NO_ENTRIES)
        was, step = known.steps.get(dpid), steps.get(dpid)
        if step is None or (step.out_port is None and delivering is None):
            continue
        if was is None or was.out_port != step.out_port:
            old = _NO_ENTRIES
        entries[dpid] = _entries(label, step, delivering or (), old)
    return _Passed(made_of, steps, entries)


def _entries(label: Label, step: Step, delivering: Actions, known: LabelEntries) -> LabelEntries:
    """What a datapath does with a label, by the ports that it comes in by; of some that is known."""
    if step.out_port is None:
        actions = back = (*label.taken_off(), *delivering)
    else:
        actions, back = label.passed_on(step.out_port), label.passed_back()
    return {
        in_port: known.get(in_port)
        or LabelEntry(label.arrival(in_port), back if in_port == step.out_port else actions)
        for in_port in step.in_ports
    }
