"""Tenants' LLDP and BDDP: not put on a wire, but shown at the far end of a link, if that is the slice's too.

Strategy: a packet that a controller sends to find links appears at the far end at once, as a packet-in of the slice's
virtual switch there, whatever the slice's flowspace says of such packets, unless its ACL denies them there: what a
controller's own discovery looks for is which of its ports are joined, and a slice by VLAN owns no untagged LLDP. It
comes as by an entry that sends LLDP to the controller (table 0, reason "action"), which all controllers that do
discovery install, or would have as their table-miss; whether this one has is not looked up, because the entries of a
slice are on the datapath only. Some take no packet-in that has not the cookie of their own entries, so that it has the
one of the entry for LLDP that was added last, if there was any.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flowvisor.flowspace.layout import point_of
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.limits import RATE_LIMITED
from flowvisor.hypervisor.peers import TenantChannel, VirtualSwitch
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.translation.actions import EVERYWHERE, flood_ports
from flowvisor.hypervisor.translation.packet_in_copies import NO_CONTROLLER, send_to
from flowvisor.hypervisor.translation.virtual_links import virtual_far_ends
from flowvisor.network.topology import End
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.fields import ETH_TYPE_SERVICE_VLAN, ETH_TYPE_VLAN
from flowvisor.openflow.frame import PACKET_OUT
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import ADD, REASON_ACTION, PacketIn, PacketOut
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import CONTROLLER, IN_PORT, LINK_DOWN, NO_RECV, PORT_DOWN, TABLE

# In a match of OpenFlow 1.3 that says LLDP: eth_type, two bytes, without a mask (section 7.2.3.7).
IN_MATCH: Final = bytes.fromhex("80000a02 88cc")
_COOKIE: Final = slice(8, 16)  # of a flow-mod of OpenFlow 1.3
_COMMAND: Final = 25

DENIED: Final = "denied"  # by the slice's ACL
LLDP: Final = "lldp"  # why such a packet goes nowhere: no link inside the slice
_NOWHERE: Final = frozenset({CONTROLLER, TABLE})
_TAGS: Final = frozenset(kind.to_bytes(2, "big") for kind in (ETH_TYPE_VLAN, ETH_TYPE_SERVICE_VLAN))
# What one packet-out may show; others wait while it is done.
MAX_SHOWN: Final = 1024
MAX_SHOWN_BYTES: Final = 1024 * 1024
_VID_BITS: Final = 0xFFF
_PCP_SHIFT: Final = 13
# Behind these the packet would be LLDP no more, and there would be something to send.
_CHANGES_KIND: Final = (act.PushMpls, act.PopMpls, act.PushPbb, act.PopPbb)


def take_note(channel: TenantChannel, frame: bytes) -> None:
    """A FLOW_MOD has `IN_MATCH` in it: if it adds an entry, its cookie is that of LLDP from now on."""
    if channel.version == 4 and frame[_COMMAND] == ADD:
        channel.switch.lldp_cookie = int.from_bytes(frame[_COOKIE], "big")


def southbound(channel: TenantChannel, message: PacketOut, data: bytes, effects: Effects) -> Refusal | None:
    """A PACKET_OUT of such a packet; it has been found to be in order so far."""
    switch = channel.switch
    leaving: list[tuple[int, bytes]] = []
    for action in message.actions:
        if isinstance(action, (act.Output, act.Enqueue)):
            ports = _ports(switch, message.in_port, action.port)
            if ports is None:
                return Refusal(codes.ACTION_BAD_OUT_PORT, "foreign-port")
            leaving += [(port, data) for port in ports]
        elif isinstance(action, _CHANGES_KIND) or (
            isinstance(action, act.SetField) and action.name == "eth_type"
        ):
            return Refusal(codes.ACTION_EPERM, LLDP)
        else:
            data = rewritten(data, action)
    arriving = [
        (beyond, port, packet) for near, packet in leaving for beyond, port in _far_ends(switch, near)
    ]
    if not arriving:
        channel.counters.count_shed(LLDP)
        return None
    if len(arriving) > MAX_SHOWN or sum(len(packet) for _, _, packet in arriving) > MAX_SHOWN_BYTES:
        return Refusal(codes.ACTION_TOO_MANY, LLDP)
    channel.counters.answered[PACKET_OUT] += 1
    for beyond, port, packet in arriving:
        _show(beyond, port, packet, effects)
    return None


def _ports(switch: VirtualSwitch, in_port: int, port: int) -> list[int] | None:
    """The ports that an output means, None if the slice does not have it."""
    if port in EVERYWHERE:
        return [one for one in flood_ports(switch, port) if one != in_port]
    if port in _NOWHERE:
        return []
    port = in_port if port == IN_PORT else port
    return [port] if switch.has_port(port) else None


def _far_ends(switch: VirtualSwitch, port: int) -> Iterator[tuple[VirtualSwitch, int]]:
    """Where in the slice a packet arrives that it sends out of a port."""
    datapath = switch.datapath
    fabric = datapath.fabric
    if not _is_up(switch, port) or switch.port_configs.is_shut(port):
        return
    if switch.view.share is not None:
        yield from virtual_far_ends(switch, port)
        return
    for far in fabric.topology.far_ends(End(datapath.dpid, port)):
        other = fabric.datapaths.get(far.dpid)
        beyond = other.switches.get(switch.name.slice_name) if other is not None and other.is_ready else None
        if (
            beyond is not None
            and beyond.view.owns_port(far.port)
            and _is_up(beyond, far.port)
            and not beyond.port_configs.bits.get(far.port, 0) & (PORT_DOWN | NO_RECV)
        ):
            yield beyond, far.port


def _is_up(switch: VirtualSwitch, number: int) -> bool:
    port = switch.known_ports.get(number)
    return port is not None and not port.state & LINK_DOWN and not port.config & PORT_DOWN


def _show(switch: VirtualSwitch, in_port: int, data: bytes, effects: Effects) -> None:
    """Let a packet have come in at a port of a slice's virtual switch."""
    point = point_of(parse(data, in_port))
    if switch.view.share is None and switch.view.ownership.is_denied(point, switch.tenant.name):
        switch.tenant.counters[switch.datapath.version].count_shed(DENIED)
        return
    limits = switch.tenant.limits
    if limits is not None and not limits.take_packet_in(effects.now):
        limits.count_shed_packet_in()
        switch.tenant.counters[switch.datapath.version].count_shed(RATE_LIMITED)
        return
    message = PacketIn(
        total_len=len(data),
        reason=REASON_ACTION,
        cookie=switch.lldp_cookie,
        match=Match.of(in_port=in_port),
        data=data,
    )
    sent = [send_to(channel, message, effects) for channel in switch.channels]
    if not any(sent):
        switch.tenant.counters[switch.datapath.version].count_shed(NO_CONTROLLER)


