"""Bringing up a datapath: what it has is read, made what the plan says, and only then shown to tenants.

Strategy: entries that are right are left alone, so that a restart of the hypervisor moves no packet: ours are compared
with the plan, the slices' own (which outlive us in their tables) are judged as if they came now, because the files
may have changed since. All that differs is sent, then a barrier; when that is answered the virtual switches open.
Where matches are intersected, what is remembered of the slices' entries says whose they are (`readoption`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from flowvisor.hypervisor import answering, bandwidth, births, links
from flowvisor.hypervisor.effects import GATHERING_SECONDS, Effects, HangUp, OpenChannels
from flowvisor.hypervisor.groups import Groups
from flowvisor.hypervisor.ids import Ids
from flowvisor.hypervisor.meters import Meters
from flowvisor.hypervisor.peers import Datapath
from flowvisor.hypervisor.provisioning import provision, what_it_is
from flowvisor.hypervisor.readoption import Comparison
from flowvisor.hypervisor.rejudging import correction
from flowvisor.hypervisor.requests import Answer, ask, send_own
from flowvisor.hypervisor.translation import storm_meters
from flowvisor.hypervisor.translation.groups import adopt as adopt_groups
from flowvisor.hypervisor.translation.groups import bucket_floods
from flowvisor.hypervisor.translation.meters import adopt as adopt_meters
from flowvisor.hypervisor.translation.table_miss import is_miss, is_our_miss, is_sent_by_us
from flowvisor.openflow.actions import NO_BUFFER_LEN
from flowvisor.openflow.messages import (
    DELETE,
    AsyncMasks,
    BarrierRequest,
    FlowMod,
    Message,
    SetAsync,
    SetConfig,
)
from flowvisor.openflow.multipart import (
    FlowStats,
    FlowStatsReply,
    FlowStatsRequest,
    GroupDesc,
    GroupDescReply,
    GroupDescRequest,
    GroupFeaturesReply,
    GroupFeaturesRequest,
    MeterConfig,
    MeterConfigReply,
    MeterConfigRequest,
    MeterFeaturesReply,
    MeterFeaturesRequest,
    PortDescReply,
    PortDescRequest,
    TableStatsReply,
    TableStatsRequest,
)
from flowvisor.openflow.traits import TRAITS
from flowvisor.planning.answer_meters import answer_meters
from flowvisor.planning.difference import entry_changes, group_changes, removal_of
from flowvisor.planning.entries import max_tenant_meter
from flowvisor.planning.meters import meter_changes
from flowvisor.planning.own_state import own_entries, own_groups, own_tables
from flowvisor.planning.plan import Enforcement


def begin(datapath: Datapath, effects: Effects) -> None:
    """Ask a datapath that has just connected for whole packets, and for what it has."""
    send_own(datapath, SetConfig(miss_send_len=NO_BUFFER_LEN), "configuration", effects)
    if TRAITS[datapath.version].has_tables:  # everything; what each controller wants is seen to here
        send_own(datapath, SetAsync(masks=AsyncMasks()), "asynchronous messages", effects)
    if TRAITS[datapath.version].ports_in_features:
        _ports_are_known(datapath, effects)
        _read_when_embedded(datapath, effects)
        return

    def put_ports(reply: Message) -> None:
        # At once, because what the datapath says of its ports after this is newer.
        if isinstance(reply, PortDescReply):
            datapath.ports.update((port.number, port) for port in reply.ports)

    _ask(datapath, [PortDescRequest()], lambda _, effects: _learn(datapath, effects), effects, each=put_ports)


def again(datapath: Datapath, done: Callable[[Effects], None], effects: Effects) -> None:
    """Make a datapath that is up what its plan says now."""
    datapath.after_setup.append(done)
    _read(datapath, effects)


def _learn(datapath: Datapath, effects: Effects) -> None:
    """Ask what the datapath offers of groups and of meters. One that does not say so has none."""
    _ports_are_known(datapath, effects)
    unanswered = 2

    def answered(replies: list[Message], effects: Effects) -> None:
        nonlocal unanswered
        unanswered -= 1
        for reply in replies:
            if isinstance(reply, GroupFeaturesReply):
                datapath.group_features = reply
            elif isinstance(reply, MeterFeaturesReply):
                datapath.meter_features = reply
                datapath.meter_ids.last = max_tenant_meter(reply.max_meter)
        if not unanswered:
            _read_when_embedded(datapath, effects)

    def failed(_error: tuple[int, int], effects: Effects) -> None:
        answered([], effects)

    for request in (GroupFeaturesRequest(), MeterFeaturesRequest()):
        ask(datapath, datapath.transactions, [request], answered, failed, effects)


def _ports_are_known(datapath: Datapath, effects: Effects) -> None:
    datapath.knows_ports = True
    datapath.fabric.reembed(effects, in_seconds=GATHERING_SECONDS)


def _read_when_embedded(datapath: Datapath, effects: Effects) -> None:
    """Go on when the plan says what the datapath is to do for virtual networks: nothing of theirs is to be removed."""

    def read(effects: Effects) -> None:
        if not datapath.has_left:
            _read(datapath, effects)

    if datapath.fabric.upper_storey.is_as_presumed(datapath):
        read(effects)
    else:
        datapath.fabric.when_embedded(read, effects)


def _read(datapath: Datapath, effects: Effects) -> None:
    """Ask what the datapath has of what should be there."""
    datapath.refused_entries.clear()
    bandwidth.decide(datapath, datapath.meter_features.max_meter, effects)
    storm_meters.decide(datapath)
    answering.decide(datapath)
    wanted: list[Message] = []
    if datapath.plan.enforcement is Enforcement.TABLES:
        wanted = [TableStatsRequest(), GroupDescRequest()]
        wanted += [FlowStatsRequest(table_id=table) for table in own_tables(datapath.plan)]
    elif datapath.group_features.types:
        wanted = [GroupDescRequest()]
    if datapath.meter_features.max_meter:
        wanted.append(MeterConfigRequest())
    if datapath.is_ready:  # slices may be in the middle of writing, when the files are read again
        wanted.insert(0, BarrierRequest())
    if not wanted:
        _make_so(datapath, [], effects)
        return
    _ask(datapath, wanted, lambda replies, effects: _make_so(datapath, replies, effects), effects)


def _readopt(datapath: Datapath, last: list[Message], effects: Effects) -> None:
    """Compare the entries with what is known of them; `last` is sent when none needs any more what it takes away."""
    comparison = Comparison(datapath)
    datapath.readoption = comparison

    def look_at_each(reply: Message) -> None:
        for flow in reply.flows if isinstance(reply, FlowStatsReply) else ():
            comparison.look_at(flow)

    def finish(_replies: list[Message], effects: Effects) -> None:
        datapath.readoption = None
        comparison.finish(effects)
        _take_possession(datapath)
        for message in last:
            send_own(datapath, message, "own entry", effects)
        _open(datapath, effects)

    _ask(datapath, [BarrierRequest(), FlowStatsRequest()], finish, effects, each=look_at_each)


def _make_so(datapath: Datapath, replies: list[Message], effects: Effects) -> None:
    flows: list[FlowStats] = []
    groups: list[GroupDesc] = []
    meters: list[MeterConfig] = []
    in_use: list[int] = []
    for reply in replies:
        if isinstance(reply, FlowStatsReply):
            flows += reply.flows
        elif isinstance(reply, GroupDescReply):
            groups += reply.groups
        elif isinstance(reply, MeterConfigReply):
            meters += reply.meters
        elif isinstance(reply, TableStatsReply):
            in_use += [table.table_id for table in reply.tables if table.active_count]

    _forget_ids(datapath)
    strange = [*adopt_groups(datapath, groups, effects), *adopt_meters(datapath, meters, effects)]

    for message in strange:
        send_own(datapath, message, "clearing", effects)

    def judged(wrong: list[Message], effects: Effects) -> None:
        own_meters = [
            *bandwidth.meters(datapath),
            *storm_meters.meters(datapath),
            *answer_meters(datapath.plan.answer_meters),
        ]
        first, last = meter_changes(own_meters, meters, datapath.meter_features.max_meter)
        for message in (*first, *_changes(datapath, flows, groups, in_use, wrong), *last):
            send_own(datapath, message, what_it_is(datapath, message), effects)
        datapath.has_flood_groups = True
        _open(datapath, effects)

    if datapath.plan.enforcement is Enforcement.TABLES:
        _judge_survivors(datapath, in_use, judged, effects)
        return
    first, last = group_changes(bucket_floods(datapath), groups)
    _, superfluous = meter_changes([], meters, datapath.meter_features.max_meter)
    for message in first:
        send_own(datapath, message, "own entry", effects)
    datapath.has_flood_groups = True
    _readopt(datapath, [*last, *superfluous], effects)


def _forget_ids(datapath: Datapath) -> None:
    """Groups and meters are taken up as the datapath has them, also by one that is set up anew."""
    datapath.group_ids = Ids(datapath.group_ids.last)
    datapath.meter_ids = Ids(datapath.meter_ids.last)
    for switch in datapath.switches.values():
        switch.groups, switch.meters = Groups(), Meters()


def _judge_survivors(datapath: Datapath, in_use: list[int], then: Answer, effects: Effects) -> None:
    """Find what makes right, or removes, what slices' tables have held since before us."""
    wrong: list[Message] = []
    survivors: list[Message] = []
    for table in in_use:
        switch = datapath.switch_by_table[table]
        if switch is not None and switch.is_new:
            wrong.append(FlowMod(command=DELETE, table_id=table))  # its table was somebody else's
        elif switch is not None:
            survivors.append(FlowStatsRequest(table_id=table))
    _take_possession(datapath)
    if not survivors:
        then(wrong, effects)
        return

    def judge_each(reply: Message) -> None:
        flows = reply.flows if isinstance(reply, FlowStatsReply) else ()
        wrong.extend(deletion for flow in flows for deletion in _judged(datapath, flow))

    _ask(datapath, survivors, lambda _, effects: then(wrong, effects), effects, each=judge_each)


