"""Links between datapaths: probes go out and come back, and what is judged by a link is judged anew when it changes."""

from __future__ import annotations

from typing import Final

from flowvisor.hypervisor.effects import GATHERING_SECONDS, Effects
from flowvisor.hypervisor.faults import Doubts
from flowvisor.hypervisor.peers import Datapath, Fabric
from flowvisor.hypervisor.rejudging import rejudge
from flowvisor.hypervisor.requests import send_own
from flowvisor.hypervisor.sightings import remember_link
from flowvisor.network.discovery import Link
from flowvisor.network.topology import End
from flowvisor.openflow.actions import Output
from flowvisor.openflow.messages import PacketOut
from flowvisor.openflow.ports import LINK_DOWN, MAX_PORT, PORT_DOWN, Port
from flowvisor.openflow.traits import TRAITS
from flowvisor.planning.entries import no_probes_entry
from flowvisor.planning.view import FarEnd

# A port at which this many packets that are like probes prove nothing within the time is not heard for some time: each
# costs as much as a packet-in, and whoever sends them pays for none of it.
MAX_DOUBTS: Final = 20
DOUBT_SECONDS: Final = 10.0
SHUT_OUT_SECONDS: Final = 30

PROBE: Final = "probe"  # what failed when a datapath refuses one: its port has just gone, mostly


def put_known(datapath: Datapath) -> None:
    """Let a datapath that has just connected, or whose plan is another, know where the links from it lead, and whose
    is what there. When it connects only declared ones are known.
    """
    for near, _far in list(datapath.fabric.topology.links()):
        if near.dpid == datapath.dpid:
            _put_far_ends(datapath, near)


def begin(datapath: Datapath, effects: Effects) -> None:
    """Look for links from a datapath that is ready."""
    for port in list(datapath.ports.values()):
        port_changed(datapath, port.number, effects)


def port_changed(datapath: Datapath, number: int, effects: Effects) -> None:
    """A port has come, gone, or changed."""
    fabric, end = datapath.fabric, End(datapath.dpid, number)
    if fabric.discovery is None or end in fabric.topology.declared:
        return
    port = datapath.ports.get(number)
    if port is not None and _is_up(port):
        if datapath.is_ready:
            fabric.discovery.port_came(end, port.hw_addr, effects.now)
    else:
        datapath.doubts.pop(number, None)
        for near, far in fabric.discovery.port_went(end):
            _lost(fabric, near, far, effects)


def _is_up(port: Port) -> bool:
    return port.number <= MAX_PORT and not port.state & LINK_DOWN and not port.config & PORT_DOWN


def datapath_left(datapath: Datapath, effects: Effects) -> None:
    """A datapath has left, and its links are known no more."""
    fabric = datapath.fabric
    # They are not forgotten: all datapaths leave when we end, and the next process begins with their links.
    for near, far in fabric.discovery.datapath_went(datapath.dpid) if fabric.discovery is not None else ():
        _lost(fabric, near, far, effects, is_forgotten=False)
    fabric.suspects.difference_update(datapath.switches.values())


def tick(fabric: Fabric, effects: Effects) -> None:
    """Send the probes that are due, give up links by which nothing comes any more, and look at what may leak."""
    if fabric.discovery is not None:
        probes, lost = fabric.discovery.due(effects.now)
        for near, far in lost:
            _lost(fabric, near, far, effects)
        for probe in probes:
            datapath = fabric.datapaths.get(probe.end.dpid)
            if datapath is not None:
                in_port = TRAITS[datapath.version].no_in_port
                out = PacketOut(in_port=in_port, actions=(Output(probe.end.port),), data=probe.packet)
                send_own(datapath, out, PROBE, effects)
    suspects, fabric.suspects = fabric.suspects, set()
    for switch in suspects:
        if switch.rewriting is not None:
            fabric.suspects.add(switch)  # its entries are being sent again; then they are looked at
        elif switch.datapath.is_ready and switch.datapath.switches.get(switch.name.slice_name) is switch:
            rejudge(switch, effects)


