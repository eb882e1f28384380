"""A virtual switch over several datapaths is to its tenant like one datapath of its own."""

from __future__ import annotations

from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.hypervisor.effects import HangUp
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import messages as msg
from flowvisor.openflow import multipart as multi
from flowvisor.openflow.actions import ApplyActions, GotoTable, Group, Meter, Output
from flowvisor.openflow.frame import FLOW_MOD, GROUP_MOD, METER_MOD
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import ANY, CONTROLLER
from tests.support.big_world import PORTS, big_world
from tests.support.slices import udp
from tests.support.world import World, a_slice, ports

_ports = st.sampled_from(PORTS)
_addresses = st.sampled_from((0x0A000001, 0x0A000002))
_groups = st.sampled_from((1, 2, 3))
_meters = st.sampled_from((1, 2))
_tables = st.sampled_from((0, 0, 0, 1, 9))


@st.composite
def _matches(draw: st.DrawFn) -> Match:
    fields = {}
    if draw(st.booleans()):
        fields["in_port"] = draw(_ports)
    if draw(st.booleans()):
        fields |= {"eth_type": 0x0800, "ipv4_dst": draw(_addresses)}
    return Match.of(**fields)


@st.composite
def _instructions(draw: st.DrawFn) -> tuple[object, ...]:
    found: list[object] = []
    if draw(st.integers(0, 4)) == 0:
        found.append(Meter(draw(_meters)))
    actions = draw(
        st.lists(
            st.one_of(
                st.builds(Output, st.sampled_from((*PORTS, CONTROLLER, 77))), st.builds(Group, _groups)
            ),
            max_size=2,
        )
    )
    if actions:
        found.append(ApplyActions(tuple(actions)))
    if draw(st.integers(0, 3)) == 0:
        found.append(GotoTable(draw(st.sampled_from((1, 2)))))
    return tuple(found)


CHANGES = frozenset({FLOW_MOD, GROUP_MOD, METER_MOD})


def _unambiguous(mod: msg.FlowMod) -> msg.FlowMod:
    """Of two entries of one priority that a packet matches either may be taken: there are none."""
    return evolve(
        mod,
        priority=4 * mod.priority + ("in_port" in mod.match.fields) + 2 * ("ipv4_dst" in mod.match.fields),
    )


