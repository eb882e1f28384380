"""PACKET_IN: to every controller of the slice that owns the packet and wants to hear of it.

Strategy: on `tables` the datapath's own classifier has decided, and the table id in the frame names the slice: one
byte is patched. Where matches are intersected the packet is classified here, by its port alone if that suffices.
Packets are passed on whole: what a datapath has not buffered would be lost with what is cut off, which is why
OpenFlow asks a switch without buffers to send everything (1.3.5, section 6.1.2); tenants are shown `n_buffers` 0.
"""

from __future__ import annotations

from typing import Final

from attrs import evolve

from flowvisor.flowspace.layout import point_of
from flowvisor.hypervisor.buffers import BufferedPacket
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.flow_table import MAX_ENTRY_NUMBER, PIECE_COOKIE, PIECE_COOKIE_MASK
from flowvisor.hypervisor.limits import RATE_LIMITED
from flowvisor.hypervisor.links import probe_arrived
from flowvisor.hypervisor.peers import Datapath, VirtualSwitch
from flowvisor.hypervisor.translation import short_drops, table_miss
from flowvisor.hypervisor.translation.packet_in_copies import NO_CONTROLLER, copy_to_readers, send_to
from flowvisor.hypervisor.translation.virtual_ports import packet_in_to_virtual, patched_packet_in
from flowvisor.network.discovery import PROBE_ADDRESS_BYTES, addresses_a_probe
from flowvisor.openflow.frame import PACKET_IN
from flowvisor.openflow.messages import NO_BUFFER, REASON_ACTION, REASON_NO_MATCH, PacketIn
from flowvisor.openflow.packet import parse
from flowvisor.openflow.traits import TRAITS
from flowvisor.openflow.v10_ports import port_from_10
from flowvisor.planning.entries import COOKIE

_NO_BUFFER_BYTES: Final = b"\xff\xff\xff\xff"
_BUFFER: Final = slice(8, 12)

# 1.3 (section 7.4.1): reason and table beside each other, then the cookie.
_REASON_13: Final = 14
_TABLE_13: Final = 15
_COOKIE_13: Final = slice(16, 24)
_SHORTEST_13: Final = 34
_SHORTEST_OF_SHARE_13: Final = 50  # with metadata
_OUR_COOKIE: Final = COOKIE.to_bytes(8, "big")

# 1.0 (section 5.4.1).
_IN_PORT_10: Final = slice(14, 16)
_REASON_10: Final = 16
_DATA_10: Final = 18
_DESTINATION_10: Final = slice(18, 24)

NO_COOKIE: Final = (1 << 64) - 1  # of a packet-in that no entry of the tenant's caused
NO_PACKET_IN: Final = "no-packet-in"  # the slice has configured the port so


def northbound_patched_13(datapath: Datapath, frame: bytes, effects: Effects) -> None:
    """A PACKET_IN of a 1.3 datapath."""
    if len(frame) < _SHORTEST_13 or frame[_BUFFER] != _NO_BUFFER_BYTES or frame[_COOKIE_13] == _OUR_COOKIE:
        northbound(datapath, frame, effects)
        return
    switch = datapath.switch_by_table[frame[_TABLE_13]]
    if switch is None or switch.is_mixed or switch.port_configs.silenced:
        northbound(datapath, frame, effects)
        return
    block = switch.view.block
    assert block is not None
    if switch.view.share is not None:
        shown = patched_packet_in(frame, block.first) if len(frame) >= _SHORTEST_OF_SHARE_13 else None
        if shown is None:
            northbound(datapath, frame, effects)
        else:
            _pass_on(datapath, switch, shown, frame[_REASON_13], effects)
        return
    patched = bytearray(frame)
    patched[_TABLE_13] -= block.first
    _pass_on(datapath, switch, bytes(patched), frame[_REASON_13], effects)


