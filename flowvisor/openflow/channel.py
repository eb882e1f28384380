"""One OpenFlow channel, in either role: bytes and the time go in, events come out.

Strategy: on an established channel nearly every frame is the core's business, so a read is cut into frames
and one loop looks at their version and type bytes; only if one of them is not to be handed up are they taken
one by one. Version negotiation is the specification's (1.3, section 6.3.1), except that a bitmap counts also
when we sent none: a 1.0-only and a 1.3-only channel then both see that they have nothing in common.
"""

from __future__ import annotations

from collections.abc import Iterable
from struct import Struct
from typing import Final, NamedTuple, Union

from flowvisor.errors import MalformedMessage
from flowvisor.openflow import v10
from flowvisor.openflow.error_codes import (
    BAD_TYPE,
    BAD_VERSION,
    HELLO_FAILED,
    HELLO_INCOMPATIBLE,
    ErrorCode,
)
from flowvisor.openflow.frame import (
    ECHO_REPLY,
    ECHO_REQUEST,
    ERROR,
    FEATURES_REQUEST,
    HEADER,
    HEADER_LENGTH,
    FrameCutter,
    xid_of,
)
from flowvisor.openflow.hello import decode_hello, encode_hello
from flowvisor.openflow.legality import HANDED_UP, LAST_COMMON_TYPE, Role, State, Verdict, verdict_on
from flowvisor.openflow.messages import FeaturesReply, Hello
from flowvisor.openflow.v10_error_codes import error_to_10
from flowvisor.openflow.versions import CODECS, SUPPORTED

IDLE_SECONDS: Final = 5.0  # then we probe
DEAD_SECONDS: Final = 15.0  # then, with probes unanswered, the peer is given up
HANDSHAKE_SECONDS: Final = 10.0  # for HELLO and FEATURES_REPLY together
MAX_PROTOCOL_ERRORS: Final = 16  # within the window; then the peer is hung up on
PROTOCOL_ERROR_WINDOW_SECONDS: Final = 60.0
QUOTED_BYTES: Final = 64  # of a refused frame; the specification asks for at least so many

HELLO_XID: Final = 1
FEATURES_XID: Final = 2
FIRST_PROBE_XID: Final = 3

_ERROR: Final = Struct("!HH")


class Send(NamedTuple):
    """Write this to the peer."""

    frame: bytes


class Established(NamedTuple):
    """The handshake is done. `features` is what a datapath answered; None towards a controller."""

    version: int
    features: FeaturesReply | None


class Frames(NamedTuple):
    """Whole frames, in order, of the channel's version and of types that are legal in this direction."""

    frames: list[bytes]


class Closed(NamedTuple):
    """The channel is over: hang up, after what is to be sent. `error` is what the peer was told, if any."""

    reason: str
    error: ErrorCode | None


Event = Union[Send, Established, Frames, Closed]  # noqa: UP007


