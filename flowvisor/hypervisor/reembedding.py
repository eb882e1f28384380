"""What virtual networks lie on has changed: where they lie now is found, and each datapath told what that means for it.

Strategy: the plan that a datapath had and the one that it gets are both known, so that only what differs is sent, at
once, and nothing is read back. First all datapaths are told what is new, then all what is no more. A loss is acted on
in the call that tells of it; what only adds (a datapath, a link, a port that is up) a moment later, because it
mostly does not come alone.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator

from flowvisor.hypervisor import births, flow_quota, replanning, sightings
from flowvisor.hypervisor.big.big_switch import BigSwitch
from flowvisor.hypervisor.big.moves import port_moved
from flowvisor.hypervisor.big.port_status import tell_port
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.networks import Networks
from flowvisor.hypervisor.peers import Datapath, Fabric, VirtualSwitch
from flowvisor.hypervisor.port_descriptions import described
from flowvisor.hypervisor.requests import send_own
from flowvisor.hypervisor.translation.virtual_moves import put_view
from flowvisor.openflow.messages import PORT_ADD, PORT_DELETE, PORT_MODIFY
from flowvisor.openflow.ports import Port
from flowvisor.planning.part_changes import PartChanges, part_changes
from flowvisor.planning.share import Part
from flowvisor.planning.view import View
from flowvisor.slices.slice import PortName

MakeSwitch = Callable[[Datapath, str, View], VirtualSwitch]


def reembed(
    networks: Networks,
    fabric: Fabric,
    make: MakeSwitch,
    effects: Effects,
    *,
    but: Collection[Datapath] = (),
) -> None:
    """Let everything lie where it can now; some datapaths are about to get other plans, and this by those."""
    fabric.reembeds_at = None
    networks.embed(fabric)
    changes: list[tuple[Datapath, PartChanges]] = []
    for datapath in list(fabric.datapaths.values()):
        part = networks.embedding.part(datapath.dpid)
        if part is not datapath.plan.part and datapath not in but:
            changes.append((datapath, put_part(datapath, part, make, effects)))
        if datapath.knows_ports and networks.are_there:
            seen = sightings.Sighting.of(datapath.version, datapath.features, datapath.ports)
            sightings.remember(datapath.memory, seen, effects)
    to_send = [(datapath, message) for datapath, changed in changes for message in changed.additions]
    to_send += [(datapath, message) for datapath, changed in changes for message in changed.removals]
    for datapath, message in to_send:
        send_own(datapath, message, "own entry", effects)
    networks.changes += len(to_send)
    for datapath, _ in changes:
        for switch in datapath.switches.values() if datapath.is_ready else ():
            if switch.view.share is not None:
                births.remember(switch, effects)
                networks.share_changed(switch, effects)
    look_at_ports(networks, fabric, effects)
    networks.forget_unseen(fabric, effects)
    if fabric.discovery is not None:
        fabric.discovery.watch({hop.near for hop in networks.embedder.hops}, effects.now)
    waiting, fabric.after_embedding = fabric.after_embedding, []
    for go_on in waiting:
        go_on(effects)


def put_part(datapath: Datapath, part: Part, make: MakeSwitch, effects: Effects) -> PartChanges:
    """Let a datapath do this for virtual networks from now on; what it is to be sent for that.

    That is nothing while it is being set up: what it has is compared with its plan then.
    """
    before = datapath.plan
    after = datapath.plan = before.with_part(part)
    gone = [
        switch
        for name, switch in datapath.switches.items()
        if name in before.shares.keys() - part.shares.keys()
    ]
    for switch in gone:
        replanning.take_away(switch)
        replanning.close(switch, "its share of the datapath is no more", effects)
    for name in part.shares:
        known = datapath.switches.get(name)
        if known is None:
            made = make(datapath, name, after.views[name])
            made.is_new &= not datapath.has_flood_groups  # once it is set up there is nothing of others'
            replanning.place(made)
            flow_quota.begin(made)
        elif known.view is not after.views[name]:
            put_view(known, after.views[name], effects)
    if not datapath.has_flood_groups:
        return PartChanges([], [])
    return part_changes(before, after, datapath.port_configs)


def look_at_ports(networks: Networks, fabric: Fabric, effects: Effects) -> None:
    """Tell tenants what has become of their ports."""
    for share, big in networks.switches.items():
        _put_homes(networks, share, big, effects)
        before = dict(big.ports)
        now = dict(_ports_of(networks, fabric, share))
        big.ports.clear()
        big.ports.update(now)
        for number in before.keys() - now.keys():
            tell_port(big, PORT_DELETE, before[number], effects)
        for number, port in now.items():
            if before.get(number) != port:
                tell_port(big, PORT_MODIFY if number in before else PORT_ADD, port, effects)


def _ports_of(networks: Networks, fabric: Fabric, share: str) -> Iterator[tuple[int, Port]]:
    logical = networks.logical[share]
    for number in sorted(logical.ports):
        state = networks.embedding.ports[PortName(share, number)]
        datapath = fabric.datapaths.get(state.where.end.dpid) if state.where is not None else None
        physical = datapath.ports.get(state.where.end.port) if datapath and state.where else None
        yield number, described(logical, number, state, physical)


def _put_homes(networks: Networks, share: str, big: BigSwitch, effects: Effects) -> None:
    """Entries of a port that has moved go where its packets come in now."""
    for number in networks.logical[share].ports:
        anchor = networks.embedding.ports[PortName(share, number)].anchor
        if anchor != big.homes.get(number):
            port_moved(big, number, anchor, effects)
    for number in big.homes.keys() - networks.logical[share].ports.keys():
        port_moved(big, number, None, effects)
