"""OpenFlow as bytes, just enough of it to load a hypervisor from both sides: templates, and where things lie.

Strategy: what is measured is the hypervisor, so nothing here is decoded that can be found at an offset, and nothing
is encoded twice. A packet-in and the flow-mod that answers it are paired by the packet's destination address: its
last two bytes are a number, and unlike xids, cookies and buffer ids nobody in between has reason to rewrite it.
"""

import struct
from collections.abc import Sequence

import attrs

HELLO, ERROR, ECHO_REQUEST, ECHO_REPLY, EXPERIMENTER, FEATURES_REQUEST, FEATURES_REPLY = range(7)
GET_CONFIG_REQUEST, GET_CONFIG_REPLY, SET_CONFIG, PACKET_IN = range(7, 11)
FLOW_MOD = 14
NO_BUFFER = 0xFFFFFFFF
NO_MATCH, ACTION = 0, 1  # why a switch asks
PORTS = 4  # of each datapath
NUMBERS = 1000  # different packets
HEADER = struct.Struct("!BBHI")
SOURCE_PREFIX, TARGET_PREFIX = b"\x02\x55", b"\x02\xdd\x00\x00"
# An Ethernet frame of 60 bytes: IPv4, UDP, and zeroes. Both addresses go in front.
PACKET_REST = bytes.fromhex(
    "0800 4500 002e 0000 0000 4011 66bb 0a000001 0a000002 0fa0 0fa1 001a 0000".replace(" ", "")
) + bytes(18)


def frame(version: int, kind: int, xid: int, body: bytes = b"") -> bytes:
    return HEADER.pack(version, kind, 8 + len(body), xid) + body


def source_address(slice_number: int, rule: int) -> bytes:
    """An address that a slice's flowspace rule names."""
    return SOURCE_PREFIX + struct.pack("!HH", slice_number, rule)


def readable(address: bytes) -> str:
    return address.hex(":")


def port_of(number: int) -> int:
    return number % PORTS + 1


@attrs.frozen
class Numbering:
    """Which packet is whose: number -> slice, rule, addresses and port."""

    slices: int
    rules_per_slice: int

    def slice_of(self, number: int) -> int:
        return number % self.slices

    def packet(self, number: int) -> bytes:
        rule = number // self.slices % self.rules_per_slice
        target = TARGET_PREFIX + number.to_bytes(2, "big")
        return target + source_address(number % self.slices, rule) + PACKET_REST

    def packet_ins(
        self, dialect: "Dialect", table_ids: Sequence[int], reason: int, *, has_metadata: bool = False
    ) -> list[bytes]:
        """One packet-in for each number; `table_ids` says, for each slice, which table asks.

        With metadata it is that of a virtual switch whose ports have the datapath's numbers.
        """
        return [
            dialect.packet_in(
                self.packet(number),
                port_of(number),
                table_id=table_ids[self.slice_of(number)],
                reason=reason,
                metadata=port_of(number) if has_metadata else 0,
            )
            for number in range(NUMBERS)
        ]


class Dialect:
    """One OpenFlow version, as a switch and as a controller."""

    version: int
    barrier_request: int
    statistics_request: int

    def packet_in(self, packet: bytes, port: int, *, table_id: int, reason: int, metadata: int = 0) -> bytes:
        raise NotImplementedError

    def number_of(self, flow_mod: bytes) -> int | None:
        """The number of the packet that the flow-mod answers; None if it answers none."""
        raise NotImplementedError

    def answer_to(self, packet_in: bytes) -> bytes:
        """A flow-mod for the packet's port and addresses."""
        raise NotImplementedError

    def features(self, dpid: int) -> bytes:
        raise NotImplementedError

    def statistics(self, request: bytes) -> bytes:
        """What a switch without flow entries replies."""
        raise NotImplementedError

    def block_of(self, flow_mod: bytes) -> tuple[int, int] | None:
        """The slice that an entry of a classifier is for, and the table that it sends packets to."""
        raise NotImplementedError

    def opening(self) -> bytes:
        """What a controller says once it knows the switch."""
        raise NotImplementedError

    def reply(self, request: bytes, dpid: int) -> bytes:
        """What a switch answers: also to what it does not understand, and nothing where nothing is due."""
        kind = request[1]
        xid = request[4:8]
        if kind == ECHO_REQUEST:
            return bytes((self.version, ECHO_REPLY)) + request[2:]
        if kind == FEATURES_REQUEST:
            body = self.features(dpid)
            return self._head(FEATURES_REPLY, len(body)) + xid + body
        if kind == GET_CONFIG_REQUEST:
            return self._head(GET_CONFIG_REPLY, 4) + xid + struct.pack("!HH", 0, 128)
        if kind == self.barrier_request:
            return self._head(self.barrier_request + 1, 0) + xid
        if kind == self.statistics_request:
            body = self.statistics(request)
            return self._head(self.statistics_request + 1, len(body)) + xid + body
        return b""

    def _head(self, kind: int, length: int) -> bytes:
        return struct.pack("!BBH", self.version, kind, 8 + length)


