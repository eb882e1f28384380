"""Embedding: wherever virtual networks lie and whatever fails below, what is sent to a port arrives there, once."""

from __future__ import annotations

from collections import deque
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.network.topology import End, Topology
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.embedding import Embedder
from flowvisor.planning.underlay import KnownDatapath, Underlay
from flowvisor.slices.slice import PortName
from flowvisor.slices.virtual_network import VirtualNetwork
from flowvisor.slices.virtual_switch import Attachment, LinkEnd
from tests.support.examples import examples
from tests.support.slices import udp
from tests.support.virtual import Core, a_network, at

DPIDS = (1, 2, 3, 4)
LINK_PORTS = {(a, b): (4 + a, 4 + b) for a, b in ()}
PACKET = udp()


def port_towards(one: int, other: int) -> str:
    """Each datapath has its links at ports 5 and above, one for each other datapath."""
    return f"{one}/{4 + other}"


@st.composite
def some_networks(draw: st.DrawFn) -> list[VirtualNetwork]:
    """Two tenants with one or two switches each, over host ports of all datapaths, some by VLAN, some mirrored."""
    places = [f"{dpid}/{port}" for dpid in DPIDS for port in (1, 2)]
    places += [f"{dpid}/3@{vlan}" for dpid in DPIDS for vlan in (20, 30, "none")]
    draw(st.randoms(use_true_random=False)).shuffle(places)
    networks = []
    for name in ("blue", "green"):
        switches, mirrors = {}, {}
        for switch in ("big", "lab"):
            count = draw(st.integers(0 if switch == "lab" else 1, 4))
            switches[switch] = {number: places.pop() for number in range(1, count + 1)}
            mirror = draw(st.integers(0, count))
            if mirror:
                copied = draw(st.sets(st.integers(1, count), max_size=2)) - {mirror}
                mirrors.update({f"{switch}/{number}": mirror for number in copied})
        links = ("big/10 lab/10",) if draw(st.booleans()) else ()
        if not switches["lab"] and not links:
            del switches["lab"]
        networks.append(a_network(name, switches, links, mirrors=mirrors))
    return networks


cables = st.lists(st.sampled_from(list(combinations(DPIDS, 2))), unique=True, min_size=2).map(
    lambda pairs: [(port_towards(a, b), port_towards(b, a)) for a, b in pairs]
)


def reachable(core: Core, source: int) -> set[int]:
    """All datapaths to which a cable that works leads, looked at one by one."""
    found, ahead = {source}, deque([source])
    while ahead:
        dpid = ahead.popleft()
        for one, other in core.cables:
            for near, far in ((one, other), (other, one)):
                works = not {near, far} & core.broken and not {near.dpid, far.dpid} & core.gone
                if near.dpid == dpid and works and far.dpid not in found:
                    found.add(far.dpid)
                    ahead.append(far.dpid)
    return found


def as_it_leaves(place: Attachment) -> bytes:
    return udp(vlan=place.vlan) if place.vlan else PACKET


def expected(
    core: Core, edge: int, network: VirtualNetwork, switch: str, number: int
) -> list[tuple[End, bytes]]:
    """Where an output to an attached port is to leave, and where the copy of it is."""
    port = network.logical[switch].ports[number]
    place = port.places[0]
    if place.end.dpid not in reachable(core, edge) or place.end in core.broken:
        return []
    left = [(place.end, as_it_leaves(place)), *copied(core, network, switch, number)]
    return sorted(left)


def copied(core: Core, network: VirtualNetwork, switch: str, number: int) -> list[tuple[End, bytes]]:
    """Where the copy of what passes at an attached port is to leave."""
    port = network.logical[switch].ports[number]
    if port.mirror is None:
        return []
    is_somewhere = core.embedding.ports[PortName(f"{network.name}/{switch}", port.mirror)].anchor is not None
    here = port.places[0].end.dpid
    return expected(core, here, network, switch, port.mirror) if is_somewhere else []


@examples(20)
@given(some_networks(), cables, st.data())
def test_an_output_to_an_attached_port_leaves_there_once_from_any_edge_whatever_fails(
    networks: list[VirtualNetwork], laid: list[tuple[str, str]], data: st.DataObject
) -> None:
    versions = {dpid: data.draw(st.sampled_from((4, 4, 4, 1))) for dpid in DPIDS}
    core = Core(versions, laid, networks)
    for _ in range(3):
        core.put()
        for network in networks:
            for share, switch in network.shares:
                for edge in core.embedding.edges[share]:
                    for port in switch.ports.values():
                        state = core.embedding.ports[PortName(share, port.number)]
                        if port.link is None and state.anchor is not None:
                            left = core.output(edge, share, port.number, PACKET)
                            assert left == expected(core, edge, network, switch.name, port.number)
        fallen = data.draw(st.sampled_from(laid))
        core.broken.add(at(fallen[0]).end)


