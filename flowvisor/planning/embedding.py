"""Where virtual networks lie: for each virtual port whether it is up, and what each datapath does for it.

Strategy: an output to a port that is elsewhere pushes the port's label, and a label is routed by where it leads, from
all datapaths on which its senders lie. What was found for a port is kept with the links that its route uses, so that
when one of them fails only what it carried is routed again (`Paths` gives everything else the same way as before).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple, TypeVar

from attrs import Factory, define, field, frozen

from flowvisor.network.paths import Hop
from flowvisor.network.topology import End
from flowvisor.planning.acl_groups import Groups
from flowvisor.planning.allocation import Allocations, TableBlock
from flowvisor.planning.claims import attached
from flowvisor.planning.placement import (
    NO_COPIES,
    NOT_PLACED,
    Copies,
    Labelled,
    Placed,
    PortState,
    at_a_links_end,
    at_a_place,
    differing,
)
from flowvisor.planning.port_filters import filters_of
from flowvisor.planning.routing import Routing
from flowvisor.planning.share import (
    NO_PART,
    Filter,
    LabelEntries,
    Part,
    Share,
    SharePort,
    Watch,
    copy_group,
    port_group,
)
from flowvisor.planning.underlay import FIRST_EDGE_VERSION, Underlay
from flowvisor.policies.acl import Acl
from flowvisor.slices.slice import PortName
from flowvisor.slices.virtual_network import VirtualNetwork, share_name
from flowvisor.slices.virtual_switch import UNTAGGED, Attachment, LinkEnd, LogicalSwitch, VirtualPort

K = TypeVar("K")
V = TypeVar("V")

# Why a port is down.
NOT_CONNECTED: Final = "its datapath is not connected"
TOO_OLD: Final = "its datapath speaks OpenFlow 1.0, and has no tables for virtual switches"
TOO_FEW_TABLES: Final = "its datapath has too few tables"
NO_SUCH_PORT: Final = "its datapath has no such port"
LINKED: Final = "the port leads to another datapath"
PORT_IS_DOWN: Final = "the port is down"
NOWHERE: Final = "its switch, or that at the other end of the link, lies on no datapath that is connected"
NO_PATH: Final = "there is no path"
# Why some packets do not come to one that is up.
UNREACHED: Final = "there is no path from everywhere"
NO_LABEL: Final = "no label is left for it"


@frozen(eq=False)
class Embedding:
    """Where everything lies: for each share the datapaths that are its switch's edges, and what each datapath does."""

    ports: Mapping[PortName, PortState] = Factory(dict)
    edges: Mapping[str, tuple[int, ...]] = Factory(dict)
    parts: Mapping[int, Part] = Factory(dict)

    def part(self, dpid: int) -> Part:
        """What a datapath does for virtual networks."""
        return self.parts.get(dpid, NO_PART)


NO_EMBEDDING: Final = Embedding()


class _Switch(NamedTuple):
    """A virtual switch, with what was decided of it."""

    network: VirtualNetwork
    share: str
    logical: LogicalSwitch
    block: TableBlock
    edges: tuple[int, ...]
    others: dict[int | None, tuple[int, ...]]  # its edges but for one, as far as anybody has asked

    def edges_but(self, dpid: int | None) -> tuple[int, ...]:
        """All edges but this one."""
        found = self.others.get(dpid)
        if found is None:
            found = self.others[dpid] = tuple(edge for edge in self.edges if edge != dpid)
        return found


