"""Datapaths are brought to the state that the admin wants, and it is told where that cannot be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import Datapath
from flowvisor.hypervisor.requests import send_own
from flowvisor.network.wanted_datapath import BaseEntry, WantedDatapath
from flowvisor.openflow.messages import ADD, FlowMod, Message, PortMod
from flowvisor.openflow.ports import PORT_DOWN
from flowvisor.planning.base_entries import can_be_said, matches_of
from flowvisor.planning.entries import BASE_PRIORITY

OWN_ENTRY: Final = "own entry"


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


def what_it_is(datapath: Datapath, message: Message) -> str:
    """What a message of the hypervisor's own brings, for the operator: which of the admin's entries, if one."""
    if isinstance(message, FlowMod) and message.command == ADD and message.priority == BASE_PRIORITY:
        for entry in datapath.plan.base:
            if message.match in matches_of(entry):
                return _name_of(entry)
    return OWN_ENTRY


def refused(datapath: Datapath, what: object, error: tuple[int, int]) -> None:
    """The datapath refuses what was sent for it to be as it is wanted."""
    if isinstance(what, str) and any(what == _name_of(entry) for entry in datapath.plan.base):
        datapath.refused_entries[what] = error


def _name_of(entry: BaseEntry) -> str:
    return f"the entry of {entry.place}"


def faults_of(datapath: Datapath) -> Iterator[str]:
    """What of a datapath is not as it is wanted, in words; a port that is on its way there is one of them."""
    for number, is_up in sorted(datapath.wanted.ports.items()):
        port = datapath.ports.get(number)
        if port is None:
            yield f"there is no port {number}"
        elif is_up == bool(port.config & PORT_DOWN):
            yield f"port {number} is not {'up' if is_up else 'down'}"
    for entry in datapath.wanted.entries:
        error = datapath.refused_entries.get(_name_of(entry))
        if not can_be_said(entry, datapath.version):
            yield f"its version of OpenFlow has no words for {_name_of(entry)}"
        elif error is not None:
            yield f"it has refused {_name_of(entry)}, by error {error[0]}/{error[1]}"