class OpenFlow10(Dialect):
    version, barrier_request, statistics_request = 1, 18, 16
    PORT = struct.Struct("!H6s16sIIIIII")
    # in_port, dl_src and dl_dst are matched; all else is not.
    WILDCARDS = struct.pack("!I", 0x003FFFFF & ~0b1101)
    MIDDLE = bytes(22) + bytes(8) + struct.pack("!HHHHIHH", 0, 60, 0, 100, NO_BUFFER, 0xFFFF, 0)

    def __init__(self) -> None:
        self._flow_mod_head = frame(1, FLOW_MOD, 7)[:2] + struct.pack("!HI", 80, 7) + self.WILDCARDS
        self._outputs = {
            struct.pack("!H", port): self.MIDDLE + struct.pack("!HHHH", 0, 8, port % PORTS + 1, 0)
            for port in range(1, PORTS + 1)
        }

    def packet_in(self, packet: bytes, port: int, *, table_id: int, reason: int, metadata: int = 0) -> bytes:
        body = struct.pack("!IHHBx", NO_BUFFER, len(packet), port, reason) + packet
        return frame(self.version, PACKET_IN, 0, body)

    def number_of(self, flow_mod: bytes) -> int | None:
        if flow_mod[20:24] != TARGET_PREFIX:
            return None
        return flow_mod[24] << 8 | flow_mod[25]

    def answer_to(self, packet_in: bytes) -> bytes:
        port = packet_in[14:16]
        addresses = packet_in[24:30] + packet_in[18:24]
        return self._flow_mod_head + port + addresses + self._outputs[port]

    def features(self, dpid: int) -> bytes:
        ports = [
            self.PORT.pack(
                number, dpid.to_bytes(5, "big") + bytes((number,)), b"p%d" % number, 0, 0, 0, 0, 0, 0
            )
            for number in range(1, PORTS + 1)
        ]
        return struct.pack("!QIB3xII", dpid, 0, 1, 0xC7, 0xFFF) + b"".join(ports)

    def statistics(self, request: bytes) -> bytes:
        kind = request[8:10]
        if kind == b"\x00\x00":
            return kind + bytes(2) + b"bench".ljust(1056, b"\0")
        return kind + bytes(2) + (bytes(24) if kind == b"\x00\x02" else b"")

    def block_of(self, flow_mod: bytes) -> tuple[int, int] | None:
        return None

    def opening(self) -> bytes:
        return frame(1, SET_CONFIG, 2, struct.pack("!HH", 0, 0xFFFF))