def northbound_patched_10(datapath: Datapath, frame: bytes, effects: Effects) -> None:
    """A PACKET_IN of a 1.0 datapath."""
    if (
        len(frame) < _DATA_10
        or frame[_BUFFER] != _NO_BUFFER_BYTES
        or (frame[_REASON_10] and frame[_DESTINATION_10] == PROBE_ADDRESS_BYTES)
    ):
        northbound(datapath, frame, effects)
        return
    in_port = port_from_10(frame[14] << 8 | frame[15])
    owner = datapath.plan.ownership.owner_of_packet(frame[_DATA_10:], in_port)
    switch = datapath.switches.get(owner) if owner is not None else None
    if switch is None:
        datapath.unowned_packet_ins += 1
    elif switch.is_mixed or switch.port_configs.silenced:
        northbound(datapath, frame, effects)
    else:
        _pass_on(datapath, switch, frame, frame[_REASON_10], effects)


def _pass_on(datapath: Datapath, switch: VirtualSwitch, frame: bytes, reason: int, effects: Effects) -> None:
    """Send a frame as it is to the controllers, all of the datapath's version, that want to hear of it."""
    limits = switch.tenant.limits
    if limits is not None and not limits.take_packet_in(effects.now):
        _limited(datapath, switch, frame, effects)
        return
    sent = False
    for channel in switch.channels:
        if not channel.wants(channel.masks.packet_in, reason):
            continue
        effects.send(channel, frame)
        sent = True
        counters = channel.counters
        counters.up[PACKET_IN] += 1
        counters.up_bytes += len(frame)
    if not sent:
        _shed(datapath, switch, frame, NO_CONTROLLER, effects)
    elif datapath.readers:
        message = datapath.codec.decode(frame)
        assert isinstance(message, PacketIn)
        copy_to_readers(datapath, switch, message, effects)


def _limited(datapath: Datapath, switch: VirtualSwitch, frame: bytes, effects: Effects) -> None:
    """A packet-in is above its slice's rate."""
    limits = switch.tenant.limits
    assert limits is not None
    limits.count_shed_packet_in()
    _shed(datapath, switch, frame, RATE_LIMITED, effects)


def _shed(datapath: Datapath, switch: VirtualSwitch, frame: bytes, reason: str, effects: Effects) -> None:
    """A packet-in goes nowhere."""
    switch.tenant.counters[datapath.version].count_shed(reason)
    short_drops.note_shed(datapath, switch, frame, effects)


def northbound(datapath: Datapath, frame: bytes, effects: Effects) -> None:
    """A PACKET_IN of any datapath for controllers of any version."""
    message = datapath.codec.decode(frame)
    assert isinstance(message, PacketIn)
    if message.buffer_id != NO_BUFFER:
        datapath.buffers.void(message.buffer_id)
    if addresses_a_probe(message.data) and datapath.fabric.discovery is not None and message.table_id == 0:
        probe_arrived(datapath, message.match.exact("in_port") or 0, message.data, effects)
        return
    if message.table_id == 0 and message.cookie == COOKIE and datapath.plan.part.watches:
        in_port = message.match.exact("in_port") or 0
        datapath.fabric.upper_storey.seen_elsewhere(datapath, in_port, message.data, effects)
        return
    asked = _asked(datapath, message.table_id)
    if asked is not None:
        datapath.fabric.upper_storey.told(asked, message, effects)
        return
    switch = _owner(datapath, message)
    if switch is None:
        datapath.unowned_packet_ins += 1
        return
    limits = switch.tenant.limits
    if limits is not None and not limits.take_packet_in(effects.now):
        _limited(datapath, switch, frame, effects)
        return
    if switch.view.share is not None:
        # A buffered packet would come to table 0 again, without what it came in behind.
        match = packet_in_to_virtual(message.match)
        message = evolve(message, match=match, buffer_id=NO_BUFFER)
    in_port = message.match.exact("in_port") or 0
    if message.buffer_id != NO_BUFFER:
        packet = BufferedPacket(switch.name.slice_name, in_port, message.data)
        datapath.buffers.show(message.buffer_id, packet)
    is_ours = _is_our_miss(switch, message)
    virtual = _to_virtual(datapath, switch, message, is_ours=is_ours)
    if virtual.reason == REASON_NO_MATCH and in_port in switch.port_configs.silenced:
        switch.tenant.counters[datapath.version].count_shed(NO_PACKET_IN)
        return
    sent = False
    unasked = is_ours or _was_unmatched(datapath, message)
    for channel in switch.channels:
        if unasked and not TRAITS[channel.version].unmatched_to_controller:
            continue
        sent |= send_to(channel, virtual, effects)
    if not sent:
        _shed(datapath, switch, frame, NO_CONTROLLER, effects)
    elif datapath.readers:
        copy_to_readers(datapath, switch, virtual, effects)