def rewritten(data: bytes, action: act.Action) -> bytes:
    """The packet after an action, of which none but those on the Ethernet header and its tags does anything to it."""
    is_tagged = data[12:14] in _TAGS and len(data) >= 16
    match action:
        case act.SetField(name="eth_dst", value=value):
            return value.to_bytes(6, "big") + data[6:]
        case act.SetField(name="eth_src", value=value):
            return data[:6] + value.to_bytes(6, "big") + data[12:]
        case act.SetField(name="vlan_vid", value=value) if is_tagged:
            return _with_tag(data, vid=value & _VID_BITS)
        case act.SetField(name="vlan_pcp", value=value) if is_tagged:
            return _with_tag(data, pcp=value)
        case act.SetVlanVid(vid=vid):
            return _with_tag(data if is_tagged else _pushed(data, ETH_TYPE_VLAN), vid=vid)
        case act.SetVlanPcp(pcp=pcp):
            return _with_tag(data if is_tagged else _pushed(data, ETH_TYPE_VLAN), pcp=pcp)
        case act.PushVlan(ethertype=ethertype):
            return _pushed(data, ethertype)
        case act.PopVlan() | act.StripVlan() if is_tagged:
            return data[:12] + data[16:]
    return data


def _pushed(data: bytes, ethertype: int) -> bytes:
    """With one tag more, which says what the outermost did (1.3.5, section 5.12.1)."""
    tci = data[14:16] if data[12:14] in _TAGS else bytes(2)
    return data[:12] + ethertype.to_bytes(2, "big") + tci + data[12:]


def _with_tag(data: bytes, *, vid: int | None = None, pcp: int | None = None) -> bytes:
    tci = data[14] << 8 | data[15]
    if vid is not None:
        tci = tci & ~_VID_BITS | vid
    if pcp is not None:
        tci = tci & (1 << _PCP_SHIFT) - 1 | pcp << _PCP_SHIFT
    return data[:14] + tci.to_bytes(2, "big") + data[16:]
