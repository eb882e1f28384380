"""os-ken and we agree on the bytes of OpenFlow 1.3, both ways."""

from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowvisor.openflow import actions as a
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow import v13
from flowvisor.openflow.messages import Message
from tests.support.message_strategies import (
    ACTIONS_13,
    Vocabulary,
    every_message_13,
    few,
    instructions_13,
    lists_of,
    matches,
    oxm_headers,
    plain_bands,
    texts,
    u8,
    u32,
    u64,
)
from tests.support.oracles_13 import THEIR_MESSAGES, assert_same, parsed, their_frame

# Without experimenters' parts: os-ken has its own classes for those that it knows.
plain_actions = few(
    st.one_of(*(strategy for cls, strategy in ACTIONS_13.items() if cls is not a.OpaqueAction)), 4
)
plain_instructions = lists_of(instructions_13(plain_actions), without=a.OpaqueInstruction)


def plain_tables(_: st.SearchStrategy[int]) -> st.SearchStrategy[tuple[mp.TableFeatures, ...]]:
    ids = {
        **dict.fromkeys((0, 1), st.integers(1, 6)),
        **dict.fromkeys((2, 3), u8),
        **dict.fromkeys((4, 5, 6, 7), st.sampled_from((0, 11, 12, 15, 25))),
        **dict.fromkeys((8, 10, 12, 13, 14, 15), oxm_headers),
    }
    properties = st.sampled_from(sorted(ids)).flatmap(
        lambda kind: st.builds(mp.TableProperty, st.just(kind), few(ids[kind]))
    )
    return few(st.builds(mp.TableFeatures, u8, texts(32), u64, u64, u32, u32, few(properties)), 2)


PLAIN = every_message_13(
    Vocabulary(
        matches=matches(opaque=False),
        actions=plain_actions,
        shown_actions=plain_actions,
        instructions=plain_instructions,
        shown_instructions=plain_instructions,
        bands=few(plain_bands),
        queue_properties=st.just(()),
        tables=plain_tables,
        more=st.booleans(),
    )
)
SERIALISED = sorted(THEIR_MESSAGES, key=lambda cls: cls.__name__)
PARSED = [
    *(m.Error, m.EchoRequest, m.EchoReply, m.FeaturesReply, m.GetConfigReply, m.PacketIn, m.FlowRemoved),
    *(m.PortStatus, m.BarrierReply, m.QueueGetConfigReply, m.RoleReply, m.GetAsyncReply, m.FlowMod),
    *(mp.DescReply, mp.FlowStatsReply, mp.AggregateStatsReply, mp.TableStatsReply, mp.PortStatsReply),
    *(mp.QueueStatsReply, mp.GroupStatsReply, mp.GroupDescReply, mp.GroupFeaturesReply, mp.MeterStatsReply),
    *(mp.MeterConfigReply, mp.MeterFeaturesReply, mp.TableFeaturesReply, mp.PortDescReply),
]


def as_os_ken_has_it(message: Any) -> Any:
    """Leave out what os-ken's classes cannot say."""
    if isinstance(message, m.PacketIn):  # it cuts the packet to what it was
        return attrs.evolve(message, total_len=max(message.total_len, len(message.data)))
    if isinstance(message, m.PacketOut):
        # It asserts that there is a packet or a buffer, and writes its head over the packet if there are no
        # actions before that.
        message = attrs.evolve(message, data=message.data if message.actions else b"")
        return attrs.evolve(message, buffer_id=m.NO_BUFFER) if message.data else message
    if isinstance(message, m.Error):  # experimenters' errors are a class of their own
        return attrs.evolve(message, error=(message.error[0] & 0x7FFF, message.error[1]))
    return message


@pytest.mark.parametrize("cls", SERIALISED, ids=lambda cls: cls.__name__)
@settings(max_examples=15)
@given(data=st.data())
def test_os_ken_writes_a_message_as_we_do(cls: type[Message], data: st.DataObject) -> None:
    message = as_os_ken_has_it(data.draw(PLAIN[cls]))
    frame = v13.encode(message)
    assert their_frame(message) == frame
    assert v13.decode(frame) == message


@pytest.mark.parametrize("cls", PARSED, ids=lambda cls: cls.__name__)
@settings(max_examples=15)
@given(data=st.data())
def test_os_ken_reads_in_our_frame_what_we_wrote(cls: type[Message], data: st.DataObject) -> None:
    message = as_os_ken_has_it(data.draw(PLAIN[cls]))
    assert_same(message, parsed(v13.encode(message)))
