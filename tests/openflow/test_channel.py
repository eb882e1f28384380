"""Channels: dialogues with every kind of peer, liveness, and what becomes of those who break the protocol."""

from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.openflow import error_codes as ec
from flowvisor.openflow import messages as m
from flowvisor.openflow import v10, v13
from flowvisor.openflow.channel import (
    DEAD_SECONDS,
    FEATURES_XID,
    HANDSHAKE_SECONDS,
    IDLE_SECONDS,
    MAX_PROTOCOL_ERRORS,
    PROTOCOL_ERROR_WINDOW_SECONDS,
    Channel,
    Closed,
    Established,
    Event,
    Frames,
    Send,
)
from flowvisor.openflow.frame import ECHO_REQUEST, ERROR, HEADER, FrameCutter
from flowvisor.openflow.hello import decode_hello, encode_hello
from flowvisor.openflow.legality import HANDED_UP, TRANSITIONS, TYPES, Role, State, Verdict, verdict_on
from flowvisor.openflow.versions import CODECS

BOTH = frozenset({1, 4})
FEATURES = m.FeaturesReply(xid=FEATURES_XID, dpid=0x2A)


def hello(version: int, versions: set[int] | None = None) -> bytes:
    bitmap = None if versions is None else frozenset(versions)
    return encode_hello(m.Hello(xid=9, version=version, versions=bitmap))


def opened(role: Role, versions: frozenset[int] = BOTH) -> Channel:
    channel = Channel(role, versions)
    channel.begin(0.0)
    return channel


def established(role: Role, version: int = 4) -> Channel:
    channel = opened(role)
    channel.feed(hello(version, {version}), 0.0)
    if role is Role.CONTROLLER:
        channel.feed(CODECS[version].encode(FEATURES), 0.0)
    assert channel.state is State.ESTABLISHED
    return channel


def sent(events: list[Event]) -> list[bytes]:
    return [event.frame for event in events if isinstance(event, Send)]


def errors(events: list[Event], version: int = 4) -> list[m.Message]:
    return [CODECS[version].decode(frame) for frame in sent(events) if frame[1] == ERROR]


def frames_in(events: list[Event]) -> list[bytes]:
    return [frame for event in events if isinstance(event, Frames) for frame in event.frames]


# ------------------------------------------------------------------------------------------- handshake


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    ("versions", "frame"),
    [
        (BOTH, "04000010 00000001 00010008 00000012"),  # as Open vSwitch with 1.0 and 1.3
        ({4}, "04000010 00000001 00010008 00000010"),
        ({1}, "01000008 00000001"),  # without an element, as Open vSwitch
    ],
    ids=str,
)
def test_hello_goes_first_and_at_once(role: Role, versions: set[int], frame: str) -> None:
    assert Channel(role, frozenset(versions)).begin(0.0) == [Send(bytes.fromhex(frame))]


@pytest.mark.parametrize(
    ("ours", "theirs", "version"),
    [
        (BOTH, hello(4, {1, 4}), 4),
        (BOTH, hello(4, {1}), 1),
        (BOTH, hello(6, {1, 2, 3, 4, 5, 6}), 4),
        (BOTH, hello(5, {1, 5}), 1),
        (BOTH, hello(6), 4),  # ovs-testcontroller, Open vSwitch with all versions enabled
        (BOTH, hello(4), 4),  # os-ken, Ryu, Faucet
        (BOTH, hello(1), 1),  # POX
        (BOTH, hello(0x84), 4),
        ({1}, hello(4), 1),
        ({1}, hello(4, {1, 4}), 1),
        ({4}, hello(6), 4),
        (BOTH, hello(3), None),  # the lower of both is 1.2, which we do not speak
        (BOTH, hello(2), None),
        (BOTH, hello(0), None),
        (BOTH, hello(6, {5, 6}), None),
        (BOTH, hello(4, set()), None),
        ({4}, hello(1), None),
        ({1}, hello(4, {4}), None),
    ],
)
def test_the_highest_common_version_is_spoken(
    ours: frozenset[int], theirs: bytes, version: int | None
) -> None:
    channel = opened(Role.DATAPATH, frozenset(ours))
    events = channel.feed(theirs, 0.0)
    if version is not None:
        assert events == [Established(version, None)]
        assert channel.version == version
    else:
        told, closed = events
        assert isinstance(told, Send)
        assert HEADER.unpack_from(told.frame)[::3] == (theirs[0], 9)  # its version, its xid
        assert told.frame[1:2] + told.frame[8:12] == bytes((ERROR, 0, 0, 0, 0))  # HELLO_FAILED, INCOMPATIBLE
        assert b"we speak 1." in told.frame[12:]
        assert isinstance(closed, Closed)
        assert closed.error == ec.HELLO_INCOMPATIBLE
        assert channel.is_closed


