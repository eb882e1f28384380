"""Every message: each type in each version, from each role, on each kind of datapath comes to exactly one thing.

A controller's is forwarded, answered (or done here in silence), refused with the specified error, or shed; a
datapath's is told to controllers or counted. Whatever is mangled comes to one of these, too. What the channel sees to
before (see `legality`) does not come here: lengths that lie, other versions, liveness.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from struct import Struct

import pytest
from attrs import evolve, frozen

from flowvisor.hypervisor.peers import Datapath
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import frame as f
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow import v10
from flowvisor.openflow.actions import (
    Action,
    ApplyActions,
    OpaqueAction,
    OpaqueInstruction,
    Output,
    PopMpls,
    SetField,
    WriteActions,
)
from flowvisor.openflow.legality import HANDED_UP, Role
from flowvisor.openflow.match import Match, OpaqueField
from flowvisor.openflow.ports import Port
from flowvisor.openflow.versions import codec
from tests.support.dialogue import say, the_datapath
from tests.support.kinds import KINDS, Kind, as_told
from tests.support.share_kind import ON_SHARES
from tests.support.slices import A, B, output, udp
from tests.support.world import Controller

FORWARDED, ANSWERED, SHED = "forwarded", "answered", "shed"
Outcome = str | tuple[int, int]
XID = 0x1234


@frozen
class Case:
    """A message of a controller's and what it comes to; `by_slave` is what it comes to from a slave."""

    message: m.Message
    outcome: Outcome
    by_slave: Outcome | None = None

    @property
    def name(self) -> str:
        return type(self.message).__name__


def written(message: m.Message, outcome: Outcome) -> Case:
    """A case that only a master's or an equal's message comes to."""
    return Case(message, outcome, codes.IS_SLAVE)


ON_1 = Match.of(in_port=1)
MPLS = Match.of(in_port=1, eth_type=0x8847)
ADD = m.FlowMod(priority=3, match=ON_1, instructions=output(2))
NICIRA_ROLE = m.Experimenter(experimenter=0x2320, body=bytes((0, 0, 0, 10, 0, 0, 0, 0)))
STANDARD_FORMAT = m.Experimenter(experimenter=0x2320, body=bytes((0, 0, 0, 16, 0, 0, 0, 0)))

FROM_CONTROLLERS = [
    Case(m.Error(error=codes.BAD_TYPE), SHED),
    Case(m.Experimenter(experimenter=0x1234, body=bytes(8)), codes.BAD_EXPERIMENTER),
    Case(m.FeaturesRequest(), ANSWERED),
    Case(m.GetConfigRequest(), ANSWERED),
    Case(m.SetConfig(miss_send_len=5), ANSWERED),
    Case(m.SetConfig(flags=1), codes.SWITCH_CONFIG_EPERM),
    written(m.PacketOut(in_port=1, actions=(Output(2),), data=udp()), FORWARDED),
    written(m.PacketOut(in_port=1, actions=(Output(3),), data=udp()), codes.ACTION_BAD_OUT_PORT),
    written(m.PacketOut(in_port=3, actions=(Output(1),), data=udp()), codes.REQUEST_BAD_PORT),
    written(m.PacketOut(buffer_id=7, in_port=1, actions=(Output(2),)), codes.BUFFER_UNKNOWN),
    written(ADD, FORWARDED),
    written(evolve(ADD, command=m.DELETE), FORWARDED),
    written(evolve(ADD, instructions=output(3)), codes.ACTION_BAD_OUT_PORT),
    written(evolve(ADD, buffer_id=7), codes.BUFFER_UNKNOWN),
    written(m.PortMod(port=1, hw_addr=b"\2\0\0\1\0\1"), ANSWERED),
    written(m.PortMod(port=1, hw_addr=b"\2\0\0\1\0\7"), codes.PORT_MOD_BAD_HW_ADDR),
    written(m.PortMod(port=3), codes.PORT_MOD_BAD_PORT),
    Case(m.BarrierRequest(), ANSWERED),
    Case(m.QueueGetConfigRequest(port=1), ANSWERED),
    Case(m.QueueGetConfigRequest(port=3), codes.QUEUE_BAD_PORT),
    Case(mp.DescRequest(), ANSWERED),
    Case(mp.FlowStatsRequest(), ANSWERED),
    Case(mp.FlowStatsRequest(table_id=200), codes.REQUEST_BAD_TABLE_ID),
    Case(mp.AggregateStatsRequest(), ANSWERED),
    Case(mp.TableStatsRequest(), ANSWERED),
    Case(mp.PortStatsRequest(), ANSWERED),
    Case(mp.PortStatsRequest(port=3), ANSWERED),
    Case(mp.QueueStatsRequest(), ANSWERED),
    Case(mp.ExperimenterMultipartRequest(experimenter=0x1234, body=bytes(8)), codes.BAD_EXPERIMENTER),
]
VENDORS = OpaqueAction(0x2320, bytes(4))