def _take_possession(datapath: Datapath) -> None:
    """What slices have not made themselves is about to be removed."""
    for switch in datapath.switches.values():
        switch.is_new = False


def _judged(datapath: Datapath, flow: FlowStats) -> Iterator[FlowMod]:
    """Look at an entry of a slice's that was there before us; give what makes it right, or removes it."""
    switch = datapath.switch_by_table[flow.table_id]
    block = switch.view.block if switch is not None else None
    if switch is not None and block is not None and is_miss(flow, block) and is_sent_by_us(switch, flow):
        if not is_our_miss(switch, flow):  # it is back when a controller that wants it is
            yield removal_of(flow)
    else:
        yield from correction(datapath, flow)


def _open(datapath: Datapath, effects: Effects) -> None:
    """When all that was sent has taken effect, let the tenants see their virtual switches."""

    def done(_replies: list[Message], effects: Effects) -> None:
        datapath.is_ready = True
        provision(datapath, effects)
        links.begin(datapath, effects)
        effects.note(
            "info", "datapath_ready", dpid=datapath.dpid, enforcement=datapath.plan.enforcement.value
        )
        for switch in datapath.switches.values():
            births.remember(switch, effects)
            if switch.view.share is None:
                effects.commands.append(OpenChannels(switch.name))
            else:
                datapath.fabric.upper_storey.share_joined(switch, effects)
        after_setup, datapath.after_setup = datapath.after_setup, []
        for one in after_setup:
            one(effects)

    _ask(datapath, [BarrierRequest()], done, effects)


