"""What tenants send, to draw: everything that is legal, much that is not, and bytes that are nothing at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from attrs import evolve
from hypothesis import strategies as st

from flowvisor.openflow import actions as act
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.match import MATCH_ALL
from flowvisor.openflow.ports import (
    ANY,
    FLOOD,
    NO_FLOOD,
    NO_FWD,
    NO_PACKET_IN,
    NO_RECV,
    PORT_DOWN,
    Port,
)
from flowvisor.openflow.versions import codec
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.message_strategies import MESSAGES_13
from tests.support.message_strategies_10 import MESSAGES_10
from tests.support.slices import LATER_PORTS, PORTS, chains, flow_mods, outputs, packet_outs, tenant_matches

COOKIES = (0, 1, 0xFFFF_FFFF_FFFF_FFFF)
COOKIE_MASKS = (0, 0, 0, 0xFFFF_FFFF_FFFF_FFFF, 1)
COMMANDS = (m.ADD, m.ADD, m.ADD, m.ADD, m.MODIFY, m.MODIFY_STRICT, m.DELETE, m.DELETE_STRICT)
FLAGS_10 = (0, 0, 0, m.SEND_FLOW_REM, m.CHECK_OVERLAP)
FLAGS_13 = (*FLAGS_10, m.RESET_COUNTS, m.NO_PACKET_COUNTS | m.NO_BYTE_COUNTS)
BUFFER_IDS = (0, 1, 2, 3, 7)  # some datapaths use the first of these

# What the shell answers, or what does not come from a controller.
_NOT_SENT = (m.Hello, m.EchoRequest, m.EchoReply)


@st.composite
def changes(draw: st.DrawFn, version: int, one: FlowspaceSlice, *, n_tables: int) -> m.FlowMod:
    """A flow-mod with any command, flags, timeouts, cookies and filters."""
    message: m.FlowMod = draw(flow_mods(version, one, n_tables=n_tables))
    command = draw(st.sampled_from(COMMANDS))
    message = evolve(
        message,
        command=command,
        cookie=draw(st.sampled_from(COOKIES)),
        hard_timeout=draw(st.sampled_from((0, 0, 0, 5))),
        flags=draw(st.sampled_from(FLAGS_13 if version >= 4 else FLAGS_10)),
    )
    if command != m.ADD and version >= 4:
        message = evolve(message, cookie_mask=draw(st.sampled_from(COOKIE_MASKS)))
    if command in (m.DELETE, m.DELETE_STRICT):
        match = message.match if command == m.DELETE_STRICT or draw(st.booleans()) else MATCH_ALL
        message = evolve(
            message,
            match=match,
            out_port=draw(st.sampled_from((ANY, ANY, FLOOD, *PORTS))),
            table_id=m.ALL_TABLES if version >= 4 and draw(st.booleans()) else message.table_id,
        )
    return message


def batches(version: int, one: FlowspaceSlice, *, n_tables: int) -> st.SearchStrategy[list[m.FlowMod]]:
    """Flow-mods to be sent in one go."""
    alone = st.lists(changes(version, one, n_tables=n_tables), min_size=1, max_size=4)
    return alone if version < 4 or n_tables < 2 else st.one_of(alone, alone, chains(one))


@st.composite
def emissions(
    draw: st.DrawFn, version: int, one: FlowspaceSlice, buffers: Collection[int] = ()
) -> m.PacketOut:
    """A packet-out, of a packet or of a buffer that may be somebody else's; `buffers` are those in use."""
    message: m.PacketOut = draw(packet_outs(version, one))
    if draw(st.booleans()):
        return message
    buffer_id = draw(st.sampled_from([*BUFFER_IDS, *buffers, *buffers]))
    if draw(st.booleans()):  # where it gets past every other check
        message = evolve(message, actions=(draw(outputs(one)),))
    return evolve(message, buffer_id=buffer_id, data=b"")


@st.composite
def releases(
    draw: st.DrawFn, version: int, one: FlowspaceSlice, buffers: Sequence[int], ports: Sequence[int]
) -> m.PacketOut:
    """A packet-out of a buffer that is in use, unchanged to a port of the slice's."""
    message: m.PacketOut = draw(packet_outs(version, one))
    output = act.Output(draw(st.sampled_from(ports)))
    return evolve(message, buffer_id=draw(st.sampled_from(buffers)), actions=(output,), data=b"")


@st.composite
def entry_requests(draw: st.DrawFn, version: int, one: FlowspaceSlice) -> mp.MultipartRequest:
    """A request for the statistics of flow entries, with every filter."""
    kind = draw(st.sampled_from((mp.FlowStatsRequest, mp.AggregateStatsRequest)))
    request = kind(
        table_id=draw(st.sampled_from((m.ALL_TABLES, 0, 1) if version >= 4 else (m.ALL_TABLES, 0))),
        match=draw(st.one_of(st.just(MATCH_ALL), tenant_matches(one))),
        out_port=draw(st.sampled_from((ANY, ANY, *PORTS))),
    )
    if version < 4:
        return request
    return evolve(
        request, cookie=draw(st.sampled_from(COOKIES)), cookie_mask=draw(st.sampled_from(COOKIE_MASKS))
    )


@st.composite
def port_mods(draw: st.DrawFn, version: int, ports: Mapping[int, Port]) -> m.PortMod:
    """A PORT_MOD of some port, mostly one that is there."""
    number = draw(st.sampled_from((*PORTS, *LATER_PORTS)))
    bits = st.sampled_from((PORT_DOWN, NO_RECV, NO_FWD, NO_PACKET_IN, *((NO_FLOOD,) if version < 4 else ())))
    mask = draw(bits) | draw(bits)
    hw_addr = ports[number].hw_addr if number in ports else bytes(6)
    return m.PortMod(port=number, hw_addr=hw_addr, config=mask if draw(st.booleans()) else 0, mask=mask)


def anything(version: int) -> st.SearchStrategy[m.Message]:
    """Any message that the version can say, also those that only datapaths send."""
    kinds = MESSAGES_13 if version >= 4 else MESSAGES_10
    drawn = st.sampled_from([kind for kind in kinds if kind not in _NOT_SENT]).flatmap(kinds.__getitem__)
    return drawn.map(lambda one: evolve(one, idle_timeout=0) if isinstance(one, m.FlowMod) else one)


# Timeouts and priority in a FLOW_MOD: left alone, because what is unclear in the specification is not looked at.
_LEFT_ALONE = {1: range(58, 64), 4: range(26, 32)}


@st.composite
def mangled(draw: st.DrawFn, version: int, one: FlowspaceSlice, *, n_tables: int) -> bytes:
    """A whole frame, as the shell cuts them, in which a few bytes are not what they were."""
    entry = st.builds(
        lambda change, priority: evolve(change, priority=priority),
        changes(version, one, n_tables=n_tables),
        st.integers(0x4000, 0xF000),
    )
    message = draw(st.one_of(entry, emissions(version, one), entry_requests(version, one)))
    frame = bytearray(codec(version).encode(message))
    for _ in range(draw(st.integers(1, 3))):
        at = draw(st.integers(8, len(frame) - 1))
        if at not in _LEFT_ALONE[version]:
            frame[at] = draw(st.sampled_from((0, 1, 4, 8, 0x10, 0x80, 0xFF)))
    if draw(st.booleans()):
        frame[1] = draw(st.integers(5, 40))
    end = draw(st.sampled_from((len(frame), len(frame), draw(st.integers(8, len(frame))))))
    del frame[end:]
    frame[2:4] = end.to_bytes(2, "big")
    return bytes(frame)
