"""A tenant that owns everything sees what it would see without the hypervisor: one conversation, held twice.

Once directly with Open vSwitch and once through the hypervisor, with messages of every kind, right ones and wrong ones.
What is different on purpose is taken out by `DIFFERENT_ON_PURPOSE`, each difference by its name; everything else must
be equal.
"""

from __future__ import annotations

import contextlib
import socket
import struct
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from attrs import evolve, frozen

from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow import ports as p
from flowvisor.openflow import v10
from flowvisor.openflow.fields import OPENFLOW_BASIC
from flowvisor.openflow.match import Match
from tests.support.kinds import as_told
from tests.support.slices import ethernet, udp
from tests.system.support.conversation import Conversation, Step, Told, joined
from tests.system.support.flowvisor import Flowvisor
from tests.system.support.frames import Wire
from tests.system.support.namespaces import Namespace
from tests.system.support.open_vswitch import OpenVSwitch
from tests.system.support.tools import require_root

DPID = 0xC0FFEE
BRIDGE = "br"
PORTS = (1, 2, 3)
DIRECT, TENANT = 7001, 7002  # where the controller listens, for each of the two
NAMES = {1: "1.0", 4: "1.3"}
CALL_SECONDS = 20.0
METER, SET_QUEUE, GROUP = 6, 21, 22  # an instruction, and two actions
TABLES = 253  # all that a slice may have

ON_1, ON_2 = Match.of(in_port=1), Match.of(in_port=2)
PACKET = ethernet(eth_type=0x88B5, payload=bytes(range(200)))


def out(*numbers: int, max_len: int = 0xFFFF) -> tuple[act.ApplyActions]:
    """An entry that outputs to ports."""
    return (
        act.ApplyActions(tuple(act.Output(one, max_len if one == p.CONTROLLER else 0) for one in numbers)),
    )


def hw_addr(port: int) -> bytes:
    return bytes((2, 0, 0, 0, 0, port))


def raw(version: int, kind: int, body: bytes = b"", xid: int = 99) -> bytes:
    """A frame that no codec would write."""
    return struct.pack("!BBHI", version, kind, 8 + len(body), xid) + body


# ------------------------------------------------------------------------------------------------ the conversation


def of_the_switch(version: int) -> Iterator[Step]:
    yield Step("echo", [m.EchoRequest(xid=1, data=b"are you there?")])
    yield Step("features", [m.FeaturesRequest(xid=2)])
    yield Step("configuration", [m.GetConfigRequest(xid=3)])
    yield Step("configure", [m.SetConfig(xid=4, miss_send_len=0xFFFF), m.GetConfigRequest(xid=5)])
    yield Step("description", [mp.DescRequest(xid=6)])
    yield Step("statistics of ports", [mp.PortStatsRequest(xid=7), mp.PortStatsRequest(xid=8, port=2)])
    yield Step("statistics of no port", [mp.PortStatsRequest(xid=9, port=99)])
    yield Step("statistics of tables", [mp.TableStatsRequest(xid=10)])
    yield Step("two barriers", [m.BarrierRequest(xid=11), m.BarrierRequest(xid=11)])
    yield Step("queues", [m.QueueGetConfigRequest(xid=12, port=1), mp.QueueStatsRequest(xid=13)])
    yield Step("queues of no port", [m.QueueGetConfigRequest(xid=14, port=99)])