def applied(*actions: Action) -> tuple[ApplyActions]:
    return (ApplyActions(actions),)


# Nothing of an experimenter's passes, wherever it is.
FROM_CONTROLLERS += [
    written(evolve(ADD, instructions=applied(VENDORS)), codes.ACTION_BAD_EXPERIMENTER),
    written(evolve(ADD, instructions=applied(Output(2), VENDORS)), codes.ACTION_BAD_EXPERIMENTER),
    written(m.PacketOut(in_port=1, actions=(VENDORS,), data=udp()), codes.ACTION_BAD_EXPERIMENTER),
]
OF_EXPERIMENTERS_13 = [
    written(evolve(ADD, instructions=(WriteActions((VENDORS,)),)), codes.ACTION_BAD_EXPERIMENTER),
    written(evolve(ADD, instructions=(OpaqueInstruction(0x2320, bytes(4)),)), codes.INST_BAD_EXPERIMENTER),
    written(evolve(ADD, match=Match(opaque=(OpaqueField(0xFFFF_0004, bytes(4)),))), codes.MATCH_BAD_FIELD),
    # What would be LLDP, and so on a wire past all that is done with a tenant's LLDP.
    written(evolve(ADD, instructions=applied(SetField("eth_type", 0x88CC), Output(2))), codes.ACTION_EPERM),
    written(evolve(ADD, match=MPLS, instructions=applied(PopMpls(0x88CC), Output(2))), codes.ACTION_EPERM),
    written(evolve(ADD, match=MPLS, instructions=(WriteActions((PopMpls(0x8942),)),)), codes.ACTION_EPERM),
    written(m.PacketOut(in_port=1, actions=(PopMpls(0x88CC), Output(2)), data=udp()), codes.ACTION_EPERM),
]
ONLY_10 = [
    Case(NICIRA_ROLE, ANSWERED),
    Case(STANDARD_FORMAT, ANSWERED),
    Case(evolve(STANDARD_FORMAT, body=bytes((0, 0, 0, 16, 0, 0, 0, 1))), codes.REQUEST_EPERM),
    # Nicira's flow-mod, and other subtypes.
    Case(evolve(NICIRA_ROLE, body=bytes((0, 0, 0, 13)) + bytes(40)), codes.BAD_EXP_TYPE),
    written(evolve(ADD, flags=m.EMERGENCY), codes.FLOW_MOD_BAD_FLAGS),
]
ONLY_13 = [
    Case(NICIRA_ROLE, codes.BAD_EXPERIMENTER),
    written(evolve(ADD, table_id=200), codes.FLOW_MOD_BAD_TABLE_ID),
    written(m.GroupMod(command=m.GROUP_MODIFY, group_id=9), codes.UNKNOWN_GROUP),
    written(m.MeterMod(command=m.METER_MODIFY, flags=m.METER_KBPS, meter_id=9), codes.UNKNOWN_METER),
    written(m.TableMod(table_id=0), ANSWERED),
    written(m.TableMod(table_id=200), codes.TABLE_MOD_BAD_TABLE),
    written(m.TableMod(table_id=0, config=1), codes.TABLE_MOD_BAD_CONFIG),
    Case(m.RoleRequest(role=m.ROLE_NOCHANGE), ANSWERED),
    Case(m.RoleRequest(role=m.ROLE_MASTER, generation_id=0), codes.ROLE_STALE),
    Case(m.GetAsyncRequest(), ANSWERED),
    Case(m.SetAsync(masks=m.AsyncMasks()), ANSWERED),
    Case(mp.GroupStatsRequest(), ANSWERED),
    Case(mp.GroupDescRequest(), ANSWERED),
    Case(mp.GroupFeaturesRequest(), ANSWERED),
    Case(mp.MeterStatsRequest(), ANSWERED),
    Case(mp.MeterConfigRequest(), ANSWERED),
    Case(mp.MeterFeaturesRequest(), ANSWERED),
    Case(mp.TableFeaturesRequest(), ANSWERED),
    Case(mp.TableFeaturesRequest(tables=(mp.TableFeatures(0),)), codes.TABLE_FEATURES_EPERM),
    Case(mp.PortDescRequest(), ANSWERED),
]
CASES: Mapping[int, list[Case]] = {
    1: FROM_CONTROLLERS + ONLY_10,
    4: FROM_CONTROLLERS + ONLY_13 + OF_EXPERIMENTERS_13,
}
MULTIPARTS = {
    one for one in vars(mp).values() if isinstance(one, type) and issubclass(one, mp.MultipartRequest)
}
ROLES = {"equal": m.ROLE_EQUAL, "master": m.ROLE_MASTER, "slave": m.ROLE_SLAVE}