def _changes(
    datapath: Datapath,
    flows: list[FlowStats],
    groups: list[GroupDesc],
    in_use: list[int],
    wrong: list[Message],
) -> list[Message]:
    """What to send: groups come before the entries that use them, and go after them."""
    plan, configs = datapath.plan, datapath.port_configs
    entries = own_entries(plan, configs)
    own = [*own_groups(plan, datapath.ports, configs), *bucket_floods(datapath)]
    first, last = group_changes(own, groups)
    owned = {table for block in plan.blocks.values() for table in range(block.first, block.end)}
    owned.update(own_tables(plan))
    orphaned: list[Message] = [
        FlowMod(command=DELETE, table_id=table) for table in in_use if table not in owned
    ]
    return [*first, *wrong, *entry_changes(entries, flows), *orphaned, *last]


def _ask(
    datapath: Datapath,
    wanted: list[Message],
    answer: Answer,
    effects: Effects,
    each: Callable[[Message], None] | None = None,
) -> None:
    def fail(error: tuple[int, int], effects: Effects) -> None:
        effects.note("error", "datapath_setup_failed", dpid=datapath.dpid, error=error)
        effects.commands.append(HangUp(datapath, "set-up failed"))

    ask(datapath, datapath.transactions, wanted, answer, fail, effects, each=each)