# Such as are mostly taken: so that there is something to select, count and move.
_plain = st.builds(
    msg.FlowMod,
    cookie=st.integers(0, 2),
    hard_timeout=st.sampled_from((0, 0, 0, 3)),
    priority=st.sampled_from((0, 5, 9)),
    flags=st.sampled_from((0, msg.SEND_FLOW_REM)),
    match=_matches(),
    instructions=st.builds(Output, st.sampled_from((*PORTS, CONTROLLER))).map(
        lambda one: (ApplyActions((one,)),)
    ),
).map(_unambiguous)
_flags = st.sampled_from((0, msg.SEND_FLOW_REM, msg.SEND_FLOW_REM, msg.CHECK_OVERLAP, msg.RESET_COUNTS))
_flow_mods = st.builds(
    msg.FlowMod,
    cookie=st.integers(0, 2),
    cookie_mask=st.sampled_from((0, 0, 0, 1)),
    table_id=_tables,
    command=st.sampled_from((msg.ADD, msg.ADD, msg.ADD, msg.MODIFY, 2, msg.DELETE, msg.DELETE_STRICT)),
    hard_timeout=st.sampled_from((0, 0, 3)),
    priority=st.sampled_from((0, 5, 9)),
    out_port=st.sampled_from((ANY, ANY, ANY, 1)),
    flags=_flags,
    match=_matches(),
    instructions=_instructions(),
).map(_unambiguous)
_buckets = st.lists(
    st.builds(
        msg.Bucket,
        actions=st.one_of(st.builds(Output, _ports), st.builds(Group, _groups)).map(lambda one: (one,)),
    ),
    max_size=2,
).map(tuple)
_group_mods = st.builds(
    msg.GroupMod,
    command=st.sampled_from((msg.GROUP_ADD, msg.GROUP_ADD, msg.GROUP_MODIFY, msg.GROUP_DELETE)),
    group_type=st.sampled_from((msg.GROUP_TYPE_ALL, msg.GROUP_TYPE_INDIRECT)),
    group_id=st.one_of(_groups, _groups, st.just(msg.ALL_GROUPS)),
    buckets=_buckets,
)
_meter_mods = st.builds(
    msg.MeterMod,
    command=st.sampled_from((msg.METER_ADD, msg.METER_ADD, msg.METER_MODIFY, msg.METER_DELETE)),
    flags=st.just(msg.METER_PKTPS),
    meter_id=_meters,
    bands=st.just((msg.MeterBand(msg.BAND_DROP, 1000),)),
)
_packet_outs = st.builds(
    msg.PacketOut,
    in_port=st.sampled_from((*PORTS, CONTROLLER)),
    actions=st.builds(Output, st.sampled_from((*PORTS, 77))).map(lambda one: (one,)),
    data=st.just(udp()),
)
_REQUESTS = (
    multi.FlowStatsRequest(),
    multi.FlowStatsRequest(match=Match.of(in_port=1), out_port=2),
    multi.AggregateStatsRequest(),
    multi.AggregateStatsRequest(table_id=9),
    multi.GroupStatsRequest(),
    multi.GroupDescRequest(),
    multi.GroupFeaturesRequest(),
    multi.MeterStatsRequest(),
    multi.MeterConfigRequest(),
    multi.MeterFeaturesRequest(),
    multi.TableStatsRequest(),
    multi.TableFeaturesRequest(),
    msg.GetConfigRequest(),
    msg.GetAsyncRequest(),
    msg.RoleRequest(role=msg.ROLE_MASTER, generation_id=3),
    msg.BarrierRequest(),
    msg.TableMod(table_id=0, config=1),
    multi.ExperimenterMultipartRequest(experimenter=1),
    msg.Experimenter(experimenter=7),
)


def _in_order(answers: list[msg.Message]) -> list[msg.Message]:
    """Lists that have no order, in one."""
    found = []
    for one in answers:
        for name in ("flows", "groups", "meters"):
            if isinstance(one, multi.MultipartReply) and hasattr(one, name):
                one = evolve(one, **{name: tuple(sorted(getattr(one, name), key=repr))})
        found.append(one)
    return sorted(found, key=lambda one: repr(one) if isinstance(one, msg.FlowRemoved) else "")


_ONLY_IN_13 = (
    *(msg.GroupMod, msg.MeterMod, msg.TableMod, msg.RoleRequest, msg.GetAsyncRequest),
    *(multi.GroupStatsRequest, multi.GroupDescRequest, multi.GroupFeaturesRequest, multi.MeterStatsRequest),
    *(multi.MeterConfigRequest, multi.MeterFeaturesRequest, multi.TableFeaturesRequest),
)


def _in_10(message: msg.Message) -> msg.Message | None:
    """What of it 1.0 can say."""
    if isinstance(message, msg.FlowMod):
        applied = tuple(one for one in message.instructions if isinstance(one, ApplyActions))
        outputs = tuple(one for each in applied for one in each.actions if isinstance(one, Output))
        return evolve(
            message,
            cookie_mask=0,
            table_id=0,
            flags=message.flags & (msg.SEND_FLOW_REM | msg.CHECK_OVERLAP),
            instructions=(ApplyActions(outputs),) if outputs else (),
        )
    if isinstance(message, multi.AggregateStatsRequest) and message.table_id == 9:
        return None
    return None if isinstance(message, _ONLY_IN_13) else message