def probe_arrived(datapath: Datapath, in_port: int, packet: bytes, effects: Effects) -> None:
    """A packet came in that only we send: a link ends here, or somebody would like us to believe so."""
    fabric, far = datapath.fabric, End(datapath.dpid, in_port)
    link = fabric.discovery.arrived(far, packet, effects.now) if fabric.discovery is not None else None
    if link is None:
        _disbelieve(datapath, in_port, effects)
    elif fabric.topology.add(link.near, far):
        effects.note("info", "link_found", near=str(link.near), far=str(far))
        _changed(fabric, link.near)
        _remember(fabric, link.near, effects)
        fabric.reembed(effects, in_seconds=GATHERING_SECONDS)


def _disbelieve(datapath: Datapath, port: int, effects: Effects) -> None:
    """Count what proves nothing; a port that sends much of it is not listened to for some time."""
    datapath.probes_disbelieved += 1
    if port not in datapath.ports:
        return
    doubts = datapath.doubts.get(port)
    if doubts is None or effects.now - doubts.since > DOUBT_SECONDS:
        doubts = datapath.doubts[port] = Doubts(effects.now)
    doubts.count += 1
    if doubts.count == MAX_DOUBTS:
        send_own(datapath, no_probes_entry(port, SHUT_OUT_SECONDS), "own entry", effects)
        effects.note("warning", "probes_shut_out", dpid=datapath.dpid, port=port, seconds=SHUT_OUT_SECONDS)


def presume(fabric: Fabric, known: list[Link]) -> None:
    """These links were known to an earlier process."""
    if fabric.discovery is not None:
        found = [link for link in known if fabric.topology.add(link.near, link.far)]
        fabric.discovery.presume(found)


def presume_no_more(fabric: Fabric, effects: Effects) -> None:
    """Those of them that have not come by now are none."""
    for near, far in fabric.discovery.presume_no_more() if fabric.discovery is not None else ():
        _lost(fabric, near, far, effects)


def remember_all(fabric: Fabric, effects: Effects) -> None:
    """From now on it is written down which links there are."""
    for near in dict.fromkeys(near for near, _ in fabric.topology.links()):
        _remember(fabric, near, effects)


def _remember(fabric: Fabric, near: End, effects: Effects) -> None:
    """Only virtual networks have a use for it."""
    datapath = fabric.datapaths.get(near.dpid)
    if datapath is not None and fabric.upper_storey.are_there and near not in fabric.topology.declared:
        remember_link(datapath.memory, near, fabric.topology.far_ends(near), effects)


def _lost(fabric: Fabric, near: End, far: End, effects: Effects, *, is_forgotten: bool = True) -> None:
    if fabric.topology.remove(near, far):
        effects.note("warning", "link_lost", near=str(near), far=str(far))
        _changed(fabric, near)
        if is_forgotten:
            _remember(fabric, near, effects)
        fabric.reembed(effects, in_seconds=0.0 if is_forgotten else GATHERING_SECONDS)


def _changed(fabric: Fabric, near: End) -> None:
    """What leaves a port arrives elsewhere now: verdicts are void, and entries are to be judged again.

    They need not be where nothing that arrives can be anybody else's.
    """
    datapath = fabric.datapaths.get(near.dpid)
    if datapath is None:
        return
    _put_far_ends(datapath, near)
    for switch in datapath.switches.values():
        if switch.view.owns_port(near.port):
            switch.verdicts.clear()
            switch.packet_outs.clear()
            if not switch.view.port_is_private(near.port):
                fabric.suspects.add(switch)


def _put_far_ends(datapath: Datapath, near: End) -> None:
    fabric = datapath.fabric
    far_ends = tuple(
        FarEnd(fabric.ownership_at(far.dpid), far.port) for far in fabric.topology.far_ends(near)
    )
    for switch in datapath.switches.values():
        if switch.view.owns_port(near.port):
            switch.view.put_far_ends(near.port, far_ends)