def of_flows(version: int) -> Iterator[Step]:
    mine = m.FlowMod(xid=20, cookie=0xC0, priority=10, match=ON_1, instructions=out(2))
    stats, total = mp.FlowStatsRequest(xid=21), mp.AggregateStatsRequest(xid=22)
    yield Step("add", [mine, stats, total])
    yield Step("an entry is used", packets=[(1, PACKET)], outputs=1)
    yield Step("what it has counted", [stats, total])
    yield Step("add again", [evolve(mine, cookie=0xC1, instructions=out(3)), stats])
    yield Step(
        "modify", [evolve(mine, command=m.MODIFY, cookie=0xC2, match=Match(), instructions=out(2)), stats]
    )
    wrong = evolve(mine, command=m.MODIFY_STRICT, priority=11, match=ON_1, instructions=out(3))
    yield Step("modify strictly what is not there", [wrong, stats])
    right = evolve(mine, command=m.MODIFY_STRICT, instructions=out(3, 2))
    yield Step("modify strictly", [right, stats, evolve(stats, out_port=3), evolve(stats, out_port=1)])
    overlapping = evolve(mine, flags=m.CHECK_OVERLAP, match=Match.of(in_port=1, eth_src=1))
    yield Step("overlap", [overlapping, stats])
    yield Step("what matches in part", [evolve(stats, match=Match.of(eth_src=1)), evolve(stats, match=ON_1)])
    told = evolve(mine, priority=20, cookie=0xC3, flags=m.SEND_FLOW_REM, match=ON_2)
    yield Step("add what is told of", [told, stats])
    yield Step("delete by port", [m.FlowMod(xid=23, command=m.DELETE, table_id=0, out_port=1), stats])
    yield Step("delete", [m.FlowMod(xid=24, command=m.DELETE, table_id=0), stats], unasked=1)
    yield Step(
        "time out", [evolve(told, hard_timeout=1), evolve(told, match=ON_1, idle_timeout=1), stats], unasked=2
    )
    yield Step("delete strictly", [evolve(mine, command=m.DELETE_STRICT, priority=11, instructions=())])
    yield Step("an output to no port", [evolve(mine, instructions=out(99)), stats])
    yield Step("an unknown buffer", [evolve(mine, buffer_id=77), m.FlowMod(command=m.DELETE, table_id=0)])


def of_packets(version: int) -> Iterator[Step]:
    miss = m.FlowMod(xid=30, priority=0, instructions=out(p.CONTROLLER))
    yield Step("unmatched", [miss] if version == 4 else [], packets=[(1, PACKET)], unasked=1)
    asked = m.FlowMod(xid=31, priority=5, cookie=0xD0, match=ON_2, instructions=out(p.CONTROLLER))
    yield Step("asked for", [asked], packets=[(2, PACKET)], unasked=1)
    for name, port, reached in (
        ("flood", p.FLOOD, 2),
        ("all", p.ALL, 2),
        ("back", p.IN_PORT, 1),
        ("one", 3, 1),
    ):
        sent = m.PacketOut(xid=32, in_port=1, actions=(act.Output(port),), data=PACKET)
        yield Step(f"packet-out: {name}", [sent], outputs=reached)
    table = m.PacketOut(xid=33, in_port=1, actions=(act.Output(p.TABLE),), data=PACKET)
    yield Step("packet-out: table", [table], unasked=1)
    nobody = m.PacketOut(xid=34, in_port=p.CONTROLLER, actions=(act.Output(2), act.Output(1)), data=udp())
    yield Step("packet-out: from the controller", [nobody], outputs=2)
    yield Step("packet-out: no port", [m.PacketOut(xid=35, actions=(act.Output(99),), data=PACKET)])
    yield Step("packet-out: no actions", [m.PacketOut(xid=36, data=PACKET)])
    yield Step("packet-out: unknown buffer", [m.PacketOut(xid=37, buffer_id=77, actions=(act.Output(1),))])
    flooded = m.FlowMod(xid=38, priority=7, match=ON_1, instructions=out(p.FLOOD))
    yield Step("flooded", [flooded, mp.FlowStatsRequest(xid=39)], packets=[(1, PACKET)], outputs=2)
    yield Step("no more", [m.FlowMod(xid=40, command=m.DELETE, table_id=m.ALL_TABLES if version == 4 else 0)])


def of_ports(version: int) -> Iterator[Step]:
    ask: m.Message = m.FeaturesRequest(xid=50) if version == 1 else mp.PortDescRequest(xid=50)
    shut = m.PortMod(xid=51, port=2, hw_addr=hw_addr(2), config=p.NO_FWD, mask=p.NO_FWD)
    entry = m.FlowMod(xid=52, priority=9, match=ON_1, instructions=out(2, 3))
    yield Step("shut a port", [entry, shut, ask])
    yield Step("what goes out then", packets=[(1, PACKET)], outputs=1)
    yield Step("open it", [evolve(shut, config=0), ask])
    yield Step("what goes out again", packets=[(1, PACKET)], outputs=2)
    yield Step("deaf", [evolve(shut, port=1, hw_addr=hw_addr(1), config=p.NO_RECV, mask=p.NO_RECV), ask])
    yield Step("what comes in then", packets=[(1, PACKET)])
    yield Step("not deaf", [evolve(shut, port=1, hw_addr=hw_addr(1), config=0, mask=p.NO_RECV), ask])
    yield Step("another address", [evolve(shut, hw_addr=bytes(6))])
    yield Step("no such port", [evolve(shut, port=99)])
    yield Step("ports left", [m.FlowMod(xid=53, command=m.DELETE, table_id=0)])


