"""A large virtual switch on leaves and spines, set up as far as where it lies is concerned, and links that fail."""

from __future__ import annotations

from time import process_time

from attrs import evolve

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.hypervisor import Hypervisor
from flowvisor.hypervisor.reembedding import reembed
from flowvisor.network.discovery import KEY_BYTES, Discovery
from flowvisor.network.topology import End
from flowvisor.openflow import v13
from flowvisor.openflow.messages import PORT_MODIFY, FeaturesReply, PortStatus
from flowvisor.openflow.ports import LINK_DOWN, Port
from flowvisor.planning.allocation import Allocations
from tests.support.undisturbed import undisturbed
from tests.support.virtual import a_network
from tests.support.world import configuration


def leaves_and_spines(edges: int, cores: int, ports: int) -> Hypervisor:
    """A virtual switch with this many ports, at edges of which each has a link to each datapath of the core.

    Datapaths have been set up as far as anybody here looks.
    """
    places = {n: f"{(n - 1) % edges + 1}/{(n - 1) // edges + 1}" for n in range(1, ports + 1)}
    written = configuration(a_network("blue", {"big": places}))
    dpids = {edge: [*range(1, ports // edges + 2), *range(101, 101 + cores)] for edge in range(1, edges + 1)}
    links = tuple(
        (End(edge, 100 + core), End(200 + core, edge)) for edge in dpids for core in range(1, cores + 1)
    )
    written = evolve(written, settings=evolve(written.settings, links=links))
    discovery = Discovery(key=bytes(KEY_BYTES), random=lambda: 0.5)
    hypervisor = Hypervisor(written, Allocations(), {}, discovery)
    dpids |= {200 + core: list(range(1, edges + 1)) for core in range(1, cores + 1)}
    for dpid, numbers in dpids.items():
        datapath, _ = hypervisor.datapath_joined(4, FeaturesReply(dpid=dpid, n_tables=254), 0.0)
        datapath.ports = {number: Port(number) for number in numbers}
        datapath.knows_ports = datapath.has_flood_groups = True
    reembed(hypervisor.networks, hypervisor.fabric, hypervisor._make_switch, Effects(1.0))
    return hypervisor


def seconds_to_go_round(hypervisor: Hypervisor, end: End) -> float:
    """From the PORT_STATUS that a link is down to all that is sent for it, in time of the processor."""
    with undisturbed():
        began = process_time()
        go_round(hypervisor, end)
        return process_time() - began


def go_round(hypervisor: Hypervisor, end: End) -> None:
    """Tell that a link is down, and let everything be sent for that."""
    datapath = hypervisor.datapaths[end.dpid]
    down = PortStatus(reason=PORT_MODIFY, port=evolve(datapath.ports[end.port], state=LINK_DOWN))
    assert hypervisor.from_datapath(datapath, [v13.encode(down)], 10.0).frames