@pytest.mark.parametrize("version", [1, 4])
def test_a_datapath_is_asked_for_its_features(version: int) -> None:
    codec = CODECS[version]
    channel = opened(Role.CONTROLLER)
    assert channel.feed(hello(version), 0.0) == [Send(codec.encode(m.FeaturesRequest(xid=FEATURES_XID)))]
    assert channel.state is State.WAIT_FEATURES
    assert channel.feed(codec.encode(FEATURES), 0.1) == [Established(version, FEATURES)]


def test_a_controller_that_waits_for_our_hello_and_takes_its_version_is_served() -> None:
    # ONOS says nothing before it has our HELLO, and takes the version in its header.
    channel = Channel(Role.DATAPATH, BOTH)
    (ours,) = sent(channel.begin(0.0))
    assert channel.tick(1.0) == []
    assert decode_hello(ours).version == 4
    assert channel.feed(hello(4, {1, 4, 5, 6}), 2.0) == [Established(4, None)]


def test_a_controller_that_says_all_in_one_segment_is_heard_out() -> None:
    # POX: HELLO, then after ours FEATURES_REQUEST and DESC together.
    request = v10.encode(m.FeaturesRequest(xid=5))
    barrier = v10.encode(m.BarrierRequest(xid=6))
    channel = opened(Role.DATAPATH)
    events = channel.feed(hello(1) + request + barrier, 0.0)
    assert events == [Established(1, None), Frames([request, barrier])]


def test_an_echo_between_hello_and_features_is_answered() -> None:
    # Faucet probes before it has the features.
    channel = opened(Role.CONTROLLER)
    channel.feed(hello(4), 0.0)
    probe = v13.encode(m.EchoRequest(xid=77, data=b"kytosd_13"))
    assert channel.feed(probe, 0.0) == [Send(v13.encode(m.EchoReply(xid=77, data=b"kytosd_13")))]
    assert channel.state is State.WAIT_FEATURES


@pytest.mark.parametrize("version", [1, 4, 6])
def test_an_echo_before_hello_is_answered_in_its_version(version: int) -> None:
    channel = opened(Role.DATAPATH)
    probe = HEADER.pack(version, 2, 12, 3) + b"ping"
    assert channel.feed(probe, 0.0) == [Send(HEADER.pack(version, 3, 12, 3) + b"ping")]
    assert channel.feed(hello(4), 0.0) == [Established(4, None)]


@pytest.mark.parametrize("role", Role)
def test_a_repeated_hello_changes_nothing(role: Role) -> None:
    # OpenDaylight may say HELLO again, with a lower version.
    channel = established(role)
    assert channel.feed(hello(4, {1, 4}) + hello(1), 0.0) == []
    assert channel.version == 4


def test_what_a_datapath_says_before_its_features_is_shed_and_counted() -> None:
    channel = opened(Role.CONTROLLER)
    channel.feed(hello(4), 0.0)
    early = v13.encode(m.PortStatus(reason=0, port=m.Port(1)))
    error = v13.encode(m.Error(xid=99, error=ec.BAD_TYPE))
    assert channel.feed(early + error, 0.0) == []
    assert channel.shed_frames == 2


def test_features_that_break_the_protocol_end_the_channel() -> None:
    channel = opened(Role.CONTROLLER)
    channel.feed(hello(4), 0.0)
    events = channel.feed(HEADER.pack(4, 6, 12, FEATURES_XID) + b"1234", 0.0)
    assert [error.error for error in errors(events) if isinstance(error, m.Error)] == [ec.BAD_LEN]
    assert isinstance(events[-1], Closed)


@pytest.mark.parametrize("state", [State.WAIT_HELLO, State.WAIT_FEATURES])
def test_a_peer_that_refuses_the_handshake_has_ended_the_channel(state: State) -> None:
    channel = opened(Role.CONTROLLER)
    if state is State.WAIT_FEATURES:
        channel.feed(hello(4), 0.0)
    refusal = v13.encode(m.Error(xid=FEATURES_XID, error=ec.REQUEST_EPERM, data=b"go away"))
    assert channel.feed(refusal, 0.0) == [Closed("the peer refused: error 1/5 'go away'", None)]


