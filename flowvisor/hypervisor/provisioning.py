"""Datapaths are brought to the state that the admin wants, and it is told where that cannot be."""

from __future__ import annotations

from collections.abc import Iterator

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import Datapath
from flowvisor.hypervisor.requests import send_own
from flowvisor.network.wanted_datapath import WantedDatapath
from flowvisor.openflow.messages import PortMod
from flowvisor.openflow.ports import PORT_DOWN


def provision(datapath: Datapath, effects: Effects) -> None:
    """Bring every port to its wanted state; what cannot be is told."""
    for number in sorted(datapath.wanted.ports):
        provision_port(datapath, number, effects)
    for fault in faults_of(datapath):
        effects.note("warning", "datapath_not_as_wanted", dpid=datapath.dpid, what=fault)


def reprovision(datapath: Datapath, wanted: WantedDatapath, effects: Effects) -> None:
    """Something else may be wanted now; of a datapath that is not ready it counts when it is."""
    if wanted != datapath.wanted:
        datapath.wanted = wanted
        if datapath.is_ready:
            provision(datapath, effects)


def provision_port(datapath: Datapath, number: int, effects: Effects) -> None:
    """Bring a port that is there to its wanted state, if one is wanted.

    The datapath answers with PORT_STATUS, so that what is known of the port is what it says itself.
    """
    port, is_up = datapath.ports.get(number), datapath.wanted.ports.get(number)
    if port is None or is_up is None or is_up != bool(port.config & PORT_DOWN):
        return
    wanted = PortMod(port=number, hw_addr=port.hw_addr, config=0 if is_up else PORT_DOWN, mask=PORT_DOWN)
    send_own(datapath, wanted, f"port {number} {'up' if is_up else 'down'}", effects)
    effects.note("info", "port_provisioned", dpid=datapath.dpid, port=number, up=is_up)


def faults_of(datapath: Datapath) -> Iterator[str]:
    """What of a datapath is not as it is wanted, in words; a port that is on its way there is one of them."""
    for number, is_up in sorted(datapath.wanted.ports.items()):
        port = datapath.ports.get(number)
        if port is None:
            yield f"there is no port {number}"
        elif is_up == bool(port.config & PORT_DOWN):
            yield f"port {number} is not {'up' if is_up else 'down'}"