@define(eq=False)
class Embedder:
    """Virtual networks and what they were allotted, with where they were last.

    `embed` gives parts that are the same objects as before where nothing is different.
    """

    networks: Sequence[VirtualNetwork]
    allocations: Allocations
    acls: Mapping[str, Acl] = Factory(dict)  # by the names of those that have one
    _filters: dict[PortName, tuple[VirtualPort, Acl | None, Groups, tuple[Filter, ...]]] = field(
        factory=dict, init=False
    )
    _routing: Routing = field(init=False)
    _placed: dict[PortName, tuple[object, Placed]] = field(factory=dict, init=False)
    _last: Embedding = field(default=NO_EMBEDDING, init=False)
    _known: dict[str, _Switch] = field(factory=dict, init=False)
    _ports: dict[tuple[int, str], dict[int, SharePort]] = field(
        factory=dict, init=False
    )  # by datapath and share
    _entries: dict[int, dict[PortName, LabelEntries]] = field(factory=dict, init=False)

    def __attrs_post_init__(self) -> None:
        self._routing = Routing(self.allocations.labels)

    @property
    def hops(self) -> set[Hop]:
        """The links that something goes by."""
        return self._routing.hops

    def embed(self, underlay: Underlay, moved: Mapping[PortName, Attachment] | None = None) -> Embedding:
        """Where everything lies on what there is now. Of `moved` ports it is known where they are, if that is one of
        their places.
        """
        self._routing.put_links(underlay)
        switches = self._switches(underlay)
        positions = _positions(switches, moved or {})
        before, self._placed = self._placed, {}
        for one in switches.values():
            for port in one.logical.ports.values():
                name = PortName(one.share, port.number)
                if port.link is None:
                    key, place = self._attach(one, name, positions, underlay)
                else:
                    key, place = self._link(one, name, switches)
                known = before.get(name)
                was = NOT_PLACED if known is None else known[1]
                self._placed[name] = known if known is not None and known[0] == key else (key, place(was))
        self._last = self._embedding(switches, before, underlay, positions)
        return self._last

    def _switches(self, underlay: Underlay) -> dict[str, _Switch]:
        found: dict[str, _Switch] = {}
        for network in self.networks:
            for share, logical in network.shares:
                block = self.allocations.blocks[share]
                edges = tuple(sorted(d for d in logical.datapaths if _may_be_edge(d, block, underlay)))
                tenants = TableBlock(block.first + network.answer_tables, network.tables)
                found[share] = _Switch(network, share, logical, tenants, edges, {})
        # A switch that has nothing but links lies where one of its neighbours does.
        for share, one in list(found.items()):
            if not one.logical.datapaths:
                block = self.allocations.blocks[share]
                beside = [edge for other in _neighbours(one) for edge in found[other].edges]
                able = [d for d in (beside or underlay.datapaths) if _may_be_edge(d, block, underlay)]
                found[share] = one._replace(edges=tuple(sorted(able)[:1]), others={})
        return found

    def _attach(
        self, one: _Switch, name: PortName, positions: _Positions, underlay: Underlay
    ) -> tuple[object, Callable[[Placed], Placed]]:
        """What there is to know of an attached port, and what then makes of it what it is."""
        where = positions.where[name]
        reason = _fault_of(where, one, underlay)
        anchor = where.end.dpid if reason in ("", PORT_IS_DOWN) else None
        is_up = not reason
        reached_by: Labelled | None = None
        unreached: tuple[int, ...] = ()
        others = one.edges_but(anchor)
        if anchor is not None and others:
            reached_by = self._routing.to_port(name, others, anchor, in_tunnels=one.network.is_tunnelled)
            unreached = others if reached_by is None else reached_by.route.unreached
            reason = reason or (NO_LABEL if reached_by is None else UNREACHED if unreached else "")
        state = PortState(where, anchor, is_up, reason, unreached)
        copies = _copies(one, name.number)
        is_turned = (
            where.vlan == UNTAGGED
            or (where.vlan is not None and positions.at_end[one.share, where.end] > 1)
            or copies.are_taken
        )
        group_id = port_group(one.block, name.number)
        filters = self._filters_of(name, one)
        answered = one.logical.known_addresses.get(name.number) if one.network.answers_arp else None
        known = (state, one.edges, reached_by, group_id, is_turned, filters, copies, answered)
        return known, lambda before: at_a_place(
            name.number,
            state,
            one.edges,
            reached_by,
            group_id=group_id,
            is_turned=is_turned,
            filters=filters,
            copies=copies,
            answered=answered,
            before=before,
        )

    def _filters_of(self, name: PortName, one: _Switch) -> tuple[Filter, ...]:
        port, acl, groups = (
            one.logical.ports[name.number],
            self.acls.get(one.network.name),
            one.network.groups,
        )
        if port.addresses is None and acl is None:
            return ()
        known = self._filters.get(name)
        if known is None or known[0] is not port or known[1] is not acl or known[2] is not groups:
            filters = filters_of(port, acl, one.logical.name, groups)
            known = self._filters[name] = (port, acl, groups, filters)
        return known[3]

    def _link(
        self, one: _Switch, name: PortName, switches: Mapping[str, _Switch]
    ) -> tuple[object, Callable[[Placed], Placed]]:
        """Likewise of an end of a link."""
        far = one.network.far_end(LinkEnd(one.logical.name, name.number))
        assert far is not None
        far_name = PortName(share_name(one.network.name, far.switch), far.port)
        other = switches[far_name.share]
        reached_by: Labelled | None = None
        leads: Labelled | None = None
        anchor: int | None = None
        reason = NOWHERE
        if one.edges and other.edges:
            routing, in_tunnels = self._routing, one.network.is_tunnelled
            anchor = routing.anchor(other.edges, one.edges, in_tunnels=in_tunnels)
            far_anchor = routing.anchor(one.edges, other.edges, in_tunnels=in_tunnels)
            reached_by = routing.to_port(name, other.edges, anchor, in_tunnels=in_tunnels)
            leads = routing.to_port(far_name, one.edges, far_anchor, in_tunnels=in_tunnels)
            reason = "" if reached_by is not None and leads is not None else NO_LABEL
            if not reason and not (_reaches(far_anchor, reached_by) and _reaches(anchor, leads)):
                reason = NO_PATH
        unreached = () if reached_by is None else reached_by.route.unreached
        is_up = not reason
        state = PortState(None, anchor, is_up, reason or (UNREACHED if unreached else ""), unreached)
        return (state, one.edges, reached_by, leads), lambda before: at_a_links_end(
            name.number, state, one.edges, reached_by, leads, before
        )

    def _embedding(
        self,
        switches: dict[str, _Switch],
        before: Mapping[PortName, tuple[object, Placed]],
        underlay: Underlay,
        positions: _Positions,
    ) -> Embedding:
        touched = self._take_in(before)
        for share, one in switches.items():
            if self._known.get(share, one)[2:4] != one[2:4]:  # another dpid, or other tables
                touched.shares.update((dpid, share) for dpid in one.edges)
        self._known = switches
        watches = _watches(switches, positions)
        parts = {dpid: self._part(dpid, touched, watches.get(dpid, ())) for dpid in underlay.datapaths}
        states = {name: placed.state for name, (_, placed) in self._placed.items()}
        return Embedding(states, {share: one.edges for share, one in switches.items()}, parts)

    def _take_in(self, before: Mapping[PortName, tuple[object, Placed]]) -> _Touched:
        """Bring up to date what is on each datapath; give where something is different."""
        touched = _Touched(set(), set())
        nothing = (None, NOT_PLACED)
        for name in dict.fromkeys((*self._placed, *before)):
            placed, old = self._placed.get(name, nothing)[1], before.get(name, nothing)[1]
            if placed is old:
                continue
            for dpid in differing(old.ports, placed.ports):
                touched.shares.add((dpid, name.share))
                _put(self._ports.setdefault((dpid, name.share), {}), name.number, placed.ports.get(dpid))
            for dpid in differing(old.entries, placed.entries):
                touched.entries.add(dpid)
                _put(self._entries.setdefault(dpid, {}), name, placed.entries.get(dpid))
        return touched

    def _part(self, dpid: int, touched: _Touched, watches: tuple[Watch, ...]) -> Part:
        """What a datapath does; the same object as before if that is what it did then."""
        part = self._last.part(dpid)
        names = [share for at, share in touched.shares if at == dpid]
        if not names and dpid not in touched.entries and part.watches == watches:
            return part
        shares = {name: share for name, share in part.shares.items() if name not in names}
        for name in sorted(names):
            ports, known = self._ports[dpid, name], part.shares.get(name)
            if ports:
                one = self._known[name]
                if known is not None and known.ports.keys() == ports.keys():
                    in_order = {**known.ports, **ports}
                else:
                    in_order = dict(sorted(ports.items()))
                shares[name] = Share(
                    name,
                    one.logical.dpid,
                    one.block,
                    in_order,
                    has_answer_table=one.network.answers_arp,
                )
        labels = dict(self._entries[dpid]) if dpid in touched.entries else part.labels
        return Part(shares, labels, watches)


