"""A packet-in for one controller; and copies of it for slices that may look at what others own."""

from __future__ import annotations

from attrs import evolve

from flowvisor.errors import Inexpressible
from flowvisor.flowspace.layout import point_of
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.limits import RATE_LIMITED
from flowvisor.hypervisor.peers import Datapath, TenantChannel, VirtualSwitch
from flowvisor.openflow.frame import PACKET_IN
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import NO_BUFFER, REASON_ACTION, PacketIn
from flowvisor.openflow.packet import parse
from flowvisor.openflow.traits import TRAITS

NO_CONTROLLER = "no-controller"


def send_to(channel: TenantChannel, message: PacketIn, effects: Effects) -> bool:
    """Send a controller a packet-in in its version, if it wants such; False if it does not."""
    if not TRAITS[channel.version].has_tables:
        # 1.0 knows the port only; the reasons that it lacks are an action's.
        reason = min(message.reason, REASON_ACTION)
        in_port = message.match.exact("in_port") or 0
        message = evolve(message, match=Match.of(in_port=in_port), reason=reason)
    if not channel.wants(channel.masks.packet_in, message.reason):
        return False
    try:
        frame = channel.codec.encode(message)
    except Inexpressible:
        channel.counters.count_shed("inexpressible")
        return True
    effects.send(channel, frame)
    channel.counters.up[PACKET_IN] += 1
    channel.counters.up_bytes += len(frame)
    return True


def copy_to_readers(datapath: Datapath, owner: VirtualSwitch, message: PacketIn, effects: Effects) -> None:
    """Show others what an owner was just told, in the owner's terms, without the buffer: that is the owner's to use."""
    if owner.view.share is not None:
        return  # what is in a virtual network is nobody's to look at
    packet = point_of(parse(message.data, message.match.exact("in_port")))
    shown = evolve(message, buffer_id=NO_BUFFER, xid=0)
    for reader in datapath.readers:
        if reader is owner or not reader.view.sees(packet):
            continue
        tenant = reader.tenant
        if tenant.limits is not None and not tenant.limits.take_packet_in(effects.now):
            tenant.limits.count_shed_packet_in()
            tenant.counters[datapath.version].count_shed(RATE_LIMITED)
            continue
        told = [send_to(channel, shown, effects) for channel in reader.channels]
        if not any(told):
            tenant.counters[datapath.version].count_shed(NO_CONTROLLER)