@pytest.fixture(params=(*KINDS, ON_SHARES), ids=str)
def kind(request: pytest.FixtureRequest) -> Kind:
    """Each kind of datapath, and one on which the slice is a virtual network."""
    return request.param


def take_role(controller: Controller, role: int) -> None:
    if controller.version == 1:
        number = {m.ROLE_EQUAL: 0, m.ROLE_MASTER: 1, m.ROLE_SLAVE: 2}[role]
        controller.send(evolve(NICIRA_ROLE, body=bytes((0, 0, 0, 10, 0, 0, 0, number))))
    else:
        controller.send(
            m.RoleRequest(role=m.ROLE_MASTER, generation_id=5), m.RoleRequest(role=role, generation_id=5)
        )
    controller.inbox.clear()


def outcomes(controller: Controller, frame: bytes) -> list[Outcome]:
    """What a frame comes to by all the counters; an error must be told with the frame's own xid and bytes."""
    counters = controller.channel.counters

    def counts() -> tuple[int, int, int, int]:
        refused, shed = sum(counters.refused.values()), sum(counters.shed.values())
        return sum(counters.down), sum(counters.answered), refused, shed

    before = counts()
    told = controller.send(frame)
    down, answered, refused, shed = (now - then for now, then in zip(counts(), before, strict=True))
    errors = [one for one in told if isinstance(one, m.Error)]
    assert len(errors) == refused <= 1
    for error in errors:
        assert (error.xid, error.data) == (f.xid_of(frame), frame[:64])
    found: list[Outcome] = [error.error for error in errors]
    found += [FORWARDED] * bool(down) + [ANSWERED] * bool(answered) + [SHED] * shed
    return found


# --------------------------------------------------------------------------------------------- from controllers


def test_every_type_that_a_channel_hands_up_is_in_the_table(version: int) -> None:
    handed_up = {number for number in range(256) if HANDED_UP[Role.DATAPATH, version][number]}
    in_table = {codec(version).encode(case.message)[1] for case in CASES[version]}
    assert handed_up | {f.ERROR} == in_table
    kinds = {type(case.message) for case in CASES[version] if isinstance(case.message, mp.MultipartRequest)}
    in_version = {one for one in MULTIPARTS if version == 4 or one in v10.MESSAGE_CLASSES}
    assert kinds == in_version - {mp.MultipartRequest}


@pytest.mark.parametrize("role", ROLES)
def test_what_is_right_or_wrong_in_itself_comes_to_what_the_table_says(
    kind: Kind, version: int, role: str
) -> None:
    world = kind.world(A, B)
    for case in CASES[version]:
        a = world.controller("a", 1, version)
        take_role(a, ROLES[role])
        expected = case.by_slave if role == "slave" and case.by_slave is not None else case.outcome
        if not isinstance(expected, str):
            expected = as_told(expected, version)
        frame = codec(version).encode(evolve(case.message, xid=XID))
        assert outcomes(a, frame) == [expected], (case.message, role)
        a.leave()


def shorter(frame: bytes, by: int) -> bytes:
    return resized(frame[: max(len(frame) - by, f.HEADER_LENGTH)])


def resized(frame: bytes) -> bytes:
    """With a header that says how long it is."""
    return frame[:2] + len(frame).to_bytes(2, "big") + frame[4:]