@pytest.mark.parametrize("role", Role)
def test_hello_failed_ends_an_established_channel(role: Role) -> None:
    # We thought that there was a common version, the peer found none.
    channel = established(role)
    events = channel.feed(HEADER.pack(1, ERROR, 12, 1) + pack("!HH", 0, 0), 0.0)
    assert [type(event) for event in events] == [Closed]


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    "frame",
    [HEADER.pack(4, 5, 8, 3), HEADER.pack(1, 10, 18, 0) + bytes(10), b"GET / HTTP/1.1\r\n\r\n" * 2000],
    ids=["features request", "packet-in", "HTTP"],
)
def test_whoever_does_not_begin_with_hello_is_told_and_hung_up_on(role: Role, frame: bytes) -> None:
    channel = opened(role)
    events = channel.feed(frame, 0.0)
    told, closed = events
    assert isinstance(told, Send)
    assert told.frame[0] == frame[0]
    assert told.frame[8:12] == pack("!HH", *ec.BAD_TYPE)
    assert closed == Closed(f"message type {frame[1]} before HELLO", ec.BAD_TYPE)


def test_nothing_counts_after_the_end() -> None:
    channel = opened(Role.DATAPATH)
    channel.feed(hello(2) + hello(4), 0.0)
    assert channel.is_closed
    assert channel.feed(hello(4), 0.0) == []
    assert channel.tick(99.0) == []


# ------------------------------------------------------------------------------------------- liveness


@pytest.mark.parametrize("role", Role)
def test_a_handshake_that_takes_too_long_is_given_up(role: Role) -> None:
    channel = opened(role)
    if role is Role.CONTROLLER:
        channel.feed(hello(4), HANDSHAKE_SECONDS - 1)
    assert channel.tick(HANDSHAKE_SECONDS - 0.1) == []
    assert channel.tick(HANDSHAKE_SECONDS) == [Closed("no handshake within 10 s", None)]


@pytest.mark.parametrize("version", [1, 4])
def test_a_silent_peer_is_probed_and_then_given_up(version: int) -> None:
    channel = established(Role.CONTROLLER, version)
    assert channel.tick(IDLE_SECONDS - 0.1) == []
    (first,) = sent(channel.tick(IDLE_SECONDS))
    assert CODECS[version].decode(first) == m.EchoRequest(xid=first[7])
    assert channel.tick(IDLE_SECONDS + 1) == []
    (second,) = sent(channel.tick(2 * IDLE_SECONDS))
    assert second[4:8] != first[4:8]
    assert channel.tick(DEAD_SECONDS - 0.1) == []
    assert channel.tick(DEAD_SECONDS) == [Closed("silent for 15 s", None)]


def test_an_answered_probe_is_consumed_and_measured() -> None:
    channel = established(Role.DATAPATH)
    (probe,) = sent(channel.tick(IDLE_SECONDS))
    assert channel.round_trip_seconds is None
    assert channel.feed(probe[:1] + b"\3" + probe[2:], IDLE_SECONDS + 0.25) == []
    assert channel.round_trip_seconds == 0.25
    assert channel.feed(HEADER.pack(4, 3, 8, 0x55), 9.0) == []  # an answer to nothing
    assert channel.round_trip_seconds == 0.25
    assert channel.tick(9.0 + IDLE_SECONDS - 0.1) == []


def test_any_byte_is_a_sign_of_life() -> None:
    channel = established(Role.DATAPATH)
    for second in range(1, 60):
        assert channel.feed(b"\4", float(second)) == []
        assert channel.tick(float(second)) == []


def test_a_peer_is_not_given_up_because_we_slept() -> None:
    channel = established(Role.DATAPATH)
    (probe,) = sent(channel.tick(1000.0))
    assert probe[1] == ECHO_REQUEST
    channel.tick(1000.0 + DEAD_SECONDS - IDLE_SECONDS - 0.1)
    assert not channel.is_closed
    assert channel.tick(1000.0 + DEAD_SECONDS - IDLE_SECONDS) == [Closed("silent for 1010 s", None)]


