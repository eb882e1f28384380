"""Metrics of virtual networks: which ports are up, what the others wait for, and what it took to keep them so."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from prometheus_client.metrics_core import Metric

from flowvisor.admin.families import counter, gauge
from flowvisor.hypervisor.hypervisor import Hypervisor
from flowvisor.slices.virtual_network import slice_of_share


def network_metrics(hypervisor: Hypervisor) -> Iterator[Metric]:
    """All families, as things are now. Reasons are a closed set, see `planning/embedding`."""
    networks = hypervisor.networks
    names = {share: (slice_of_share(share), logical.name) for share, logical in networks.logical.items()}
    up: Counter[tuple[str, str]] = Counter(dict.fromkeys(names.values(), 0))
    waiting: Counter[tuple[str, str, str]] = Counter()
    for port, state in networks.embedding.ports.items():
        up[names[port.share]] += state.is_up
        if state.reason:
            slice_name, switch = names[port.share]
            waiting[slice_name, switch, state.reason] += 1
    yield gauge("virtual_ports_up", "Ports of the virtual switch that are up.", "slice switch", up.items())
    yield gauge(
        "virtual_ports_waiting",
        "Ports of the virtual switch that are down, or not reached from everywhere, by what is missing.",
        "slice switch reason",
        waiting.items(),
    )
    labels = Counter(slice_of_share(port.share) for port in hypervisor.allocations.labels)
    yield gauge(
        "virtual_network_labels",
        "Labels by which the slice's packets cross the core.",
        "slice",
        (((name,), count) for name, count in labels.items()),
    )
    yield counter(
        "arp_answers",
        "Questions who has an address, by ARP or neighbour discovery, that were answered for whoever has it.",
        "slice",
        (((name,), count) for name, count in networks.answers.given.items()),
    )
    if not networks.are_there:
        return
    yield gauge(
        "seen_addresses",
        "Addresses of which it was seen at which port of the virtual switch they are.",
        "slice switch",
        ((name, networks.answers.seen.count(share)) for share, name in names.items()),
    )
    for name, documentation, value in (
        ("embeddings", "How often it was looked where virtual networks lie.", networks.rounds),
        ("embedding_messages", "Entries and groups that changed where they lie.", networks.changes),
        ("virtual_port_moves", "How often ports have followed an address.", networks.moves.count),
    ):
        yield counter(name, documentation, "", [((), value)])