class _Touched(NamedTuple):
    """Where something is different: of shares, and of labels that pass."""

    shares: set[tuple[int, str]]
    entries: set[int]


def _put(where: dict[K, V], key: K, value: V | None) -> None:
    if value is None:
        where.pop(key, None)
    else:
        where[key] = value


class _Positions(NamedTuple):
    """Where each attached port lies, and how many of one share's lie at one physical port."""

    where: dict[PortName, Attachment]
    at_end: Counter[tuple[str, End]]


def _positions(switches: Mapping[str, _Switch], moved: Mapping[PortName, Attachment]) -> _Positions:
    where: dict[PortName, Attachment] = {}
    for one in switches.values():
        for port in one.logical.ports.values():
            name = PortName(one.share, port.number)
            if port.places:
                place = moved.get(name)
                where[name] = place if place in port.places and place is not None else port.places[0]
    return _Positions(where, Counter((name.share, place.end) for name, place in where.items()))


def _copies(one: _Switch, number: int) -> Copies:
    mirror = one.logical.ports[number].mirror
    if mirror is None and number not in one.logical.mirrors:
        return NO_COPIES
    group_id = None if mirror is None else copy_group(one.block, mirror)
    return Copies(mirror, group_id, are_taken=number in one.logical.mirrors)


def _reaches(source: int, labelled: Labelled | None) -> bool:
    return labelled is not None and source in labelled.route.exits


