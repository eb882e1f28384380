"""A tenant that owns everything sees what it would see without the hypervisor: one conversation, held twice.

Once directly with Open vSwitch and once through the hypervisor, with messages of every kind, right ones and wrong ones.
What is different on purpose is taken out by `DIFFERENT_ON_PURPOSE`, each difference by its name; everything else must
be equal.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from attrs import evolve, frozen

from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow import v10
from flowvisor.openflow.fields import OPENFLOW_BASIC
from tests.support.kinds import as_told
from tests.system.support.conversation import Conversation, Step, Told, joined
from tests.system.support.flowvisor import Flowvisor
from tests.system.support.frames import Wire
from tests.system.support.namespaces import Namespace
from tests.system.support.open_vswitch import OpenVSwitch
from tests.system.support.script import hw_addr, of_ports, steps_of
from tests.system.support.tools import require_root

DPID = 0xC0FFEE
BRIDGE = "br"
PORTS = (1, 2, 3)
DIRECT, TENANT = 7001, 7002  # where the controller listens, for each of the two
NAMES = {1: "1.0", 4: "1.3"}
CALL_SECONDS = 20.0
METER, SET_QUEUE, GROUP = 6, 21, 22  # an instruction, and two actions
TABLES = 253  # all that a slice may have

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


@different(mp.GroupDescReply, "the order of groups means nothing")
def _(message: m.Message) -> m.Message:
    assert isinstance(message, mp.GroupDescReply)
    return evolve(message, groups=tuple(sorted(message.groups, key=repr)))


@different(mp.GroupStatsReply, "time goes on")
def _(message: m.Message) -> m.Message:
    assert isinstance(message, mp.GroupStatsReply)
    groups = (evolve(group, duration_sec=0, duration_nsec=0) for group in message.groups)
    return evolve(message, groups=tuple(sorted(groups, key=repr)))


@different(mp.MeterStatsReply, "time goes on")
def _(message: m.Message) -> m.Message:
    assert isinstance(message, mp.MeterStatsReply)
    return evolve(
        message, meters=tuple(evolve(one, duration_sec=0, duration_nsec=0) for one in message.meters)
    )


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


SETTABLE_FIELDS = range(12, 16)  # OpenFlow 1.3.5, section 7.3.5.5.2
IN_PORT = 0x8000_0004


def _is_virtualised(kind: int, number: int) -> bool:
    if kind in (mp.INSTRUCTIONS, mp.INSTRUCTIONS_MISS):
        return number != METER
    if kind in (mp.WRITE_ACTIONS, mp.WRITE_ACTIONS_MISS, mp.APPLY_ACTIONS, mp.APPLY_ACTIONS_MISS):
        return number not in (SET_QUEUE, GROUP)
    if kind in (mp.NEXT_TABLES, mp.NEXT_TABLES_MISS):
        return number < TABLES
    if kind in SETTABLE_FIELDS and number == IN_PORT:
        return False  # only the hypervisor makes packets forget where they came in
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
    "group: delete": (
        by_version(codes.CHAINED_GROUP),
        "a group that another one names stays, as 1.3.5 allows",
    ),
    "meter: use none": (by_version(codes.UNKNOWN_METER), "Open vSwitch calls it invalid"),
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

    def __init__(self, folder: Path, version: int, port_mod: str = "physical") -> None:
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
            "port_mod": port_mod,
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
            settings=[f"other_config:hwaddr={hw_addr(0xFE).hex(':')}"],  # changed later it would be told of
        )
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


@pytest.mark.parametrize("version", [1, 4], ids=["1.0", "1.3"])
def test_ports_that_are_configured_for_the_slice_only_are_as_if_they_were_themselves(
    version: int, tmp_path: Path
) -> None:
    steps = list(of_ports(version))
    with contextlib.closing(OneBridge(tmp_path, version, "virtual")) as bridge:
        direct, through = bridge.hold(DIRECT, DIRECT, steps), bridge.hold(6653, TENANT, steps)
    for name, told in direct.items():
        assert normalised(told) == normalised(through[name]), name


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
