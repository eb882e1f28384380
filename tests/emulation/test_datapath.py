"""Dialogues with an emulated datapath."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.emulation.datapath import EmulatedDatapath, Tell
from flowvisor.emulation.pipeline import Transmit
from flowvisor.openflow import error_codes, ports
from flowvisor.openflow import messages as m
from flowvisor.openflow.actions import ApplyActions, Enqueue, GotoTable, Output, WriteMetadata
from flowvisor.openflow.error_codes import ErrorCode
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import Port
from flowvisor.openflow.versions import codec

PACKET = bytes(range(60))
TO_2 = (ApplyActions((Output(2),)),)


def datapath(version: int = 4, **fields: Any) -> EmulatedDatapath:
    made = EmulatedDatapath(0x11, version, (1, 2, 3), **fields)
    made.connect(0)
    return made


def told(effects: list[Any]) -> list[m.Message]:
    return [effect.message for effect in effects if isinstance(effect, Tell)]


def answer(of: EmulatedDatapath, request: m.Message | bytes, now: float = 0.0) -> Any:
    (message,) = told(of.from_controller(request, now))
    return message


# --------------------------------------------------------------------------------------------- handshake


@pytest.mark.parametrize("version", [1, 4])
def test_it_says_what_it_is(version: int) -> None:
    features = answer(datapath(version), m.FeaturesRequest(xid=3))
    assert (features.xid, features.dpid, features.n_buffers) == (3, 0x11, 0)
    assert features.n_tables == (1 if version == 1 else 254)
    assert [port.number for port in features.ports] == ([1, 2, 3] if version == 1 else [])
    assert codec(version).decode(codec(version).encode(features)) == features


@pytest.mark.parametrize("version", [1, 4])
def test_it_echoes_and_answers_barriers(version: int) -> None:
    assert answer(datapath(version), m.EchoRequest(xid=1, data=b"abc")) == m.EchoReply(xid=1, data=b"abc")
    assert answer(datapath(version), m.BarrierRequest(xid=2)) == m.BarrierReply(xid=2)


def test_its_configuration_is_kept_for_each_controller() -> None:
    of = datapath()
    of.from_controller(m.SetConfig(flags=1, miss_send_len=0xFFFF), 0.0, controller=1)
    assert answer(of, m.GetConfigRequest()) == m.GetConfigReply()
    (mine,) = told(of.from_controller(m.GetConfigRequest(), 0.0, controller=1))
    assert mine == m.GetConfigReply(flags=1, miss_send_len=0xFFFF)


def test_it_speaks_in_frames_too() -> None:
    frame = codec(1).encode(m.BarrierRequest(xid=8))
    assert answer(datapath(1), frame) == m.BarrierReply(xid=8)


@pytest.mark.parametrize("message", [m.Hello(version=4), m.Error(error=(1, 1)), m.EchoReply()])
def test_some_messages_need_no_answer(message: m.Message) -> None:
    assert datapath().from_controller(message, 0.0) == []


# ------------------------------------------------------------------------------------------------ errors

ERRORS: list[tuple[m.Message, ErrorCode]] = [
    (m.BarrierReply(), error_codes.BAD_TYPE),
    (m.Experimenter(experimenter=0x2320, body=bytes(4)), error_codes.BAD_EXPERIMENTER),
    (m.SetConfig(flags=8), error_codes.SWITCH_CONFIG_BAD_FLAGS),
    (m.RoleRequest(role=9), error_codes.BAD_ROLE),
    (m.QueueGetConfigRequest(port=9), error_codes.QUEUE_BAD_PORT),
    (m.PacketOut(buffer_id=1), error_codes.BUFFER_UNKNOWN),
    (m.PacketOut(in_port=9), error_codes.REQUEST_BAD_PORT),
    (m.PacketOut(actions=(Output(0),)), error_codes.ACTION_BAD_OUT_PORT),
    (m.PortMod(port=9), error_codes.PORT_MOD_BAD_PORT),
    (m.PortMod(port=1, hw_addr=bytes(6)), error_codes.PORT_MOD_BAD_HW_ADDR),
    (m.TableMod(table_id=254), error_codes.TABLE_MOD_BAD_TABLE),
    (m.FlowMod(table_id=254), error_codes.FLOW_MOD_BAD_TABLE_ID),
    (m.GroupMod(command=m.GROUP_MODIFY, group_id=1), error_codes.UNKNOWN_GROUP),
    (m.MeterMod(command=m.METER_MODIFY, meter_id=1), error_codes.UNKNOWN_METER),
]


@pytest.mark.parametrize(("message", "error"), ERRORS)
def test_what_is_wrong_is_answered_with_an_error_and_the_request(
    message: m.Message, error: ErrorCode
) -> None:
    frame = codec(4).encode(message)
    assert answer(datapath(), message) == m.Error(xid=0, error=error, data=frame[:64])
    assert answer(datapath(), frame) == m.Error(xid=0, error=error, data=frame[:64])


def test_a_message_that_the_version_has_not_is_of_a_bad_type() -> None:
    assert answer(datapath(1), m.GetAsyncReply(xid=4)) == m.Error(xid=4, error=error_codes.BAD_TYPE)


def test_a_malformed_frame_is_answered_as_the_codec_says() -> None:
    frame = bytes.fromhex("04 63 0008 00000007")
    assert answer(datapath(), frame) == m.Error(xid=7, error=error_codes.BAD_TYPE, data=frame)


WRITES: list[m.Message] = [
    *(m.PacketOut(), m.FlowMod(), m.GroupMod(command=0, group_id=1), m.PortMod(port=1)),
    *(m.TableMod(table_id=0), m.MeterMod(command=0, meter_id=1, flags=1)),
]


@pytest.mark.parametrize("message", WRITES)
def test_a_slave_may_not_write(message: m.Message) -> None:
    of = datapath()
    assert answer(of, m.RoleRequest(role=m.ROLE_SLAVE)).role == m.ROLE_SLAVE
    assert answer(of, message).error == error_codes.IS_SLAVE


# ----------------------------------------------------------------------------------------------- packets


def test_a_packet_follows_its_flow_entry() -> None:
    of = datapath()
    of.from_controller(m.FlowMod(match=Match.of(in_port=1), instructions=TO_2), 0.0)
    assert of.from_port(1, PACKET, 1.0) == [Transmit(2, PACKET)]
    assert of.from_port(3, PACKET, 1.0) == []


def test_a_miss_of_1_0_comes_to_the_controllers_whole() -> None:
    packet = bytes(1500)
    (message,) = told(datapath(1).from_port(3, packet, 0.0))
    assert message == m.PacketIn(total_len=1500, reason=0, match=Match.of(in_port=3), data=packet)


def test_a_packet_in_of_1_3_tells_table_cookie_and_metadata() -> None:
    of = datapath()
    to_controller = (ApplyActions((Output(ports.CONTROLLER),)),)
    of.from_controller(m.FlowMod(instructions=(WriteMetadata(5, 7), GotoTable(3))), 0.0)
    of.from_controller(m.FlowMod(table_id=3, cookie=9, instructions=to_controller), 0.0)
    (message,) = told(of.from_port(1, PACKET, 0.0))
    assert message == m.PacketIn(
        total_len=60, reason=1, table_id=3, cookie=9, match=Match.of(in_port=1, metadata=5), data=PACKET
    )


def test_a_packet_too_long_for_a_frame_is_cut() -> None:
    (message,) = told(datapath(1).from_port(3, bytes(0xFFFF), 0.0))
    assert isinstance(message, m.PacketIn)
    assert message.total_len == 0xFFFF
    assert len(codec(1).encode(message)) <= 0xFFFF


def test_a_packet_at_a_port_that_is_not_there_or_does_not_receive_is_dropped() -> None:
    of = datapath(1)
    assert of.from_port(9, PACKET, 0.0) == []
    of.set_link(1, is_up=False)
    assert of.from_port(1, PACKET, 0.0) == []
    assert of.statistics.ports[1].rx_dropped == 1


def test_a_packet_out_is_sent_and_counted() -> None:
    of = datapath(1)
    out = m.PacketOut(in_port=1, actions=(Output(ports.FLOOD), Enqueue(2, 7)), data=PACKET)
    assert of.from_controller(out, 0.0) == [
        *(Transmit(2, PACKET), Transmit(3, PACKET), Transmit(2, PACKET, 7)),
    ]
    assert of.statistics.ports[2].tx_packets == 2


def test_only_controllers_that_are_connected_are_told() -> None:
    of = datapath(1)
    of.connect(1)
    of.disconnect(0)
    assert [effect.controller for effect in of.from_port(1, PACKET, 0.0) if isinstance(effect, Tell)] == [1]


# ------------------------------------------------------------------------------------------------ expiry


@pytest.mark.parametrize("version", [1, 4])
def test_an_expired_entry_is_told_if_it_asked(version: int) -> None:
    of = datapath(version)
    for cookie, flags in ((1, m.SEND_FLOW_REM), (2, 0)):
        mod = m.FlowMod(
            cookie=cookie, match=Match.of(in_port=cookie), flags=flags, hard_timeout=5, instructions=TO_2
        )
        of.from_controller(mod, 1.0)
    of.from_port(1, PACKET, 2.0)
    assert of.tick(5.9) == []
    (message,) = told(of.tick(6.5))
    assert isinstance(message, m.FlowRemoved)
    assert (message.cookie, message.reason, message.packet_count) == (1, m.HARD_TIMEOUT, 1)
    assert (message.duration_sec, message.duration_nsec) == (5, 500_000_000)
    assert of.tick(99.0) == []


def test_a_deleted_entry_is_told_with_the_reason() -> None:
    of = datapath()
    of.from_controller(m.FlowMod(cookie=1, flags=m.SEND_FLOW_REM), 1.0)
    (message,) = told(of.from_controller(m.FlowMod(command=m.DELETE), 2.0))
    assert isinstance(message, m.FlowRemoved)
    assert (message.cookie, message.reason) == (1, m.REMOVED_BY_DELETE)


# ------------------------------------------------------------------------------------------------- ports


def test_a_change_of_a_port_is_told() -> None:
    of = datapath()
    (down,) = told(of.set_link(1, is_up=False))
    assert isinstance(down, m.PortStatus)
    assert (down.reason, down.port.state) == (m.PORT_MODIFY, ports.LINK_DOWN)
    assert of.set_link(1, is_up=False) == []
    (up,) = told(of.set_link(1, is_up=True))
    assert isinstance(up, m.PortStatus)
    assert up.port.state == ports.LIVE


def test_ports_come_and_go() -> None:
    of = datapath()
    (added,) = told(of.add_port(Port(9, name="new"), 1.0))
    assert added == m.PortStatus(reason=m.PORT_ADD, port=Port(9, name="new"))
    (removed,) = told(of.remove_port(9))
    assert removed == m.PortStatus(reason=m.PORT_DELETE, port=Port(9, name="new"))
    assert of.from_port(9, PACKET, 2.0) == []


def test_a_port_mod_changes_the_masked_bits_and_is_told() -> None:
    of = datapath()
    hw_addr = of.pipeline.ports[1].hw_addr
    mod = m.PortMod(port=1, hw_addr=hw_addr, config=ports.NO_FWD | ports.PORT_DOWN, mask=ports.NO_FWD)
    (status,) = told(of.from_controller(mod, 0.0))
    assert isinstance(status, m.PortStatus)
    assert status.port.config == ports.NO_FWD
    assert of.from_controller(mod, 0.0) == []
    assert of.from_controller(m.PacketOut(actions=(Output(1),), data=PACKET), 0.0) == []


def test_queues_are_told_with_their_ports() -> None:
    of = datapath(4, queues={2: (m.PacketQueue(7, min_rate=10),)})
    for port in (2, ports.ANY):
        reply = answer(of, m.QueueGetConfigRequest(port=port))
        assert reply.queues == (m.PacketQueue(7, port=2, min_rate=10),)
    assert answer(of, m.QueueGetConfigRequest(port=1)).queues == ()


def test_masks_are_set_and_told() -> None:
    of = datapath()
    assert answer(of, m.GetAsyncRequest()).masks.packet_in == (0x3, 0)
    of.from_controller(m.SetAsync(masks=m.AsyncMasks(port_status=(0, 0))), 0.0)
    assert answer(of, m.GetAsyncRequest()).masks.port_status == (0, 0)
    assert of.set_link(1, is_up=False) == []


@pytest.mark.parametrize("version", [1, 4])
@given(body=st.binary(max_size=80), kind=st.integers(0, 30))
def test_no_frame_makes_it_raise(version: int, body: bytes, kind: int) -> None:
    frame = bytes([version, kind]) + (8 + len(body)).to_bytes(2, "big") + bytes(4) + body
    for message in told(datapath(version).from_controller(frame, 0.0)):
        codec(version).encode(message)