MANGLED: Mapping[str, Callable[[bytes], bytes]] = {
    "one byte less": lambda frame: shorter(frame, 1),
    "four bytes less": lambda frame: shorter(frame, 4),
    "the header alone": lambda frame: resized(frame[:8]),
    "half of it": lambda frame: resized(frame[: 8 + (len(frame) - 8) // 2]),
    "one byte more": lambda frame: resized(frame + b"\0"),
    "eight bytes more": lambda frame: resized(frame + bytes(8)),
    "ones behind": lambda frame: resized(frame + b"\xff" * 8),
    "ones inside": lambda frame: frame[:8] + b"\xff" * (len(frame) - 8),
}


@pytest.mark.parametrize("how", MANGLED)
def test_what_is_mangled_comes_to_one_thing_all_the_same(kind: Kind, version: int, how: str) -> None:
    world = kind.world(A, B)
    for case in CASES[version]:
        a = world.controller("a", 1, version)
        frame = MANGLED[how](codec(version).encode(evolve(case.message, xid=XID)))
        found = outcomes(a, frame)
        assert len(found) == 1, (how, case.message, found)
        a.leave()
    for _, sent in world.to_datapaths:
        codec(kind.version).decode(sent)  # and what has gone on is whole


def test_types_that_there_are_not_are_refused(kind: Kind, version: int) -> None:
    a = kind.world(A, B).controller("a", 1, version)
    known = {codec(version).encode(case.message)[1] for case in CASES[version]}
    for number in range(256):
        if number in known or number in (f.HELLO, f.ECHO_REQUEST, f.ECHO_REPLY):  # the channel's own business
            continue
        a = a.world.controller("a", 1, version)
        found = outcomes(a, f.HEADER.pack(version, number, 8, XID))
        # What only a datapath says is no request either.
        assert len(found) == 1, number
        assert isinstance(found[0], tuple), number
        a.leave()


_KIND_10, _KIND_13 = Struct("!HH"), Struct("!HH4x")


def test_statistics_that_there_are_not_are_refused(kind: Kind, version: int) -> None:
    a = kind.world(A, B).controller("a", 1, version)
    request, head = (16, _KIND_10) if version == 1 else (18, _KIND_13)
    for number in (*range(14, 40), 0x2320, 0xFFFE):
        a = a.world.controller("a", 1, version)
        frame = f.HEADER.pack(version, request, 8 + head.size, XID) + head.pack(number, 0)
        assert outcomes(a, frame) == [as_told(codes.BAD_MULTIPART, version)], number
        a.leave()


# ---------------------------------------------------------------------------------------------- from datapaths

PACKET_IN = m.PacketIn(reason=m.REASON_ACTION, match=ON_1, total_len=len(udp()), data=udp())
PORT = Port(1, b"\2\0\0\1\0\1", "port-1")
TOLD, NOTED = "told", "noted"


def from_datapaths(datapath: Datapath) -> list[tuple[m.Message, str]]:
    """Messages of a datapath's, and what they come to: told to the slice, or the counter of the datapath."""
    is_share = any(view.share is not None for view in datapath.plan.views.values())
    block = datapath.plan.blocks.get("a/big" if is_share else "a")
    table = 0 if block is None else block.first
    stale: list[m.Message] = [
        m.Error(error=codes.BAD_TYPE),
        m.Experimenter(experimenter=0x2320, body=bytes(8)),
        m.FeaturesReply(dpid=1),
        m.GetConfigReply(),
        m.BarrierReply(),
        m.QueueGetConfigReply(port=1),
        mp.FlowStatsReply(),
        *((m.RoleReply(role=1), m.GetAsyncReply()) if datapath.version == 4 else ()),
    ]
    return [
        *((message, "stale_replies") for message in stale),
        (evolve(PACKET_IN, table_id=table), TOLD),
        (evolve(PACKET_IN, match=Match.of(in_port=9), table_id=0), "unowned_packet_ins"),
        # A virtual switch's ports are not the datapath's: who knows where they lie tells of them.
        (m.PortStatus(reason=m.PORT_MODIFY, port=PORT), NOTED if is_share else TOLD),
        (m.PortStatus(reason=m.PORT_MODIFY, port=Port(9)), NOTED),
        (m.FlowRemoved(cookie=9, reason=0, priority=1), "unowned_removals"),
    ]


def counted(datapath: Datapath) -> dict[str, int]:
    names = ("stale_replies", "unowned_packet_ins", "unowned_removals", "malformed", "own_failures")
    return {name: getattr(datapath, name) for name in names}


def test_what_a_datapath_says_is_told_or_counted(kind: Kind, version: int) -> None:
    world = kind.world(A, B)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    datapath = the_datapath(world)
    said = from_datapaths(datapath)
    handed_up = {n for n in range(256) if HANDED_UP[Role.CONTROLLER, datapath.version][n]} | {f.ERROR}
    assert {datapath.codec.encode(message)[1] for message, _ in said} == handed_up
    for message, outcome in said:
        before, heard = counted(datapath), len(a.inbox)
        seen = list(datapath.up_counts)
        say(world, message)
        changed = [name for name, count in counted(datapath).items() if count != before[name]]
        assert (["told"] if len(a.inbox) > heard else changed or ["noted"]) == [outcome], message
        assert len(a.inbox) - heard <= 1
        assert sum(datapath.up_counts) == sum(seen) + 1
    assert b.inbox == []


@pytest.mark.parametrize("how", MANGLED)
def test_a_datapath_that_mangles_what_it_says_harms_nobody(kind: Kind, version: int, how: str) -> None:
    world = kind.world(A, B)
    a = world.controller("a", 1, version)
    datapath = the_datapath(world)
    for message, _ in from_datapaths(datapath):
        before, heard = sum(counted(datapath).values()), len(a.inbox)
        datapath.faults.count = 0
        say(world, MANGLED[how](datapath.codec.encode(message)))
        counts = sum(counted(datapath).values()) - before
        noted = isinstance(message, m.PortStatus) or len(a.inbox) > heard
        assert counts == 1 or (noted and counts == 0), (how, message)
