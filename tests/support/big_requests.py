"""What a tenant asks of its virtual switch, at random, and whether two of them are answered the same."""

from __future__ import annotations

from attrs import evolve
from hypothesis import strategies as st

from flowvisor.openflow import messages as msg
from flowvisor.openflow import multipart as multi
from flowvisor.openflow.actions import ApplyActions, GotoTable, Group, Meter, Output
from flowvisor.openflow.frame import FLOW_MOD, GROUP_MOD, METER_MOD
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import ANY, CONTROLLER
from tests.support.slices import udp
from tests.support.world import Controller

PORTS = (1, 2, 3, 4)

port_numbers = st.sampled_from(PORTS)
addresses = st.sampled_from((0x0A000001, 0x0A000002))
_groups = st.sampled_from((1, 2, 3))
_meters = st.sampled_from((1, 2))
_tables = st.sampled_from((0, 0, 0, 1, 9))


@st.composite
def _matches(draw: st.DrawFn) -> Match:
    fields = {}
    if draw(st.booleans()):
        fields["in_port"] = draw(port_numbers)
    if draw(st.booleans()):
        fields |= {"eth_type": 0x0800, "ipv4_dst": draw(addresses)}
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
additions = st.builds(
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
flow_mods = st.builds(
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
        actions=st.one_of(st.builds(Output, port_numbers), st.builds(Group, _groups)).map(lambda one: (one,)),
    ),
    max_size=2,
).map(tuple)
group_mods = st.builds(
    msg.GroupMod,
    command=st.sampled_from((msg.GROUP_ADD, msg.GROUP_ADD, msg.GROUP_MODIFY, msg.GROUP_DELETE)),
    group_type=st.sampled_from((msg.GROUP_TYPE_ALL, msg.GROUP_TYPE_INDIRECT)),
    group_id=st.one_of(_groups, _groups, st.just(msg.ALL_GROUPS)),
    buckets=_buckets,
)
meter_mods = st.builds(
    msg.MeterMod,
    command=st.sampled_from((msg.METER_ADD, msg.METER_ADD, msg.METER_MODIFY, msg.METER_DELETE)),
    flags=st.just(msg.METER_PKTPS),
    meter_id=_meters,
    bands=st.just((msg.MeterBand(msg.BAND_DROP, 1000),)),
)
packet_outs = st.builds(
    msg.PacketOut,
    in_port=st.sampled_from((*PORTS, CONTROLLER)),
    actions=st.builds(Output, st.sampled_from((*PORTS, 77))).map(lambda one: (one,)),
    data=st.just(udp()),
)
REQUESTS = (
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


def in_order(answers: list[msg.Message]) -> list[msg.Message]:
    """Lists that have no order, in one; without PORT_STATUS, which come as they come."""
    found = []
    for one in answers:
        if isinstance(one, msg.PortStatus):
            continue
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


def in_10(message: msg.Message) -> msg.Message | None:
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


def difference(mine: list[msg.Message], wanted: list[msg.Message]) -> object:
    """What of the answers is not the same; lists of entries one by one."""
    if [type(one) for one in mine] != [type(one) for one in wanted] or not mine:
        return mine, wanted
    flows = [{repr(flow) for one in many for flow in getattr(one, "flows", ())} for many in (mine, wanted)]
    return flows[0] - flows[1], flows[1] - flows[0]


def uncounted(one: msg.Message) -> msg.Message:
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


class Twins:
    """Two tenants that do the same. If `is_uncounted`, counters of theirs need not agree any more."""

    tenants: tuple[Controller, Controller]
    version: int
    is_uncounted = False
    xid = 100

    def forget(self) -> None:
        """What was said before is not compared."""
        for one in self.tenants:
            one.inbox.clear()

    def both(self, *messages: msg.Message) -> None:
        """Let both send these, and compare."""
        self.forget()
        sent = []
        for message in messages:
            self.xid += 1
            said = message if self.version == 4 else in_10(message)
            if said is not None:
                sent.append(evolve(said, xid=self.xid))
        for one in self.tenants:
            one.send(*sent)
        self.compare()

    def compare(self) -> None:
        """Both have heard the same, but for PORT_STATUS."""
        mine, wanted = (in_order(one.inbox) for one in self.tenants)
        if self.is_uncounted:
            mine, wanted = ([uncounted(one) for one in many] for many in (mine, wanted))
        assert mine == wanted, difference(mine, wanted)