class BigSwitchMachine(RuleBasedStateMachine):
    """Two tenants do the same: one has a big switch, the other a datapath that is its own."""

    @initialize(n=st.sampled_from((2, 3)), version=st.sampled_from((4, 4, 1)))
    def begin(self, n: int, version: int) -> None:
        self.n = n
        self.version = version
        self.big = big_world(n)
        self.alone = World([a_slice("a", ports(*PORTS))], [EmulatedDatapath(1, ports=PORTS)])
        self.tenants = (self.big.big_controller(version), self.alone.controller("a", 1, version))
        self.away: set[int] = set()
        self.was_away = False
        self.xid = 100

    def both(self, *messages: msg.Message) -> None:
        for one in self.tenants:
            one.inbox.clear()
        sent = []
        for message in messages:
            self.xid += 1
            said = message if self.version == 4 else _in_10(message)
            if said is not None:
                sent.append(evolve(said, xid=self.xid))
        for one in self.tenants:
            one.send(*sent)
        self.compare()

    def compare(self) -> None:
        mine, wanted = (_in_order(one.inbox) for one in self.tenants)
        if self.was_away:  # what was counted at a datapath while it was away, nobody has seen
            mine, wanted = ([_uncounted(one) for one in many] for many in (mine, wanted))
        assert mine == wanted, _difference(mine, wanted)

    @rule(mods=st.lists(_plain, min_size=1, max_size=3))
    def add(self, mods: list[msg.Message]) -> None:
        for mod in mods:
            self.both(mod)

    @rule(mod=st.one_of(_flow_mods, _flow_mods, _flow_mods, _group_mods, _meter_mods, _packet_outs))
    def ask_for_a_change(self, mod: msg.Message) -> None:
        self.both(mod)

    @rule(mod=st.one_of(_plain, _flow_mods, _flow_mods, _group_mods, _meter_mods), data=st.data())
    def one_datapath_refuses_a_change(self, mod: msg.Message, data: st.DataObject) -> None:
        here = sorted(set(range(1, self.n + 1)) - self.away)
        picky = self.big.emulated[data.draw(st.sampled_from(here))]
        said = mod if self.version == 4 else _in_10(mod)
        if said is None or (self.version == 1 and not said.match.fields):
            return  # in the place of the table-miss entry that 1.0 controllers are given
        for one in self.tenants:
            one.inbox.clear()
        picky.refuses = CHANGES
        answers = self.tenants[0].send(evolve(said, xid=9))
        picky.refuses = frozenset()
        if any(isinstance(one, msg.Error) for one in answers):
            assert [(type(one), one.xid) for one in answers] == [(msg.Error, 9)]
            self.was_away = True  # what was taken away and put back counts anew
        else:
            self.tenants[1].send(evolve(said, xid=9))
            self.compare()

    @precondition(lambda self: not self.away)
    @rule(request=st.sampled_from(_REQUESTS))
    def ask(self, request: msg.Message) -> None:
        self.both(request)

    @rule(destination=_addresses)
    def packets_come_in_everywhere(self, destination: int) -> None:
        for port in PORTS:
            if self.big.big.homes[port] in self.away:
                continue
            for one in self.tenants:
                one.inbox.clear()
            packet = udp(dst=destination)
            mine = self.big.packet(self.big.big.homes[port], port, packet)
            assert mine == self.alone.packet(1, port, packet)
            self.compare()

    @rule()
    def time_passes(self) -> None:
        for one in self.tenants:
            one.inbox.clear()
        self.big.pass_time(1.0)
        self.alone.pass_time(1.0)
        self.compare()

    @rule(data=st.data())
    def a_datapath_goes(self, data: st.DataObject) -> None:
        here = sorted(set(range(1, self.n + 1)) - self.away)
        if len(here) > 1:
            dpid = data.draw(st.sampled_from(here))
            self.away.add(dpid)
            self.was_away = True
            self.big.go(dpid)

    @precondition(lambda self: self.away)
    @rule(data=st.data())
    def a_datapath_comes_back(self, data: st.DataObject) -> None:
        dpid = data.draw(st.sampled_from(sorted(self.away)))
        self.away.discard(dpid)
        for one in self.tenants:
            one.inbox.clear()
        self.big.come(self.big.emulated[dpid])
        self.compare()

    @rule(port=_ports, data=st.data())
    def a_port_moves(self, port: int, data: st.DataObject) -> None:
        for one in self.tenants:
            one.inbox.clear()
        self.big.move(port, data.draw(st.sampled_from(range(1, self.n + 1))))
        self.compare()

    @invariant()
    def entries_are_the_same(self) -> None:
        if hasattr(self, "tenants") and not self.away:
            self.both(multi.FlowStatsRequest())

    @invariant()
    def nothing_is_left_over(self) -> None:
        if not hasattr(self, "tenants"):
            return
        channel = self.tenants[0].channel
        assert not channel.backlog
        assert not channel.undoing
        assert channel.barrier is None
        assert not self.big.big.replaying
        assert not self.big.big.joining
        entries = sum(len(table) for table in self.alone.emulated[1].pipeline.tables[1:5])
        ours = self.alone.hypervisor.datapaths[1].switches["a"].our_entries
        assert len(self.big.big.entries) == entries - ours