def of_nonsense(version: int) -> Iterator[Step]:
    request, barrier = (16, 18) if version == 1 else (18, 20)
    yield Step("an experimenter's message", [raw(version, 4, struct.pack("!II", 0x1234, 5))])
    yield Step("Nicira's flow-mod", [raw(version, 4, struct.pack("!II", 0x2320, 13) + bytes(40))])
    yield Step("an unknown type", [raw(version, 77, b"what?")])
    yield Step("an answer instead of a question", [raw(version, barrier + 1)])
    yield Step("too short", [raw(version, 13, b"\0"), raw(version, 14, b"\0\0")])
    head = struct.pack("!HH4x" if version == 4 else "!HH", 0x4242, 0)
    yield Step("unknown statistics", [raw(version, request, head)])
    vendor = struct.pack("!HH4xII" if version == 4 else "!HHII", 0xFFFF, 0, 0x1234, 5)
    yield Step("an experimenter's statistics", [raw(version, request, vendor)])
    monitor = struct.pack("!HH4xII" if version == 4 else "!HHII", 0xFFFF, 0, 0x2320, 2)
    yield Step("Nicira's flow monitor", [raw(version, request, monitor + bytes(16))])


def of_13(version: int) -> Iterator[Step]:
    yield Step("ports", [mp.PortDescRequest(xid=60)])
    yield Step("role", [m.RoleRequest(xid=61, role=m.ROLE_NOCHANGE)])
    yield Step("master", [m.RoleRequest(xid=62, role=m.ROLE_MASTER, generation_id=7)])
    yield Step("stale", [m.RoleRequest(xid=63, role=m.ROLE_SLAVE, generation_id=6)])
    slave = m.RoleRequest(xid=64, role=m.ROLE_SLAVE, generation_id=8)
    yield Step(
        "slave", [slave, m.FlowMod(xid=65), m.PacketOut(xid=66, actions=(act.Output(1),), data=PACKET)]
    )
    yield Step("a slave may read", [mp.FlowStatsRequest(xid=67), m.GetConfigRequest(xid=68)])
    yield Step("equal", [m.RoleRequest(xid=69, role=m.ROLE_EQUAL)])
    yield Step(
        "no such role", [m.RoleRequest(xid=70, role=m.ROLE_NOCHANGE), raw(4, 24, struct.pack("!I4xQ", 9, 0))]
    )
    yield Step("async", [m.GetAsyncRequest(xid=71)])
    masks = m.AsyncMasks(packet_in=(2, 0), port_status=(7, 7), flow_removed=(15, 0))
    yield Step("set async", [m.SetAsync(xid=72, masks=masks), m.GetAsyncRequest(xid=73)])
    miss = m.FlowMod(xid=74, priority=0, instructions=out(p.CONTROLLER))
    yield Step("masked", [miss], packets=[(1, PACKET)])
    yield Step("unmasked", [m.SetAsync(xid=75, masks=m.AsyncMasks())], packets=[(1, PACKET)], unasked=1)
    yield Step("table-mod", [m.TableMod(xid=76, table_id=0), m.TableMod(xid=77, table_id=m.ALL_TABLES)])
    yield Step("features of tables", [mp.TableFeaturesRequest(xid=78)])
    yield Step("no more of these", [m.FlowMod(xid=79, command=m.DELETE, table_id=m.ALL_TABLES)])


