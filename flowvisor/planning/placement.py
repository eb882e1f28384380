"""One virtual port, once it is known where it lies: what it is on each edge, and what the core does for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple, TypeVar

from attrs import Factory, frozen

from flowvisor.network.paths import Route
from flowvisor.openflow.actions import Action, Actions, Group, PopVlan, SetField
from flowvisor.planning.claims import attached
from flowvisor.planning.labels import Label, delivered
from flowvisor.planning.share import Filter, Ingress, LabelEntry, SharePort
from flowvisor.slices.virtual_switch import UNTAGGED, Addresses, Attachment

T = TypeVar("T")

MAX_REMEMBERED: Final = (
    1 << 17
)  # of each kind of entry and port; then what was not asked for longest is forgotten

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


@frozen(eq=False)
class Placed:
    """A virtual port: on each edge its half of the share, and elsewhere the entries that pass its packets on."""

    state: PortState
    ports: Mapping[int, SharePort] = Factory(dict)
    entries: Mapping[int, tuple[LabelEntry, ...]] = Factory(dict)


def differing(mine: Mapping[int, T], old: Mapping[int, T]) -> Iterator[int]:
    """The datapaths at which something is not what it was."""
    for dpid in mine.keys() | old.keys():
        one, other = mine.get(dpid), old.get(dpid)
        if one is not other and one != other:
            yield dpid


NOT_PLACED = Placed(PortState(None, None, is_up=False))


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
) -> Placed:
    """A port that is attached. `reached_by` is None where nothing remote leads to it, `group_id` is its group's.

    For the addresses there that are known it is `answered` wherever it is up and reached.
    """
    place = state.where
    assert place is not None
    if not state.is_up:
        answered = None
    remote = _remote(number, reached_by, copies.are_taken, answered)
    elsewhere = SharePort(number, takes_copies=copies.are_taken)
    ports = {edge: remote.get(edge, elsewhere) for edge in edges}
    if state.anchor is None:  # there is nothing there that it could be attached to
        return Placed(state, ports)
    came_in: tuple[Action, ...] = () if place.vlan is None or place.vlan == UNTAGGED else (PopVlan(),)
    if is_turned:
        came_in += (_FORGET_IN_PORT,)
    delivering: Actions = (Group(group_id),)
    if copies.group_id is not None:
        came_in += (Group(copies.group_id),)
        delivering = (_FORGET_IN_PORT, *delivering)  # a copy may go back to where it came from
    ports[place.end.dpid] = SharePort(
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
    return Placed(state, ports, _entries(reached_by, delivering))


def at_a_links_end(
    number: int, state: PortState, edges: Iterable[int], reached_by: Labelled | None, leads: Labelled | None
) -> Placed:
    """An end of a virtual link, which `leads` to the other one."""
    remote = _remote(number, leads)
    ports = {edge: remote[edge] if edge in remote else SharePort(number) for edge in edges}
    if reached_by is None or state.anchor is None:
        return Placed(state, ports)
    label = reached_by.label
    ports[state.anchor] = SharePort(
        number,
        ingresses=tuple(
            Ingress(label.arrival(step.in_port), (*label.taken_off(), _FORGET_IN_PORT))
            for step in reached_by.route.steps
            if step.out_port is None
        ),
        egress=ports[state.anchor].egress,
        is_turned=True,
    )
    return Placed(state, ports, _entries(reached_by, None))


def _remote(
    number: int,
    labelled: Labelled | None,
    takes_copies: bool = False,
    answered: Addresses | None = None,
) -> Mapping[int, SharePort]:
    """The port where an output to it pushes a label."""
    if labelled is None:
        return {}
    label, exits = labelled.label, labelled.route.exits
    return {edge: _leading(number, label, port, takes_copies, answered) for edge, port in exits.items()}


# Where a label is led another way, most of what is done with it stays what it was: for the same object that costs
# nothing to see. What is not found here any more is only made again.
@lru_cache(maxsize=MAX_REMEMBERED)
def _leading(
    number: int, label: Label, exit_port: int, takes_copies: bool, answered: Addresses | None
) -> SharePort:
    return SharePort(number, egress=label.sent(exit_port), takes_copies=takes_copies, answered=answered)


@lru_cache(maxsize=MAX_REMEMBERED)
def _passing(label: Label, in_port: int, out_port: int) -> LabelEntry:
    return LabelEntry(label.arrival(in_port), label.passed_on(in_port, out_port))


@lru_cache(maxsize=MAX_REMEMBERED)
def _arriving(label: Label, in_port: int, delivering: Actions) -> LabelEntry:
    return LabelEntry(label.arrival(in_port), (*label.taken_off(), *delivering))


def _entries(labelled: Labelled | None, delivering: Actions | None) -> dict[int, tuple[LabelEntry, ...]]:
    """What datapaths do with a label; where it arrives it is `delivering`, if it is not an ingress of the share."""
    found: dict[int, tuple[LabelEntry, ...]] = {}
    if labelled is None:
        return found
    label = labelled.label
    for dpid, in_port, out_port in labelled.route.steps:
        if out_port is not None:
            entry = _passing(label, in_port, out_port)
        elif delivering is not None:
            entry = _arriving(label, in_port, delivering)
        else:
            continue
        found[dpid] = (*found.get(dpid, ()), entry)
    return found