def _difference(mine: list[msg.Message], wanted: list[msg.Message]) -> object:
    """What of the answers is not the same; lists of entries one by one."""
    if [type(one) for one in mine] != [type(one) for one in wanted] or not mine:
        return mine, wanted
    flows = [{repr(flow) for one in many for flow in getattr(one, "flows", ())} for many in (mine, wanted)]
    return flows[0] - flows[1], flows[1] - flows[0]


def _uncounted(one: msg.Message) -> msg.Message:
    if isinstance(one, multi.FlowStatsReply):
        flows = (evolve(flow, packet_count=0, byte_count=0, duration_sec=0) for flow in one.flows)
        return evolve(one, flows=tuple(flows))
    if isinstance(one, msg.FlowRemoved):
        return evolve(one, packet_count=0, byte_count=0, duration_sec=0)
    if isinstance(one, multi.AggregateStatsReply):
        return evolve(one, packet_count=0, byte_count=0)
    if isinstance(one, multi.GroupStatsReply):
        return evolve(one, groups=())
    if isinstance(one, multi.MeterStatsReply):
        return evolve(one, meters=())
    if isinstance(one, multi.TableStatsReply):
        return evolve(
            one, tables=tuple(evolve(table, lookup_count=0, matched_count=0) for table in one.tables)
        )
    return one


BigSwitchMachine.TestCase.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
test_a_big_switch_answers_like_one_datapath = BigSwitchMachine.TestCase


def test_what_is_not_understood_is_refused_by_name() -> None:
    tenant = big_world(2).big_controller()
    assert (
        tenant.refused(multi.ExperimenterMultipartRequest(xid=1, experimenter=5, body=bytes(4)))
        == codes.BAD_EXPERIMENTER
    )
    assert tenant.refused(multi.PortStatsRequest(xid=1, more=True)) == codes.MULTIPART_BUFFER_OVERFLOW
    assert tenant.refused(multi.TableFeaturesRequest(xid=1, more=True)) == codes.TABLE_FEATURES_EPERM
    assert tenant.send(msg.Error(error=(1, 1))) == []
    assert tenant.channel.counters.shed == {"error-from-controller": 1}


def test_who_breaks_the_protocol_too_often_is_hung_up_on() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    errors = tenant.send(*[b"\x04\x0e\x00\x08\0\0\0\1"] * 16)
    assert {one.error for one in errors} == {codes.BAD_LEN}
    assert [one.peer for one in world.commands if isinstance(one, HangUp)] == [tenant.channel]


def test_what_a_version_has_no_words_for_is_refused() -> None:
    tenant = big_world(2).big_controller(1)
    assert tenant.refused(msg.FlowMod(xid=2, flags=msg.EMERGENCY))
    assert tenant.ask(msg.BarrierRequest(xid=3), msg.BarrierReply)
