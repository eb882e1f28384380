"""Where the virtual networks of some files lie, on what is known of datapaths and links at one moment."""

from __future__ import annotations

from collections.abc import Iterator

from flowvisor.configuration.snapshot import Configuration
from flowvisor.network.topology import End, Topology
from flowvisor.planning.ahead import Ahead, Facts
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.embedding import NO_EMBEDDING, Embedder, Embedding
from flowvisor.planning.plan import has_tables
from flowvisor.planning.underlay import KnownDatapath, Underlay


def embedded(ahead: Ahead, files: Configuration, allocations: Allocations) -> Embedding:
    """Where they lie; a datapath of whose ports nobody has been asked has those that the files name, and all are up."""
    if not files.virtual_networks:
        return NO_EMBEDDING
    ports: dict[int, set[int]] = {}
    for end in _named(ahead, files):
        ports.setdefault(end.dpid, set()).add(end.port)
    known = [
        KnownDatapath(
            dpid,
            facts.version,
            _n_tables(files, allocations, dpid, facts),
            dict.fromkeys(ports.get(dpid, ()) if facts.ports is None else facts.ports, True),
        )
        for dpid, facts in ahead.datapaths.items()
        if not facts.stands_for_others
    ]
    settings = files.settings
    underlay = Underlay.of(known, _topology(ahead), settings.capacities, settings.tunnel_ports)
    return Embedder(files.virtual_networks, allocations, files.acls).embed(underlay)


def _named(ahead: Ahead, files: Configuration) -> Iterator[End]:
    for near, _ in ahead.links:
        yield near
    for network in files.virtual_networks:
        for _, switch in network.shares:
            for port in switch.ports.values():
                yield from (place.end for place in port.places)


def _topology(ahead: Ahead) -> Topology:
    topology = Topology()
    for near, far in ahead.links:
        topology.add(near, far)
    return topology


def _n_tables(files: Configuration, allocations: Allocations, dpid: int, facts: Facts) -> int:
    """How many of its tables shares may have: none where slices' matches are intersected."""
    version, n_tables = facts.version, facts.n_tables
    fits = has_tables(files.flowspace_slices, allocations, dpid=dpid, version=version, n_tables=n_tables)
    return n_tables if fits else 0
