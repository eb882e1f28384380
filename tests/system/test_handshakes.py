"""How well-known controllers begin, played back byte for byte: each is answered in the way that it insists on.

Taken from their sources: what each sends first, what it waits for, and what would make it hang up.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Iterator

import pytest

from flowvisor.emulation.datapath import EmulatedDatapath
from tests.bench.wire import (
    ECHO_REPLY,
    ECHO_REQUEST,
    ERROR,
    FEATURES_REPLY,
    FEATURES_REQUEST,
    FLOW_MOD,
    GET_CONFIG_REPLY,
    GET_CONFIG_REQUEST,
    HELLO,
    SET_CONFIG,
    frame,
)
from tests.system.support.flowvisor import Flowvisor, Ports
from tests.system.support.speakers import HOST, DatapathSpeaker, free_port

DPID = 0xA1
ANSWER_SECONDS = 5.0
MULTIPART_REQUEST, MULTIPART_REPLY, BARRIER_REQUEST, BARRIER_REPLY = 18, 19, 20, 21
STATISTICS_REQUEST, STATISTICS_REPLY, BARRIER_REQUEST_10, BARRIER_REPLY_10 = 16, 17, 18, 19
ROLE_REQUEST, ROLE_REPLY, GROUP_MOD, SET_ASYNC = 24, 25, 15, 28
DESC, FLOW, TABLE, PORT, GROUP_FEATURES, METER_FEATURES, TABLE_FEATURES, PORT_DESC = 0, 1, 3, 4, 8, 11, 12, 13
NOCHANGE, MASTER = 0, 2
ANY = 0xFFFFFFFF
HELLO_WITH_VERSIONS = struct.pack("!HHI", 1, 8, 0x12)
MISS_INSTRUCTION = struct.pack("!HH4xHHIH6x", 4, 24, 0, 16, 0xFFFFFFFD, 0xFFFF)


class Tenant:
    """The controller's end: reads frame by frame, and answers nothing by itself."""

    def __init__(self, connection: socket.socket, version: int) -> None:
        connection.settimeout(ANSWER_SECONDS)
        self.version = version
        self._connection = connection
        self._data = b""

    def say(self, *frames: bytes) -> None:
        """All in one segment."""
        self._connection.sendall(b"".join(frames))

    def ask(self, kind: int, xid: int, body: bytes = b"") -> bytes:
        return frame(self.version, kind, xid, body)

    def statistics(self, kind: int, xid: int, body: bytes = b"") -> bytes:
        return self.ask(MULTIPART_REQUEST, xid, struct.pack("!HH4x", kind, 0) + body)

    def hear(self) -> bytes:
        """The next frame."""
        while len(self._data) < 8 or len(self._data) < int.from_bytes(self._data[2:4], "big"):
            received = self._connection.recv(1 << 16)
            assert received, "hung up"
            self._data += received
        length = int.from_bytes(self._data[2:4], "big")
        heard, self._data = self._data[:length], self._data[length:]
        return heard

    def expect(self, kind: int, xid: int) -> bytes:
        """The next frame, which is of this kind; its body. Only liveness may come in between."""
        while (heard := self.hear())[1] == ECHO_REQUEST:
            self.say(self.ask(ECHO_REPLY, int.from_bytes(heard[4:8], "big"), heard[8:]))
        version, came, _, its_xid = struct.unpack_from("!BBHI", heard)
        assert (version, came, its_xid) == (self.version, kind, xid), heard.hex()
        return heard[8:]

    def expect_both(self, *replies: tuple[int, int]) -> dict[int, bytes]:
        """The next frames are these, in any order; their bodies by kind."""
        heard = [self.hear() for _ in replies]
        assert {(each[1], int.from_bytes(each[4:8], "big")) for each in heard} == set(replies)
        return {each[1]: each[8:] for each in heard}

    def expect_statistics(self, kind: int, xid: int) -> bytes:
        """A whole reply, of however many parts."""
        whole, more = b"", True
        while more:
            body = self.expect(MULTIPART_REPLY, xid)
            came, flags = struct.unpack_from("!HH", body)
            assert came == kind
            whole, more = whole + body[8:], bool(flags & 1)
        return whole

    def expect_answered(self, kind: int, xid: int) -> None:
        """A barrier that is answered at once: whatever was sent before it was refused nothing."""
        self.say(self.ask(kind, xid))
        self.expect(kind + 1, xid)