def _asked(datapath: Datapath, table_id: int) -> VirtualSwitch | None:
    """The virtual switch in front of whose tables this one is, in which it is seen who asks for an address."""
    behind = datapath.switch_by_table[table_id + 1 & 0xFF]
    share = None if behind is None else behind.view.share
    return behind if share is not None and share.answer_table == table_id else None


def _owner(datapath: Datapath, message: PacketIn) -> VirtualSwitch | None:
    by_table = datapath.switch_by_table[message.table_id]
    if by_table is not None:
        return by_table
    before = datapath.switch_by_table[message.table_id - 1]
    if before is not None and before.view.share is not None:
        return before  # from its egress table
    if message.cookie & PIECE_COOKIE_MASK == PIECE_COOKIE:
        entry = datapath.entries.get(message.cookie & MAX_ENTRY_NUMBER)
        if entry is not None:  # its actions may have made another packet of it
            return datapath.switches.get(entry.owner)
    owner = datapath.plan.ownership.owner_of_packet(message.data, message.match.exact("in_port") or 0)
    # On `tables` only table 0 gets here, and it sends nothing to the hypervisor.
    return datapath.switches.get(owner) if owner is not None and not datapath.plan.blocks else None


def _is_our_miss(switch: VirtualSwitch, message: PacketIn) -> bool:
    """Whether it comes by the entry that is there for 1.0 controllers."""
    block = switch.view.block
    if block is None:
        return message.cookie == COOKIE
    # In its own tables a tenant may have chosen the same cookie.
    return table_miss.is_wanted(switch) and message.table_id == block.first and message.cookie == COOKIE


def _was_unmatched(datapath: Datapath, message: PacketIn) -> bool:
    return message.reason == REASON_NO_MATCH and TRAITS[datapath.version].unmatched_to_controller


def _to_virtual(datapath: Datapath, switch: VirtualSwitch, message: PacketIn, *, is_ours: bool) -> PacketIn:
    block = switch.view.block
    cookie, reason = message.cookie, message.reason
    if is_ours:
        reason = REASON_NO_MATCH
    if block is not None:
        if message.table_id == block.end:  # what the last of the tenant's tables has left in the action set
            return evolve(message, table_id=block.size - 1, cookie=NO_COOKIE, xid=0)
        return evolve(message, table_id=message.table_id - block.first, reason=reason, xid=0)
    table = switch.flow_table
    if cookie & PIECE_COOKIE_MASK == PIECE_COOKIE:
        entry = datapath.entries.get(cookie & MAX_ENTRY_NUMBER)
        cookie = entry.cookie if entry is not None else NO_COOKIE
        if entry is not None and table is not None and entry is table.table_miss:
            reason = REASON_NO_MATCH
    elif table is not None and reason == REASON_ACTION:
        point = point_of(parse(message.data, message.match.exact("in_port")))
        if table.is_missed_by(point):
            assert table.table_miss is not None
            reason, cookie = REASON_NO_MATCH, table.table_miss.cookie
    return evolve(message, cookie=cookie, reason=reason, table_id=0, xid=0)