def of_pipelines(version: int) -> Iterator[Step]:
    goes_on = (act.WriteMetadata(5, 0xFF), act.GotoTable(1))
    stats = mp.FlowStatsRequest(xid=80)
    first = m.FlowMod(xid=81, priority=3, match=ON_1, instructions=goes_on)
    tagged = (
        act.ApplyActions((act.PushVlan(0x8100), act.SetField("vlan_vid", 0x1000 | 5), act.Output(2))),
        act.WriteActions((act.Output(3),)),
    )
    second = m.FlowMod(
        xid=82, table_id=1, cookie=0xE0, match=Match.of(metadata=(5, 0xFF)), instructions=tagged
    )
    yield Step("two tables", [first, second, stats], packets=[(1, PACKET)], outputs=2)
    yield Step("by table", [evolve(stats, table_id=1), evolve(stats, table_id=2)])
    yield Step(
        "by cookie", [evolve(stats, cookie=0xE0, cookie_mask=0xFF), evolve(stats, cookie=1, cookie_mask=1)]
    )
    yield Step("back in the pipeline", [evolve(second, instructions=(act.GotoTable(1),)), stats])
    changed = evolve(
        second, command=m.MODIFY, cookie=0xE0, cookie_mask=0xFF, instructions=(act.ClearActions(),)
    )
    yield Step("modify by cookie", [changed, stats, evolve(changed, cookie=0xE1), stats])
    flags = m.NO_PACKET_COUNTS | m.NO_BYTE_COUNTS | m.RESET_COUNTS
    yield Step("flags", [evolve(first, flags=flags), stats], packets=[(1, PACKET)])
    yield Step("uncounted", [stats, mp.AggregateStatsRequest(xid=83, table_id=0)])
    yield Step("a prerequisite is missing", [raw(4, 14, _flow_mod_with_match("800016040a000001"))])
    yield Step("a field of another length", [raw(4, 14, _flow_mod_with_match("80000c0401020304"))])
    yield Step("a field twice", [raw(4, 14, _flow_mod_with_match("8000000400000001" * 2))])
    yield Step("a wrong command", [raw(4, 14, _flow_mod_with_match("", command=9))])
    yield Step("a flag that is none", [raw(4, 14, _flow_mod_with_match("", flags=0x800))])
    yield Step("delete in all tables", [m.FlowMod(xid=84, command=m.DELETE, table_id=m.ALL_TABLES), stats])


def _flow_mod_with_match(oxm: str, *, command: int = 0, flags: int = 0) -> bytes:
    fields = bytes.fromhex(oxm)
    match = struct.pack("!HH", 1, 4 + len(fields)) + fields
    head = struct.pack("!QQBBHHHIIIH2x", 0, 0, 0, command, 0, 0, 1, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, flags)
    return head + match + bytes(-len(match) % 8)


def steps_of(version: int) -> list[Step]:
    families = [of_the_switch, of_flows, of_packets, of_ports, of_nonsense]
    families += [of_13, of_pipelines] if version == 4 else []
    return [step for family in families for step in family(version)]


# ------------------------------------------------------------------------------------- what is different on purpose


@frozen
class Difference:
    """Something that the tenant of a hypervisor sees otherwise: of which message, and why."""

    of: type[m.Message]
    why: str
    without: Callable[[m.Message], m.Message]


DIFFERENT_ON_PURPOSE: list[Difference] = []


def different(of: type[m.Message], why: str) -> Callable[[Callable[[m.Message], m.Message]], None]:
    """Register what takes a difference out."""
    return lambda without: DIFFERENT_ON_PURPOSE.append(Difference(of, why, without))


@different(mp.DescReply, "the description is flowvisor's: a controller must not take its Open vSwitch driver")
def _(message: m.Message) -> m.Message:
    return mp.DescReply(xid=message.xid)


@different(m.FeaturesReply, "tables are the block's, buffers none, capabilities what is virtualised")
def _(message: m.Message) -> m.Message:
    assert isinstance(message, m.FeaturesReply)
    return evolve(message, n_buffers=0, n_tables=0, capabilities=0, actions=0)


@different(m.FeaturesReply, "the order in which ports are told means nothing")
def _(message: m.Message) -> m.Message:
    assert isinstance(message, m.FeaturesReply)
    return evolve(message, ports=tuple(sorted(message.ports, key=lambda port: port.number)))


@different(mp.PortDescReply, "the order in which ports are told means nothing")
def _(message: m.Message) -> m.Message:
    assert isinstance(message, mp.PortDescReply)
    return evolve(message, ports=tuple(sorted(message.ports, key=lambda port: port.number)))