@pytest.fixture(scope="module")
def listener() -> Iterator[socket.socket]:
    with socket.create_server((HOST, 0)) as made:
        made.settimeout(ANSWER_SECONDS)
        yield made


@pytest.fixture(scope="module")
def _hypervisor(listener: socket.socket, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    rules = [{"datapaths": "all", "priority": 100, "match": {"in_port": [1, 2]}}]
    controllers = [f"tcp:{HOST}:{listener.getsockname()[1]}"]
    document = {"kind": "flowspace", "name": "tenant", "controllers": controllers, "flowspace": rules}
    ports = Ports(datapaths=free_port(), admin=free_port())
    flowvisor = Flowvisor(tmp_path_factory.mktemp("handshakes"), [document], ports=ports)
    datapath = DatapathSpeaker(ports.datapaths, EmulatedDatapath(DPID, 4, ports=(1, 2, 3)))
    yield
    datapath.close()
    flowvisor.close()


@pytest.fixture
def connection(listener: socket.socket, _hypervisor: None) -> Iterator[socket.socket]:
    """What the hypervisor dials: anew for each, as it would a controller that was started again."""
    made, _ = listener.accept()
    with made:
        yield made


def greet(tenant: Tenant, *frames: bytes) -> None:
    """The hypervisor has spoken first, with a version that it serves; then the tenant does."""
    offered = tenant.hear()
    assert offered[:2] == bytes((4, HELLO))
    assert offered[8:] == HELLO_WITH_VERSIONS
    tenant.say(*frames)


def delete_all(table: int) -> bytes:
    command = struct.pack("!BBHHHIIIH2x", table, 3, 0, 0, 0, ANY, ANY, ANY, 0)
    return bytes(16) + command + struct.pack("!HH4x", 1, 4)


def table_miss(table: int, cookie: int = 0) -> bytes:
    command = struct.pack("!BBHHHIIIH2x", table, 0, 0, 0, 0, ANY, ANY, ANY, 0)
    return struct.pack("!QQ", cookie, 0) + command + struct.pack("!HH4x", 1, 4) + MISS_INSTRUCTION


def test_onos_waits_for_the_switch_to_speak_and_stands_no_error(connection: socket.socket) -> None:
    tenant = Tenant(connection, 4)
    greet(tenant, tenant.ask(HELLO, 1, HELLO_WITH_VERSIONS), tenant.ask(FEATURES_REQUEST, 2))
    assert tenant.expect(FEATURES_REPLY, 2)[:8] == DPID.to_bytes(8, "big")
    tenant.say(tenant.statistics(PORT_DESC, 3))
    ports = tenant.expect_statistics(PORT_DESC, 3)
    assert [int.from_bytes(ports[at : at + 4], "big") for at in range(0, len(ports), 64)] == [1, 2]
    tenant.say(tenant.ask(BARRIER_REQUEST, 4), tenant.ask(GET_CONFIG_REQUEST, 5))
    tenant.expect_both((BARRIER_REPLY, 4), (GET_CONFIG_REPLY, 5))
    tenant.say(tenant.statistics(DESC, 6))
    description = tenant.expect_statistics(DESC, 6)
    # It chooses its driver by these: neither nobody's nor Open vSwitch's.
    manufacturer = description[:256].rstrip(b"\0")
    assert manufacturer
    assert b"Nicira" not in manufacturer
    tenant.say(tenant.ask(ROLE_REQUEST, 7, struct.pack("!I4xQ", MASTER, 0)))
    assert tenant.expect(ROLE_REPLY, 7)[:4] == struct.pack("!I", MASTER)


def test_opendaylight_uses_xid_0_and_takes_over_as_master(connection: socket.socket) -> None:
    tenant = Tenant(connection, 4)
    greet(tenant, tenant.ask(HELLO, 21, HELLO_WITH_VERSIONS), tenant.ask(HELLO, 22, HELLO_WITH_VERSIONS))
    tenant.say(tenant.ask(FEATURES_REQUEST, 3))
    tenant.expect(FEATURES_REPLY, 3)
    tenant.expect_answered(BARRIER_REQUEST, 0)
    tenant.say(tenant.statistics(DESC, 4), tenant.statistics(PORT_DESC, 5))
    tenant.expect_statistics(DESC, 4)
    tenant.expect_statistics(PORT_DESC, 5)
    tenant.say(tenant.ask(ROLE_REQUEST, 6, struct.pack("!I4xQ", NOCHANGE, 0)))
    (generation,) = struct.unpack_from("!Q", tenant.expect(ROLE_REPLY, 6), 8)
    following = (generation + 1) % (1 << 64)
    tenant.say(tenant.ask(ROLE_REQUEST, 7, struct.pack("!I4xQ", MASTER, following)))
    assert tenant.expect(ROLE_REPLY, 7) == struct.pack("!I4xQ", MASTER, following)
    config = tenant.ask(SET_CONFIG, 8, struct.pack("!HH", 0, 0xFFFF))
    tenant.say(config, tenant.ask(FLOW_MOD, 9, table_miss(0, cookie=10)))
    tenant.expect_answered(BARRIER_REQUEST, 10)


def test_floodlight_empties_all_tables_and_is_told_what_it_set(connection: socket.socket) -> None:
    tenant = Tenant(connection, 4)
    greet(tenant, tenant.ask(HELLO, 1, HELLO_WITH_VERSIONS), tenant.ask(FEATURES_REQUEST, 2))
    tenant.expect(FEATURES_REPLY, 2)
    tenant.say(tenant.statistics(PORT_DESC, 3))
    tenant.expect_statistics(PORT_DESC, 3)
    config = struct.pack("!HH", 0, 0xFFFF)
    tenant.say(
        tenant.ask(SET_CONFIG, 4, config), tenant.ask(BARRIER_REQUEST, 5), tenant.ask(GET_CONFIG_REQUEST, 6)
    )
    assert tenant.expect_both((BARRIER_REPLY, 5), (GET_CONFIG_REPLY, 6))[GET_CONFIG_REPLY] == config
    tenant.say(tenant.statistics(TABLE_FEATURES, 7))
    features = tenant.expect_statistics(TABLE_FEATURES, 7)
    assert features
    tenant.say(tenant.ask(ROLE_REQUEST, 8, struct.pack("!I4xQ", MASTER, 0)))
    tenant.expect(ROLE_REPLY, 8)
    tenant.say(tenant.ask(FLOW_MOD, 9, delete_all(0xFF)))
    tenant.expect_answered(BARRIER_REQUEST, 10)
    tenant.expect_answered(BARRIER_REQUEST, 11)
    tables = struct.unpack_from("!QIB", expect_features(tenant, 12))[2]
    tenant.say(*(tenant.ask(FLOW_MOD, 13 + table, table_miss(table)) for table in range(tables)))
    tenant.expect_answered(BARRIER_REQUEST, 99)


def expect_features(tenant: Tenant, xid: int) -> bytes:
    tenant.say(tenant.ask(FEATURES_REQUEST, xid))
    return tenant.expect(FEATURES_REPLY, xid)


def test_faucet_asks_for_an_echo_first_and_uses_an_xid_twice(connection: socket.socket) -> None:
    tenant = Tenant(connection, 4)
    greet(tenant, tenant.ask(HELLO, 1))
    # The echo comes before the features are there.
    tenant.say(tenant.ask(FEATURES_REQUEST, 2), tenant.ask(ECHO_REQUEST, 3))
    tenant.expect_both((FEATURES_REPLY, 2), (ECHO_REPLY, 3))
    tenant.say(tenant.ask(SET_CONFIG, 4, struct.pack("!HH", 0, 0)), tenant.statistics(DESC, 5))
    tenant.expect_statistics(DESC, 5)
    same = tenant.ask(FLOW_MOD, 6, delete_all(0xFF))
    tenant.say(same, same)
    tenant.say(*(tenant.ask(FLOW_MOD, 7, table_miss(table, cookie=0x5ADC15C0)) for table in range(4)))
    tenant.expect_answered(BARRIER_REQUEST, 8)


def test_kytos_wants_the_body_of_its_echo_back(connection: socket.socket) -> None:
    tenant = Tenant(connection, 4)
    greet(tenant, tenant.ask(HELLO, 1), tenant.ask(FEATURES_REQUEST, 2))
    tenant.expect(FEATURES_REPLY, 2)
    tenant.say(tenant.ask(ECHO_REQUEST, 3, b"kytosd_13"))
    assert tenant.expect(ECHO_REPLY, 3) == b"kytosd_13"
    everything = struct.pack("!B3xII4xQQ", 0xFF, ANY, ANY, 0, 0) + struct.pack("!HH4x", 1, 4)
    tenant.say(tenant.statistics(FLOW, 4, everything), tenant.statistics(PORT, 5, struct.pack("!I4x", ANY)))
    tenant.expect_statistics(FLOW, 4)
    assert len(tenant.expect_statistics(PORT, 5)) == 2 * 112
    tenant.say(tenant.statistics(TABLE, 6))
    tenant.expect_statistics(TABLE, 6)


def test_pox_asks_two_things_in_one_segment_and_insists_on_its_barrier(connection: socket.socket) -> None:
    tenant = Tenant(connection, 1)
    greet(tenant, tenant.ask(HELLO, 0))
    description = tenant.ask(STATISTICS_REQUEST, 2, struct.pack("!HH", DESC, 0))
    tenant.say(tenant.ask(FEATURES_REQUEST, 1), description)
    features = tenant.expect(FEATURES_REPLY, 1)
    ports = features[24:]
    assert [int.from_bytes(ports[at : at + 2], "big") for at in range(0, len(ports), 48)] == [1, 2]
    tenant.expect(STATISTICS_REPLY, 2)
    everything = struct.pack("!I", 0x3FFFFF) + bytes(36)
    delete = everything + struct.pack("!QHHHHIHH", 0, 3, 0, 0, 0x8000, ANY, 0xFFFF, 0)
    tenant.say(
        tenant.ask(SET_CONFIG, 3, struct.pack("!HH", 0, 128)),
        tenant.ask(FLOW_MOD, 4, delete),
        tenant.ask(BARRIER_REQUEST_10, 5),
    )
    tenant.expect(BARRIER_REPLY_10, 5)


def test_what_is_refused_is_said_in_the_tenants_own_words(connection: socket.socket) -> None:
    tenant = Tenant(connection, 4)
    greet(tenant, tenant.ask(HELLO, 1), tenant.ask(FEATURES_REQUEST, 2))
    tenant.expect(FEATURES_REPLY, 2)
    beyond = tenant.ask(FLOW_MOD, 0x12345678, table_miss(200))
    tenant.say(beyond)
    assert tenant.expect(ERROR, 0x12345678)[4:] == beyond[:64]


def test_nothing_after_a_barrier_is_answered_before_it(connection: socket.socket) -> None:
    tenant = Tenant(connection, 4)
    greet(tenant, tenant.ask(HELLO, 1), tenant.ask(FEATURES_REQUEST, 2))
    tenant.expect(FEATURES_REPLY, 2)
    tenant.say(tenant.ask(BARRIER_REQUEST, 3), tenant.ask(GET_CONFIG_REQUEST, 4))
    tenant.expect(BARRIER_REPLY, 3)
    tenant.expect(GET_CONFIG_REPLY, 4)