# ---------------------------------------------------------------------------------------- established


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("version", TYPES)
@pytest.mark.parametrize("state", [State.WAIT_HELLO, State.WAIT_FEATURES, State.ESTABLISHED])
def test_every_cell_of_the_table_is_what_the_channel_does(role: Role, version: int, state: State) -> None:
    if not TRANSITIONS[role, state]:
        return
    for number in range(256):
        channel = established(role, version) if state is State.ESTABLISHED else opened(role)
        if state is State.WAIT_FEATURES:
            channel.feed(hello(version), 0.0)
        frame = HEADER.pack(version, number, 12, 0x4000) + b"\1\2\3\4"
        events = channel.feed(frame, 0.0)
        match verdict_on(role, state, version, number):
            case Verdict.HAND_UP:
                assert events == [Frames([frame])]
            case Verdict.ANSWER:
                assert events == [Send(HEADER.pack(version, 3, 12, 0x4000) + b"\1\2\3\4")]
            case Verdict.REFUSE:
                assert events == [Send(HEADER.pack(version, 1, 24, 0x4000) + pack("!HH", 1, 1) + frame)]
                assert channel.protocol_errors == 1
            case Verdict.MEASURE | Verdict.IGNORE:
                assert events == []
            case Verdict.SHED:
                assert (events, channel.shed_frames) == ([], 1)
            case Verdict.HEED if state is State.ESTABLISHED:
                assert events == [Frames([frame])]
            case Verdict.HEED if state is State.WAIT_FEATURES:
                assert (events, channel.shed_frames) == ([], 1)
            case Verdict.NEGOTIATE:
                assert channel.state is not State.WAIT_HELLO
            case Verdict.HEED | Verdict.JOIN | Verdict.HANG_UP:  # the FEATURES_REPLY is a short one
                assert isinstance(events[-1], Closed)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("version", TYPES)
def test_a_read_goes_up_whole_and_in_order_with_echoes_answered_between(role: Role, version: int) -> None:
    channel = established(role, version)
    number = HANDED_UP[role, version].index(1)
    frames = [HEADER.pack(version, number, 8, xid) for xid in range(6)]
    assert channel.feed(b"".join(frames), 0.0) == [Frames(frames)]
    echo = HEADER.pack(version, 2, 8, 9)
    events = channel.feed(b"".join((*frames[:3], echo, *frames[3:])), 0.0)
    assert events == [Frames(frames[:3]), Send(HEADER.pack(version, 3, 8, 9)), Frames(frames[3:])]
    assert channel.feed(frames[0][:5], 0.0) == []
    assert channel.feed(frames[0][5:], 0.0) == [Frames(frames[:1])]


@given(st.data())
def test_how_a_stream_is_cut_makes_no_difference(data: st.DataObject) -> None:
    numbers = st.integers(0, 31)
    versions = st.sampled_from((1, 4, 4, 4, 4, 5))
    parts = data.draw(st.lists(st.tuples(versions, numbers, st.binary(max_size=20)), max_size=12))
    frames = [HEADER.pack(v, n, 8 + len(body), i) + body for i, (v, n, body) in enumerate(parts)]
    stream = hello(4) + b"".join(frames)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(stream)), max_size=8)))
    whole = opened(Role.DATAPATH)
    pieces = opened(Role.DATAPATH)
    expected = whole.feed(stream, 0.0)
    events: list[Event] = []
    for start, end in zip((0, *cuts), (*cuts, len(stream)), strict=True):
        events += pieces.feed(stream[start:end], 0.0)
    assert sent(events) == sent(expected)
    assert frames_in(events) == frames_in(expected)
    assert (pieces.state, pieces.protocol_errors) == (whole.state, whole.protocol_errors)


@given(st.lists(st.binary(max_size=100)), st.sampled_from(Role), st.booleans())
def test_no_bytes_at_all_are_more_than_it_can_bear(pieces: list[bytes], role: Role, greets: bool) -> None:
    channel = opened(role)
    if greets:
        channel.feed(hello(4), 0.0)
    for piece in pieces:
        for frame in sent(channel.feed(piece, 0.0)):
            assert len(FrameCutter().feed(frame)) == 1


@pytest.mark.parametrize("length", [0, 7])
@pytest.mark.parametrize("version", [0, 1, 4])
def test_a_header_that_cannot_be_ends_the_channel(version: int, length: int) -> None:
    channel = established(Role.CONTROLLER, version) if version else opened(Role.CONTROLLER)
    events = channel.feed(HEADER.pack(4, 10, length, 1), 0.0)
    told, closed = events
    assert isinstance(told, Send)
    assert CODECS[version or 4].decode(told.frame) == m.Error(error=ec.BAD_LEN)
    assert isinstance(closed, Closed)
    assert closed.error == ec.BAD_LEN


# ------------------------------------------------------------------------------------- protocol errors