@different(m.Error, "of the request 64 bytes come back at least; Open vSwitch tells more")
def _(message: m.Message) -> m.Message:
    assert isinstance(message, m.Error)
    return evolve(message, data=message.data[:64])


@different(mp.PortStatsReply, "time goes on, and ports have counted in the first conversation already")
def _(message: m.Message) -> m.Message:
    assert isinstance(message, mp.PortStatsReply)
    return evolve(
        message,
        ports=tuple(sorted((mp.PortStats(one.port) for one in message.ports), key=lambda one: one.port)),
    )


@different(mp.FlowStatsReply, "time goes on, and the order of entries means nothing")
def _(message: m.Message) -> m.Message:
    assert isinstance(message, mp.FlowStatsReply)
    flows = (evolve(flow, duration_sec=0, duration_nsec=0) for flow in message.flows)
    return evolve(message, flows=tuple(sorted(flows, key=repr)))


@different(m.FlowRemoved, "time goes on")
def _(message: m.Message) -> m.Message:
    assert isinstance(message, m.FlowRemoved)
    return evolve(message, duration_sec=0, duration_nsec=0)


@different(
    mp.TableStatsReply, "there are as many tables as in the block, and what others looked up is not told"
)
def _(message: m.Message) -> m.Message:
    assert isinstance(message, mp.TableStatsReply)
    return evolve(
        message, tables=tuple(mp.TableStats(one.table_id, one.active_count) for one in message.tables[:1])
    )


@different(mp.TableFeaturesReply, "tables are the block's, called by their numbers, without extensions")
def _(message: m.Message) -> m.Message:
    assert isinstance(message, mp.TableFeaturesReply)
    return evolve(message, tables=tuple(_features(table) for table in message.tables[: TABLES - 1]))


def _features(table: mp.TableFeatures) -> mp.TableFeatures:
    properties = tuple(
        mp.TableProperty(one.kind, tuple(i for i in one.ids if _is_virtualised(one.kind, i)))
        for one in table.properties
        if isinstance(one, mp.TableProperty)
    )
    return evolve(table, name="", properties=properties)


def _is_virtualised(kind: int, number: int) -> bool:
    if kind in (mp.INSTRUCTIONS, mp.INSTRUCTIONS_MISS):
        return number != METER
    if kind in (mp.WRITE_ACTIONS, mp.WRITE_ACTIONS_MISS, mp.APPLY_ACTIONS, mp.APPLY_ACTIONS_MISS):
        return number not in (SET_QUEUE, GROUP)
    if kind in (mp.NEXT_TABLES, mp.NEXT_TABLES_MISS):
        return number < TABLES
    return number >> 16 == OPENFLOW_BASIC


def by_version(error: tuple[int, int], error_10: tuple[int, int] | None = None) -> dict[int, tuple[int, int]]:
    """An error as each version tells it."""
    return {1: as_told(error_10 or error, 1), 4: error}


# Steps in which the hypervisor refuses what Open vSwitch does not, or for another reason: the error, and why.
REFUSED_ON_PURPOSE = {
    "an output to no port": (by_version(codes.ACTION_BAD_OUT_PORT), "a port of others is as none"),
    "packet-out: no port": (by_version(codes.ACTION_BAD_OUT_PORT), "a port of others is as none"),
    "Nicira's flow-mod": (by_version(codes.BAD_EXPERIMENTER, codes.BAD_EXP_TYPE), "no extension passes"),
    "Nicira's flow monitor": (by_version(codes.BAD_EXPERIMENTER), "no extension passes"),
    "a field of another length": (by_version(codes.MATCH_BAD_LEN), "Open vSwitch knows no such field then"),
}


def normalised(told: Told, but: Difference | None = None) -> tuple[list[m.Message], list[tuple[int, bytes]]]:
    """What is to be equal in both conversations.

    Within a step the order of answers means nothing: no barrier stands between (1.3.5, section 6.2).
    """
    messages = []
    for message in joined(told.messages):
        for difference in DIFFERENT_ON_PURPOSE:
            if isinstance(message, difference.of) and difference is not but:
                message = difference.without(message)
        messages.append(message)
    return sorted(messages, key=repr), sorted(told.packets)


# --------------------------------------------------------------------------------------------------- both networks


