"""os-ken and we agree on the bytes of OpenFlow 1.0, both ways."""

from typing import Any

import attrs
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flowvisor.openflow import actions as a
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow import v10
from flowvisor.openflow.messages import Message
from tests.support.message_strategies_10 import messages_10
from tests.support.oracles_10 import AS_READ, THEIR_MESSAGES, as_they_read, their_frame

NICIRA = 0x2320  # whose messages os-ken takes apart


def has_vendors_action(message: Any) -> bool:
    flows = getattr(message, "flows", (message,))
    lists = [getattr(i, "actions", ()) for flow in flows for i in getattr(flow, "instructions", ())]
    return any(isinstance(action, a.OpaqueAction) for actions in lists for action in actions)


@pytest.mark.parametrize("cls", THEIR_MESSAGES, ids=lambda cls: cls.__name__)
@settings(max_examples=40)
@given(data=st.data())
def test_what_os_ken_writes_we_read_and_write_the_same(cls: type[Message], data: st.DataObject) -> None:
    message = data.draw(messages_10(cls))
    assume(not has_vendors_action(message))
    match message:
        case m.Hello():
            message = attrs.evolve(message, versions=None)  # os-ken writes no elements in 1.0
        case m.PacketOut():
            if message.data:  # os-ken insists on what 1.0 says: data is for a packet without buffer
                message = attrs.evolve(message, buffer_id=m.NO_BUFFER)
            plain = tuple(action for action in message.actions if not isinstance(action, a.OpaqueAction))
            message = attrs.evolve(message, actions=plain)
            if not plain:  # os-ken writes the head over the data then
                message = attrs.evolve(message, data=b"")
        case m.FlowMod():
            message = attrs.evolve(message, flags=message.flags & ~m.EMERGENCY)
        case m.PortMod():
            message = attrs.evolve(message, advertise=0)
        case m.Error():
            message = attrs.evolve(message, data=message.data or b"-")
        case mp.QueueStatsRequest(port=0xFFFFFFFF):
            message = attrs.evolve(message, port=1)
    frame = their_frame(message)
    assert v10.decode(frame) == message
    wildcards = slice(8, 12) if cls is m.FlowMod else slice(12, 16)  # 63 bits of an address, we write 32
    ours = v10.encode(message)
    if hasattr(message, "match"):
        frame = frame[: wildcards.start] + ours[wildcards] + frame[wildcards.stop :]
    assert ours == frame


@pytest.mark.parametrize("cls", AS_READ, ids=lambda cls: cls.__name__)
@settings(max_examples=40)
@given(data=st.data())
def test_what_we_write_os_ken_reads_as_we_meant_it(cls: type[Message], data: st.DataObject) -> None:
    message = data.draw(messages_10(cls))
    assume(not has_vendors_action(message))
    match message:
        case m.Experimenter(experimenter=vendor):
            assume(vendor != NICIRA)
        case m.FlowMod():
            message = attrs.evolve(message, flags=message.flags & ~m.EMERGENCY)
        case m.FeaturesReply(ports=ports):  # os-ken keeps one of each number
            assume(len({port.number for port in ports}) == len(ports))
        case m.PacketIn():  # os-ken cuts the packet to the length that it had
            message = attrs.evolve(message, total_len=len(message.data))
        case m.QueueGetConfigReply(queues=queues):  # os-ken knows one property
            plain = tuple(attrs.evolve(queue, opaque=()) for queue in queues)
            message = attrs.evolve(message, queues=plain)
    theirs = as_they_read(v10.encode(message))
    read = AS_READ[cls](theirs)
    expected = {name: getattr(message, name) for name in read}
    if cls is m.FeaturesReply:
        expected["ports"] = set(expected["ports"])
    assert read == expected
    assert theirs.xid == message.xid
    if isinstance(message, mp.MultipartReply):
        assert theirs.flags == int(message.more)