def _may_be_edge(dpid: int, block: TableBlock, underlay: Underlay) -> bool:
    datapath = underlay.datapaths.get(dpid)
    return datapath is not None and datapath.version >= FIRST_EDGE_VERSION and block.end <= datapath.n_tables


def _neighbours(one: _Switch) -> Iterator[str]:
    """The shares of the switches that a switch has links to."""
    for port in one.logical.ports.values():
        far = one.network.far_end(LinkEnd(one.logical.name, port.number))
        if far is not None:
            yield share_name(one.network.name, far.switch)


def _fault_of(place: Attachment, one: _Switch, underlay: Underlay) -> str:
    """What is wrong with a place, or nothing."""
    datapath = underlay.datapaths.get(place.end.dpid)
    if datapath is None:
        return NOT_CONNECTED
    if datapath.version < FIRST_EDGE_VERSION:
        return TOO_OLD
    if place.end.dpid not in one.edges:
        return TOO_FEW_TABLES
    if place.end.port not in datapath.ports:
        return NO_SUCH_PORT
    if underlay.is_linked(place.end):
        return LINKED
    return "" if datapath.ports[place.end.port] else PORT_IS_DOWN


def _watches(switches: Mapping[str, _Switch], positions: _Positions) -> dict[int, tuple[Watch, ...]]:
    """By datapath, where it would be seen that ports have moved."""
    found: dict[int, tuple[Watch, ...]] = {}
    for one in switches.values():
        for port in one.logical.ports.values():
            if port.follows is None:
                continue
            name = PortName(one.share, port.number)
            for place in port.places:
                dpid = place.end.dpid
                if place != positions.where[name] and dpid in one.edges:
                    match = attached(place).having(eth_src=port.follows)
                    found[dpid] = (*found.get(dpid, ()), Watch(match, name, place))
    return found