class Channel:
    """The protocol of one connection. `versions` are the wire versions that we offer."""

    def __init__(self, role: Role, versions: frozenset[int]) -> None:
        assert versions
        assert versions <= SUPPORTED
        self.role = role
        self.versions = versions
        self.state = State.WAIT_HELLO
        self.version = 0  # none yet
        self.round_trip_seconds: float | None = None  # of the latest probe that was answered
        self.shed_frames = 0  # that came before they could be of use
        self.protocol_errors = 0  # of the peer, in the current window
        self._cutter = FrameCutter()
        self._handed_up = bytes(256)  # by type: 1 for what goes up at once
        self._began_at = self._heard_at = self._window_began_at = 0.0
        self._probing_since = float("-inf")  # the first of the probes since we last heard something
        self._probed_at = 0.0
        self._probe_xid = FIRST_PROBE_XID - 1

    @property
    def is_closed(self) -> bool:
        return self.state is State.CLOSED

    def begin(self, now: float) -> list[Event]:
        """The connection is there. HELLO goes out at once: some controllers (ONOS) wait for it."""
        self._began_at = self._heard_at = now
        highest = max(self.versions)
        only_10 = highest == v10.VERSION  # 1.0 knows no elements, and Open vSwitch sends none then either
        hello = Hello(xid=HELLO_XID, version=highest, versions=None if only_10 else self.versions)
        return [Send(encode_hello(hello))]

    def feed(self, data: bytes, now: float) -> list[Event]:
        """Take what the peer sent; after the end of the channel it counts for nothing."""
        if self.state is State.CLOSED:
            return []
        self._heard_at = now
        events: list[Event] = []
        try:
            frames = self._cutter.feed(data)
        except MalformedMessage as error:
            # Where the frame began is not known any more, so there is nothing to quote.
            header = HEADER.pack(self.version or max(self.versions), ECHO_REQUEST, HEADER_LENGTH, 0)
            self._fail(str(error), (error.error_type, error.error_code), header, b"", events)
            return events
        handed_up, version = self._handed_up, self.version
        for frame in frames:
            if not handed_up[frame[1]] or frame[0] != version:
                break
        else:
            return [Frames(frames)] if frames else events
        for frame in frames:
            self._take(frame, now, events)
            if self.is_closed:
                break
        return events

    def tick(self, now: float) -> list[Event]:
        """Time has passed: probe a peer that is silent, give up one that stays so. Call it every second."""
        if self.is_closed:
            return []
        if self.state is not State.ESTABLISHED:
            if now - self._began_at < HANDSHAKE_SECONDS:
                return []
            return self._close(f"no handshake within {HANDSHAKE_SECONDS:g} s", None, [])
        if now - self._heard_at < IDLE_SECONDS:
            return []
        # Silence counts from the first probe: if it is we who slept, the peer still gets its chance.
        if self._probing_since <= self._heard_at:
            self._probing_since = now
        elif now - self._probing_since >= DEAD_SECONDS - IDLE_SECONDS:
            return self._close(f"silent for {now - self._heard_at:.0f} s", None, [])
        elif now - self._probed_at < IDLE_SECONDS:
            return []
        self._probed_at = now
        self._probe_xid = max(FIRST_PROBE_XID, self._probe_xid + 1 & 0x7FFFFFFF)
        return [Send(HEADER.pack(self.version, ECHO_REQUEST, HEADER_LENGTH, self._probe_xid))]

    def refuse(self, frame: bytes, error: ErrorCode, now: float) -> list[Event]:
        """Answer a frame that breaks the protocol, and hang up when it is one too many.

        For those who decode what was handed up, too. An ERROR is never answered, only counted.
        """
        events: list[Event] = []
        self._refuse(frame, error, now, events)
        return events

    def _take(self, frame: bytes, now: float, events: list[Event]) -> None:
        version, number = frame[0], frame[1]
        if version != self.version and number > LAST_COMMON_TYPE and self.state is not State.WAIT_HELLO:
            return self._refuse(frame, BAD_VERSION, now, events)
        match verdict_on(self.role, self.state, self.version, number):
            case Verdict.HAND_UP:
                _hand_up(frame, events)
            case Verdict.ANSWER:
                events.append(Send(frame[:1] + bytes((ECHO_REPLY,)) + frame[2:]))
            case Verdict.MEASURE:
                if xid_of(frame) == self._probe_xid:
                    self.round_trip_seconds = now - self._probed_at
            case Verdict.NEGOTIATE:
                self._negotiate(frame, events)
            case Verdict.JOIN:
                self._join(frame, events)
            case Verdict.HEED:
                self._heed(frame, events)
            case Verdict.SHED:
                self.shed_frames += 1
            case Verdict.REFUSE:
                self._refuse(frame, BAD_TYPE, now, events)
            case Verdict.HANG_UP:
                self._fail(
                    f"message type {number} before HELLO", BAD_TYPE, frame, frame[:QUOTED_BYTES], events
                )
            case Verdict.IGNORE:
                pass

    def _negotiate(self, frame: bytes, events: list[Event]) -> None:
        hello = decode_hello(frame)
        if hello.versions is not None:
            version = max(hello.versions & self.versions, default=0)
        else:
            version = min(hello.version, max(self.versions))
        if version not in self.versions:
            theirs = hello.versions or {hello.version}
            text = f"we speak {_names(self.versions)}, you {_names(theirs)}"
            self._fail(f"no common version: {text}", HELLO_INCOMPATIBLE, frame, text.encode("ascii"), events)
            return
        self.version = version
        if self.role is Role.CONTROLLER:
            self.state = State.WAIT_FEATURES
            events.append(Send(HEADER.pack(version, FEATURES_REQUEST, HEADER_LENGTH, FEATURES_XID)))
        else:
            self._establish(None, events)

    def _join(self, frame: bytes, events: list[Event]) -> None:
        try:
            features = CODECS[self.version].decode(frame)
        except MalformedMessage as error:
            pair = (error.error_type, error.error_code)
            self._fail(f"FEATURES_REPLY: {error}", pair, frame, frame[:QUOTED_BYTES], events)
            return
        assert isinstance(features, FeaturesReply)
        self._establish(features, events)

    def _establish(self, features: FeaturesReply | None, events: list[Event]) -> None:
        self.state = State.ESTABLISHED
        self._handed_up = HANDED_UP[self.role, self.version]
        events.append(Established(self.version, features))

    def _heed(self, frame: bytes, events: list[Event]) -> None:
        """An ERROR ends a channel if it says that there is none, or if it answers our handshake."""
        kind, code = _ERROR.unpack_from(frame[HEADER_LENGTH:].ljust(_ERROR.size, b"\xff"))
        handshake_xid = FEATURES_XID if self.state is State.WAIT_FEATURES else None
        before_hello = self.state is State.WAIT_HELLO
        if kind == HELLO_FAILED or before_hello or xid_of(frame) == handshake_xid:
            text = frame[HEADER_LENGTH + _ERROR.size :][:QUOTED_BYTES].decode("ascii", "replace")
            self._close(f"the peer refused: error {kind}/{code} {text!r}", None, events)
        elif self.state is State.ESTABLISHED and frame[0] == self.version:
            _hand_up(frame, events)
        else:
            self.shed_frames += 1

    def _refuse(self, frame: bytes, error: ErrorCode, now: float, events: list[Event]) -> None:
        if now - self._window_began_at >= PROTOCOL_ERROR_WINDOW_SECONDS:
            self._window_began_at = now
            self.protocol_errors = 0
        self.protocol_errors += 1
        if frame[1] != ERROR:
            events.append(Send(_error_frame(frame, error, frame[:QUOTED_BYTES])))
        if self.protocol_errors >= MAX_PROTOCOL_ERRORS:
            self._close(f"{self.protocol_errors} protocol errors", error, events)

    def _fail(self, reason: str, error: ErrorCode, frame: bytes, quoted: bytes, events: list[Event]) -> None:
        """Tell the peer why, in an answer to its frame, and close."""
        events.append(Send(_error_frame(frame, error, quoted)))
        self._close(reason, error, events)

    def _close(self, reason: str, error: ErrorCode | None, events: list[Event]) -> list[Event]:
        self.state = State.CLOSED
        events.append(Closed(reason, error))
        return events


def _hand_up(frame: bytes, events: list[Event]) -> None:
    last = events[-1] if events else None
    if isinstance(last, Frames):
        last.frames.append(frame)
    else:
        events.append(Frames([frame]))


def _error_frame(frame: bytes, error: ErrorCode, data: bytes) -> bytes:
    """An ERROR in the version and with the xid of what it answers."""
    pair = error_to_10(error) if frame[0] == v10.VERSION else error
    length = HEADER_LENGTH + _ERROR.size + len(data)
    return HEADER.pack(frame[0], ERROR, length, xid_of(frame)) + _ERROR.pack(*pair) + data


def _names(versions: Iterable[int]) -> str:
    """How people call wire versions: 1 is OpenFlow 1.0."""
    return ", ".join(f"1.{version - 1}" if version else "none" for version in sorted(versions))