@pytest.mark.parametrize(("version", "other"), [(1, 4), (4, 1), (4, 5), (4, 0)])
def test_another_version_is_refused_in_that_version(version: int, other: int) -> None:
    channel = established(Role.DATAPATH, version)
    frame = HEADER.pack(other, 5, 8, 0x77)
    good = CODECS[version].encode(m.BarrierRequest(xid=1))
    events = channel.feed(good + frame + good, 0.0)
    refusal = HEADER.pack(other, 1, 20, 0x77) + pack("!HH", 1, 0) + frame
    assert events == [Frames([good]), Send(refusal), Frames([good])]


def test_an_error_of_another_version_is_shed() -> None:
    channel = established(Role.CONTROLLER)
    assert channel.feed(v10.encode(m.Error(error=ec.BAD_TYPE)), 0.0) == []
    assert channel.shed_frames == 1


def test_a_refusal_quotes_the_first_64_bytes() -> None:
    channel = established(Role.DATAPATH)
    frame = HEADER.pack(4, 10, 200, 1) + bytes(range(192))
    (error,) = errors(channel.feed(frame, 0.0))
    assert error == m.Error(xid=1, error=ec.BAD_TYPE, data=frame[:64])


def test_a_peer_that_goes_on_breaking_the_protocol_is_hung_up_on() -> None:
    channel = established(Role.DATAPATH)
    garbage = HEADER.pack(4, 99, 8, 1)
    good = v13.encode(m.BarrierRequest())
    assert len(channel.feed(garbage * (MAX_PROTOCOL_ERRORS - 1), 0.0)) == MAX_PROTOCOL_ERRORS - 1
    events = channel.feed(garbage + good, 0.0)
    assert [type(event) for event in events] == [Send, Closed]
    assert events[-1] == Closed("16 protocol errors", ec.BAD_TYPE)


def test_mistakes_are_forgotten_after_a_while() -> None:
    channel = established(Role.DATAPATH)
    garbage = HEADER.pack(4, 99, 8, 1)
    for hour in range(50):
        channel.feed(garbage * (MAX_PROTOCOL_ERRORS - 1), hour * PROTOCOL_ERROR_WINDOW_SECONDS)
    assert not channel.is_closed


@pytest.mark.parametrize("version", [1, 4])
def test_who_decodes_frames_refuses_them_through_the_channel(version: int) -> None:
    channel = established(Role.DATAPATH, version)
    frame = CODECS[version].encode(m.FlowMod(xid=8))
    expected = m.Error(xid=8, error=ec.OVERLAP, data=frame[:64])
    assert errors(channel.refuse(frame, ec.OVERLAP, 0.0), version) == [expected]
    assert channel.protocol_errors == 1


def test_an_error_is_never_answered() -> None:
    channel = established(Role.CONTROLLER)
    frame = HEADER.pack(4, ERROR, 8, 1)  # too short to be one, which the core finds out
    assert channel.feed(frame, 0.0) == [Frames([frame])]
    assert channel.refuse(frame, ec.BAD_LEN, 0.0) == []
    assert channel.protocol_errors == 1


# --------------------------------------------------------------------------------- both ends are ours


@given(
    st.sets(st.sampled_from(sorted(CODECS)), min_size=1),
    st.sets(st.sampled_from(sorted(CODECS)), min_size=1),
    st.data(),
)
def test_two_channels_agree_on_the_highest_common_version_or_both_end(
    ours: set[int], theirs: set[int], data: st.DataObject
) -> None:
    ends = [Channel(Role.CONTROLLER, frozenset(ours)), Channel(Role.DATAPATH, frozenset(theirs))]
    wires = [b"".join(sent(end.begin(0.0))) for end in ends]  # what each has sent and the other not yet read
    while wires[0] or wires[1]:
        reader = data.draw(st.sampled_from([1 - writer for writer in (0, 1) if wires[writer]]))
        wire = wires[1 - reader]
        length = data.draw(st.integers(1, len(wire)))
        wires[1 - reader] = wire[length:]
        events = ends[reader].feed(wire[:length], 0.0)
        wires[reader] += b"".join(sent(events))
        for frame in frames_in(events):  # the hypervisor's part: a datapath tells its features
            assert frame[1] == 5
            wires[reader] += CODECS[frame[0]].encode(m.FeaturesReply(xid=2, dpid=1))
    common = max(ours & theirs, default=None)
    expected = State.CLOSED if common is None else State.ESTABLISHED
    assert [end.state for end in ends] == [expected, expected]
    if common is not None:
        assert [end.version for end in ends] == [common, common]
