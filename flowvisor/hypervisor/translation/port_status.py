"""PORT_STATUS: told to the slices that have the port; and what follows for floods and remembered verdicts."""

from __future__ import annotations

from attrs import evolve

from flowvisor.errors import Inexpressible
from flowvisor.hypervisor import links
from flowvisor.hypervisor.effects import GATHERING_SECONDS, Effects
from flowvisor.hypervisor.peers import Datapath, TenantChannel, VirtualSwitch
from flowvisor.hypervisor.provisioning import provision_port
from flowvisor.hypervisor.requests import send_own
from flowvisor.hypervisor.sightings import is_up
from flowvisor.hypervisor.translation.groups import bucket_floods
from flowvisor.hypervisor.translation.pieces import ports_changed
from flowvisor.openflow.frame import PORT_STATUS
from flowvisor.openflow.messages import GROUP_MODIFY, PORT_ADD, PORT_DELETE, PORT_MODIFY, PortStatus
from flowvisor.openflow.ports import NO_FLOOD, Port
from flowvisor.planning.entries import groups_of


def northbound(datapath: Datapath, frame: bytes, effects: Effects) -> None:
    """A PORT_STATUS of any datapath."""
    message = datapath.codec.decode(frame)
    assert isinstance(message, PortStatus)
    heard(datapath, message, effects)


def heard(
    datapath: Datapath, message: PortStatus, effects: Effects, *, but: TenantChannel | None = None
) -> None:
    """Something has become of a port; a channel that knows already need not be told."""
    number = message.port.number
    before = datapath.ports.get(number)
    if message.reason == PORT_DELETE:
        datapath.ports.pop(number, None)
    else:
        datapath.ports[number] = message.port
    if _is_flooded(before) != _is_flooded(datapath.ports.get(number)):
        _ports_changed(datapath, effects)
    if message.reason == PORT_DELETE:
        if before is None:
            return  # nobody was told of it
    else:
        # By what was known here: a port may be told twice, first in the description that we asked for.
        message = evolve(message, reason=PORT_ADD if before is None else PORT_MODIFY)
    links.port_changed(datapath, number, effects)
    _look_where_networks_lie(datapath, before, datapath.ports.get(number), effects)
    if before is None and datapath.is_ready:
        provision_port(datapath, number, effects)
    for switch in datapath.switches.values():
        if switch.view.share is None and switch.view.sees_port(number):
            tell(switch, message, effects, but=but)


def _look_where_networks_lie(
    datapath: Datapath, before: Port | None, now: Port | None, effects: Effects
) -> None:
    is_lost = before is not None and is_up(before) and (now is None or not is_up(now))
    if before != now:
        datapath.fabric.reembed(effects, in_seconds=0.0 if is_lost else GATHERING_SECONDS)


def _is_flooded(port: Port | None) -> bool | None:
    """Whether FLOOD means the port, None if it is not there at all."""
    return None if port is None else not port.config & NO_FLOOD


def tell(
    switch: VirtualSwitch, message: PortStatus, effects: Effects, *, but: TenantChannel | None = None
) -> None:
    """Tell a slice's controllers, except perhaps one, of one of its ports."""
    for channel in switch.channels:
        if channel is but or not channel.wants(channel.masks.port_status, message.reason):
            continue
        try:
            shown = switch.port_configs.shown(message.port)
            frame = channel.codec.encode(evolve(message, port=shown, xid=0))
        except Inexpressible:
            channel.counters.count_shed("inexpressible")
            continue
        effects.send(channel, frame)
        channel.counters.up[PORT_STATUS] += 1
        channel.counters.up_bytes += len(frame)


def _ports_changed(datapath: Datapath, effects: Effects) -> None:
    """The set of ports is another one: groups, spelled-out floods and verdicts follow."""
    own = groups_of(datapath.plan, datapath.ports, datapath.port_configs)
    for group in (*own, *bucket_floods(datapath)) if datapath.has_flood_groups else ():
        send_own(datapath, evolve(group, command=GROUP_MODIFY), "flood group", effects)
    for switch in datapath.switches.values():
        switch.verdicts.clear()
        switch.packet_outs.clear()
        ports_changed(switch, effects)