class OpenFlow13(Dialect):
    version, barrier_request, statistics_request = 4, 20, 18
    PORT = struct.Struct("!I4x6s2x16sIIIIIIII")
    METADATA = b"\x80\x00\x04\x08"
    WRITES_METADATA = b"\x00\x02\x00\x18\0\0\0\0"  # as only the ways into virtual switches do
    IN_PORT, ETH_DST, ETH_SRC = b"\x80\x00\x00\x04", b"\x80\x00\x06\x06", b"\x80\x00\x08\x06"
    DESC, FLOW, AGGREGATE, GROUP_FEATURES, METER_FEATURES, PORT_DESC = 0, 1, 2, 8, 11, 13

    def __init__(self) -> None:
        fixed = self._fixed_flow_mod(priority=100)
        match = struct.pack("!HH", 1, 32) + self.IN_PORT
        self._flow_mod_head = struct.pack("!BBHI", 4, FLOW_MOD, 104, 7) + fixed + match
        self._outputs = {
            struct.pack("!I", port): self._apply(port % PORTS + 1) for port in range(1, PORTS + 1)
        }

    @staticmethod
    def _fixed_flow_mod(priority: int) -> bytes:
        idle_seconds = 60 if priority else 0
        command = (0, 0, idle_seconds, 0, priority)
        return bytes(16) + struct.pack("!BBHHHIIIH2x", *command, NO_BUFFER, 0xFFFFFFFF, 0xFFFFFFFF, 0)

    @staticmethod
    def _apply(port: int, bytes_of_packet: int = 0) -> bytes:
        return struct.pack("!HH4xHHIH6x", 4, 24, 0, 16, port, bytes_of_packet)

    def packet_in(self, packet: bytes, port: int, *, table_id: int, reason: int, metadata: int = 0) -> bytes:
        match = struct.pack("!HH4sI4x", 1, 12, self.IN_PORT, port)
        if metadata:
            match = struct.pack("!HH4sI4sQ", 1, 24, self.IN_PORT, port, self.METADATA, metadata)
        body = struct.pack("!IHBBQ", NO_BUFFER, len(packet), reason, table_id, 0) + match + bytes(2) + packet
        return frame(self.version, PACKET_IN, 0, body)

    def number_of(self, flow_mod: bytes) -> int | None:
        # The fields of the match may come in another order than they were sent in.
        at = flow_mod.find(self.ETH_DST, 52)
        if at < 0 or flow_mod[at + 4 : at + 8] != TARGET_PREFIX:
            return None
        return flow_mod[at + 8] << 8 | flow_mod[at + 9]

    def answer_to(self, packet_in: bytes) -> bytes:
        port, target, source = packet_in[32:36], packet_in[42:48], packet_in[48:54]
        return b"".join(
            (self._flow_mod_head, port, self.ETH_DST, target, self.ETH_SRC, source, self._outputs[port])
        )

    def features(self, dpid: int) -> bytes:
        return struct.pack("!QIBB2xII", dpid, 0, 254, 0, 0x4F, 0)

    def statistics(self, request: bytes) -> bytes:
        kind = int.from_bytes(request[8:10], "big")
        return struct.pack("!HH4x", kind, 0) + self._statistics_body(kind)

    def _statistics_body(self, kind: int) -> bytes:
        if kind == self.DESC:
            return b"bench".ljust(1056, b"\0")
        if kind == self.PORT_DESC:
            names = [
                (number, bytes((2, 0, 0, 0, 0, number)), b"p%d" % number) for number in range(1, PORTS + 1)
            ]
            return b"".join(self.PORT.pack(*name, 0, 0, 0, 0, 0, 0, 0, 0) for name in names)
        lengths = {self.AGGREGATE: 24, self.METER_FEATURES: 16}
        if kind == self.GROUP_FEATURES:
            return struct.pack("!II4I4I", 0xF, 0xF, *[0xFFFFFF00] * 4, *[1] * 4)
        return bytes(lengths.get(kind, 0))

    def block_of(self, flow_mod: bytes) -> tuple[int, int] | None:
        if flow_mod[24] != 0:
            return None
        at = flow_mod.find(self.ETH_SRC, 52)
        is_way_in = self.WRITES_METADATA in flow_mod
        if not is_way_in and (at < 0 or flow_mod[at + 4 : at + 6] != SOURCE_PREFIX):
            return None
        instructions = 48 + (int.from_bytes(flow_mod[50:52], "big") + 7) // 8 * 8
        while instructions < len(flow_mod):
            kind, length = struct.unpack_from("!HH", flow_mod, instructions)
            if kind == 1:
                number = 0 if is_way_in else flow_mod[at + 6] << 8 | flow_mod[at + 7]
                return number, flow_mod[instructions + 4]
            instructions += length
        return None

    def opening(self) -> bytes:
        miss = self._fixed_flow_mod(priority=0) + struct.pack("!HH4x", 1, 4) + self._apply(0xFFFFFFFD, 0xFFFF)
        return frame(4, SET_CONFIG, 2, struct.pack("!HH", 0, 0xFFFF)) + frame(4, FLOW_MOD, 3, miss)


DIALECTS: dict[str, type[Dialect]] = {"1.0": OpenFlow10, "1.3": OpenFlow13}