@examples(16)
@given(some_networks(), cables)
def test_what_is_found_after_a_failure_is_what_would_have_been_found_at_first(
    networks: list[VirtualNetwork], laid: list[tuple[str, str]]
) -> None:
    core, fresh = (Core(dict.fromkeys(DPIDS, 4), laid, networks) for _ in range(2))
    core.put()
    for near, _ in laid:
        core.broken.add(at(near).end)
        fresh.broken.add(at(near).end)
        core.put()
        fresh.embedder = Embedder(fresh.networks, fresh.allocations)
        fresh.put()
        assert core.embedding.ports == fresh.embedding.ports
        for dpid in DPIDS:
            one, other = core.embedding.part(dpid), fresh.embedding.part(dpid)
            assert sorted(one.label_entries, key=repr) == sorted(other.label_entries, key=repr)
            assert {name: dict(share.ports) for name, share in one.shares.items()} == {
                name: dict(share.ports) for name, share in other.shares.items()
            }


def heard(core: Core, network: VirtualNetwork, at_first: LinkEnd) -> list[tuple[End, bytes]]:
    """What is to leave when a packet has come in at a port of a network of hubs."""
    found = []
    ahead = [at_first]
    while ahead:
        came = ahead.pop()
        share = f"{network.name}/{came.switch}"
        edge = core.embedding.ports[PortName(share, came.port)].anchor
        assert edge is not None
        if came.port != 10:
            found += copied(core, network, came.switch, came.port)
        for port in network.logical[came.switch].ports.values():
            if port.number == came.port:
                continue
            if port.link is None:
                found += expected(core, edge, network, came.switch, port.number)
            else:
                far = network.far_end(LinkEnd(came.switch, port.number))
                assert far is not None
                anchor = core.embedding.ports[PortName(f"{network.name}/{far.switch}", far.port)].anchor
                if anchor is not None and leads(core, edge, anchor):
                    ahead.append(far)
    return sorted(found)


def leads(core: Core, edge: int, anchor: int) -> bool:
    """Whether what leaves a datapath for one can come in there by a cable."""
    around = reachable(core, edge)
    return anchor in around if anchor != edge else len(around) > 1


@examples(25)
@given(some_networks(), cables, st.data())
def test_a_flood_reaches_each_port_of_a_network_once_and_no_other_network(
    networks: list[VirtualNetwork], laid: list[tuple[str, str]], data: st.DataObject
) -> None:
    core = Core(dict.fromkeys(DPIDS, 4), laid, networks)
    core.broken.update(at(near).end for near, _ in laid if data.draw(st.booleans()))
    core.put()
    core.flood()
    for network in networks:
        for _, switch in network.shares:
            for port in switch.ports.values():
                if port.link is None:
                    place = port.places[0]
                    left = core.come_in(place.end, as_it_leaves(place))
                    assert left == heard(core, network, LinkEnd(switch.name, port.number))


@examples(25)
@given(some_networks(), cables)
def test_no_two_networks_have_a_label_in_common_and_the_core_has_few_entries(
    networks: list[VirtualNetwork], laid: list[tuple[str, str]]
) -> None:
    core = Core(dict.fromkeys(DPIDS, 4), laid, networks)
    core.put()
    labels = list(core.allocations.labels.values())
    assert len(set(labels)) == len(labels)
    n_ports = sum(len(switch.ports) for network in networks for _, switch in network.shares)
    for dpid in DPIDS:
        assert len(core.embedding.part(dpid).label_entries) <= n_ports * (len(DPIDS) - 1)


def leaves_and_spines(n_leaves: int, *, broken: frozenset[End] = frozenset()) -> Underlay:
    """Each leaf has a link to each of two spines, 91 and 92, by ports 91 and 92."""
    links = [(End(leaf, spine), End(spine, leaf)) for leaf in range(1, n_leaves + 1) for spine in (91, 92)]
    datapaths = [
        KnownDatapath(dpid, 4, 254, {port: End(dpid, port) not in broken for port in range(1, 101)})
        for dpid in (*range(1, n_leaves + 1), 91, 92)
    ]
    return Underlay.of(datapaths, Topology(links))


def test_a_failure_is_new_objects_only_for_what_it_concerns() -> None:
    networks = [
        a_network(name, {"big": {leaf: f"{leaf}/{port}" for leaf in leaves}})
        for port, (name, leaves) in enumerate({"blue": range(1, 9), "green": range(5, 13)}.items(), 1)
    ]
    embedder = Embedder(networks, Allocations().allocate(networks))
    before = embedder.embed(leaves_and_spines(12))
    assert embedder.embed(leaves_and_spines(12)).parts == before.parts
    after = embedder.embed(leaves_and_spines(12, broken=frozenset({End(1, 91)})))
    for dpid in range(1, 9):
        was, now = before.part(dpid).shares["blue/big"], after.part(dpid).shares["blue/big"]
        moved = [number for number, port in now.ports.items() if port is not was.ports[number]]
        assert len(moved) <= 7 if dpid == 1 else moved in ([], [1])
    for dpid in range(9, 13):
        assert after.part(dpid) is before.part(dpid)
    assert all(state.is_up and not state.reason for state in after.ports.values())


def test_another_dpid_or_another_block_is_another_share() -> None:
    networks = [a_network("blue", {"big": {1: "1/1", 2: "2/1"}})]
    embedder = Embedder(networks, Allocations().allocate(networks))
    before = embedder.embed(leaves_and_spines(2))
    networks = [a_network("blue", {"big": {1: "1/1", 2: "2/1"}}, tables=5)]
    embedder.networks, embedder.allocations = networks, Allocations().allocate(networks)
    after = embedder.embed(leaves_and_spines(2))
    assert before.part(1).shares["blue/big"].block.size == 2
    assert after.part(1).shares["blue/big"].block.size == 5