class OneBridge:
    """A bridge with three hosts, and both ways to a controller."""

    def __init__(self, folder: Path, version: int) -> None:
        require_root()
        self.version = version
        self._undo = contextlib.ExitStack()
        self.namespace = Namespace(folder, "bridges")
        self._undo.callback(self.namespace.close)
        self.namespace.ip(
            *(
                command
                for port in PORTS
                for command in (
                    f"link add s{port} address {hw_addr(port).hex(':')} type veth peer name h{port}",
                    f"link set s{port} up",
                    f"link set h{port} up",
                )
            )
        )
        self.listeners = {port: self._listen(port) for port in (DIRECT, TENANT)}
        self.switch = OpenVSwitch(folder, self.namespace)
        self._undo.callback(self.switch.close)
        rules = [{"datapaths": "all", "priority": 100, "match": {}}]
        rules += [{"datapaths": "all", "priority": 101, "match": {"in_port": "local"}}]
        everything = {
            "kind": "flowspace",
            "name": "everything",
            "controllers": [f"tcp:127.0.0.1:{TENANT}"],
            "openflow": [NAMES[version]],
            "tables": TABLES,
            "port_mod": "physical",
            "flowspace": rules,
        }
        settings = {"discovery": "off", "statistics_sharing_seconds": 0}
        self.flowvisor = Flowvisor(folder, [everything], namespace=self.namespace, settings=settings)
        self._undo.callback(self.flowvisor.close)

    def _listen(self, port: int) -> socket.socket:
        listener = self.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        listener.settimeout(CALL_SECONDS)
        self._undo.callback(listener.close)
        return listener

    def hold(self, controller_port: int, listens_at: int, steps: Sequence[Step]) -> dict[str, Told]:
        """Make the bridge, have it controlled from there, and hold the conversation."""
        self.switch.add_bridge(
            BRIDGE,
            dpid=DPID,
            versions=[NAMES[self.version]],
            controller=f"tcp:127.0.0.1:{controller_port}",
            ports={port: f"s{port}" for port in PORTS},
        )
        self.switch.vsctl("set", "bridge", BRIDGE, f"other_config:hwaddr={hw_addr(0xFE).hex(':')}")
        with contextlib.ExitStack() as undo:
            undo.callback(self.switch.delete_bridge, BRIDGE)
            wires = {port: Wire(self.namespace, f"h{port}") for port in PORTS}
            for wire in wires.values():
                undo.callback(wire.close)
            connection, _ = self.listeners[listens_at].accept()
            conversation = Conversation(connection, self.version, wires)
            undo.callback(conversation.close)
            return conversation.hold(steps)

    def close(self) -> None:
        self._undo.close()


@frozen
class Both:
    """What was heard in each of the two conversations, by step."""

    version: int
    direct: dict[str, Told]
    through: dict[str, Told]


@pytest.fixture(scope="module", params=[1, 4], ids=["1.0", "1.3"])
def both(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Both]:
    bridge = OneBridge(tmp_path_factory.mktemp("transparency"), request.param)
    steps = steps_of(request.param)
    with contextlib.closing(bridge):
        yield Both(
            version=request.param,
            direct=bridge.hold(DIRECT, DIRECT, steps),
            through=bridge.hold(6653, TENANT, steps),
        )


def test_the_same_is_heard_with_and_without_the_hypervisor(both: Both) -> None:
    different_steps = [
        f"{name}:\n  direct:  {normalised(told)}\n  through: {normalised(both.through[name])}"
        for name, told in both.direct.items()
        if normalised(told) != normalised(both.through[name]) and name not in REFUSED_ON_PURPOSE
    ]
    assert not different_steps, "\n".join(different_steps)


def test_what_is_refused_on_purpose_is_refused_so(both: Both) -> None:
    for name, (errors, why) in REFUSED_ON_PURPOSE.items():
        if name in both.through:
            told = [one.error for one in both.through[name].messages if isinstance(one, m.Error)]
            assert told == [errors[both.version]], (name, why)


def test_every_difference_is_one(both: Both) -> None:
    """A difference that there is no more is to go from the list."""
    for difference in DIFFERENT_ON_PURPOSE:
        of_this_version = difference.of in v10.MESSAGE_CLASSES or both.version == 4
        assert not of_this_version or any(
            normalised(told, difference) != normalised(both.through[name], difference)
            for name, told in both.direct.items()
        ), difference
