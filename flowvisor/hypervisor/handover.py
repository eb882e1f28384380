"""Packets of a datapath change hands: other rules count there, and whom that does not concern does not wait.

Strategy: a datapath that is up has what its plan says, so that of the hypervisor's own only the difference is sent, and
nothing of it is read. Of slices whose entries the new rules may judge otherwise (see `planning/concerned`) the entries
are read and judged by them first. Those slices wait; for all others the old rules count until then. Then, in one go,
what slices may not have any more goes, packets change hands, and what slices gain by that follows, with barriers in
between: so at any moment a packet comes to whom it belongs by the one or the other, and meets there only entries that
both allow (I1, I2). What anybody sends from then on is judged by the new rules, and done behind all that.

Where this is not all (matches are intersected, policies are others, something was refused) the datapath is brought up
anew over its connection, see `replanning`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from attrs import Factory, define, evolve

from flowvisor.hypervisor import answering, bandwidth, births, flow_quota, links
from flowvisor.hypervisor.effects import Effects, HangUp, OpenChannels
from flowvisor.hypervisor.groups import users_first
from flowvisor.hypervisor.journal import GROUP, METER, TABLE_MISS
from flowvisor.hypervisor.peers import Datapath, VirtualSwitch
from flowvisor.hypervisor.rejudging import correction, stop
from flowvisor.hypervisor.replanning import (
    NO_SHARE,
    MakeSwitch,
    close,
    goes_on,
    place,
    put_view,
    take_away,
    tell_of_ports,
    told_here,
)
from flowvisor.hypervisor.requests import ask, fence_datapath, send_own
from flowvisor.hypervisor.translation import storm_meters
from flowvisor.hypervisor.translation.groups import take_out_illegal
from flowvisor.hypervisor.translation.table_miss import is_our_miss
from flowvisor.network.topology import End
from flowvisor.openflow.messages import (
    DELETE,
    GROUP_DELETE,
    METER_DELETE,
    BarrierRequest,
    FlowMod,
    GroupMod,
    Message,
    MeterMod,
)
from flowvisor.openflow.multipart import FlowStatsReply, FlowStatsRequest
from flowvisor.planning.concerned import Change, Concerned
from flowvisor.planning.egress import freed_fields
from flowvisor.planning.own_changes import OwnState, own_changes
from flowvisor.planning.plan import DatapathPlan, Enforcement
from flowvisor.planning.view import View


def is_possible(datapath: Datapath, plan: DatapathPlan) -> bool:
    """Whether a plan with other rules can take the place of the one that a datapath has, just like that."""
    before, switches = datapath.plan, datapath.switches.values()
    return (
        before.enforcement is plan.enforcement is Enforcement.TABLES
        and datapath.is_ready
        and not datapath.own_failures  # it has all that it was sent
        and all(one.rewriting is None for one in switches)
        and (
            before.ownership.used_mask == plan.ownership.used_mask
            or not any(one.meters.remarking for one in switches)
        )
    )


def hand_over(datapath: Datapath, plan: DatapathPlan, make: MakeSwitch, effects: Effects) -> None:
    """Let other rules count at a datapath; all else that its plan says is as before."""
    _Handover(datapath, plan, make).begin(effects)


@define(eq=False)
class _Handover:
    """One that is going on: `heirs` are the slices that wait, `configs` how they had configured their ports."""

    datapath: Datapath
    plan: DatapathPlan
    make: MakeSwitch
    heirs: list[VirtualSwitch] = Factory(list)
    configs: dict[str, Mapping[int, int]] = Factory(dict)
    wrong: list[FlowMod] = Factory(list)
    releases: list[Callable[[Effects], None]] = Factory(list)

    def begin(self, effects: Effects) -> None:
        datapath = self.datapath
        here = datapath.plan.ownership, self.plan.ownership
        concerned = Concerned(here, _beyond(datapath))
        for name, switch in datapath.switches.items():
            view = self.plan.views.get(name)
            if switch.view.block is None or switch.view.share is not None or not goes_on(switch, view):
                continue
            if concerned.includes(name, _writes(switch)):
                assert view is not None
                self._stop(switch, view, effects)
        if not self.heirs:
            self._change_hands(effects)
            return
        links.put_known(datapath)
        ask(datapath, datapath.transactions, [BarrierRequest()], self._read, self._failed, effects)

    def _stop(self, switch: VirtualSwitch, view: View, effects: Effects) -> None:
        """Let a slice wait, and nothing be remembered of its entries: they are looked at by the new rules."""
        datapath, name = switch.datapath, switch.view.slice_name
        shown = told_here(switch)
        self.heirs.append(switch)
        self.configs[name] = dict(switch.port_configs.bits)
        self.releases.append(stop(switch))
        flow_quota.end(switch, effects)
        flow_quota.begin(switch)
        datapath.buffers.void_of(name)
        put_view(switch, view, self.plan)
        switch.writes = set()
        switch.past_changes += 1  # what was read of its entries before is out of date
        tell_of_ports(switch, shown, effects)

    def _read(self, _replies: list[Message], effects: Effects) -> None:
        """All that those who wait had sent is done: look at what has come of it."""
        datapath = self.datapath
        tables: list[Message] = []
        for switch in self.heirs:
            for group_id, group in switch.groups.by_id.items():
                group.uses, group.is_spread = set(), False
                switch.groups.keep(group_id, group.versions[-1:])
            take_out_illegal(switch, effects)
            block = switch.view.block
            assert block is not None
            # One after the other: what one rewrites is known when the next is judged.
            tables += [FlowStatsRequest(table_id=table) for table in range(block.first, block.end)]
        ask(datapath, datapath.transactions, tables, self._done, self._failed, effects, each=self._look_at)

    def _look_at(self, reply: Message) -> None:
        for flow in reply.flows if isinstance(reply, FlowStatsReply) else ():
            switch = self.datapath.switch_by_table[flow.table_id]
            if switch is not None and not is_our_miss(switch, flow):
                self.wrong.extend(correction(self.datapath, flow))

    def _done(self, _replies: list[Message], effects: Effects) -> None:
        self._change_hands(effects)
        for release in self.releases:
            release(effects)

    def _failed(self, error: tuple[int, int], effects: Effects) -> None:
        # What is not known to be right must not go on; with the next connection everything is looked at.
        effects.note("error", "entries_not_read", dpid=self.datapath.dpid, error=error)
        effects.commands.append(HangUp(self.datapath, "entries cannot be read"))

    def _change_hands(self, effects: Effects) -> None:
        """Send the difference. Virtual networks may have come to lie elsewhere while entries were read."""
        datapath = self.datapath
        before = OwnState(datapath.plan, {**datapath.port_configs, **self.configs})
        meters_before = _own_meters(datapath)
        plan = evolve(self.plan.with_part(before.plan.part), is_probed=before.plan.is_probed)
        gone = [one for name, one in datapath.switches.items() if not goes_on(one, plan.views.get(name))]
        removals = [message for switch in gone for message in _all_of(switch)]
        for switch in gone:
            _take_leave(switch, effects)
        datapath.plan = plan
        come = list(self._put_views(effects))
        for switch in gone:
            if switch.view.slice_name not in datapath.switches:
                datapath.memory.forget_slice(switch.view.slice_name, effects)
        bandwidth.decide(datapath, datapath.meter_features.max_meter, effects)
        storm_meters.decide(datapath)
        answering.decide(datapath)
        meters = _own_meters(datapath)
        names = {one.view.slice_name for one in (*self.heirs, *gone, *come)}
        after = OwnState(datapath.plan, datapath.port_configs)
        changes = own_changes(before, after, datapath.ports, names)
        first = [one for number, one in meters.items() if number not in meters_before]
        unused = [
            MeterMod(command=METER_DELETE, meter_id=one) for one in meters_before.keys() - meters.keys()
        ]
        steps: tuple[list[Message], ...] = (
            [*first, *changes.first, *self.wrong, *(one for switch in come for one in _empty(switch))],
            changes.entries,
            [*changes.last, *removals, *unused],
        )
        for step in steps:
            for message in step:
                send_own(datapath, message, "own entry", effects)
            if step:
                fence_datapath(datapath, effects)
        self._open(come, effects)

    def _put_views(self, effects: Effects) -> Iterator[VirtualSwitch]:
        """Give everybody the view that they have now; those who come."""
        datapath = self.datapath
        for name, view in datapath.plan.views.items():
            switch = datapath.switches.get(name)
            if switch is None:
                switch = self.make(datapath, name, view)
                place(switch)
                switch.is_new = False  # its tables are emptied
                flow_quota.begin(switch)
                yield switch
            elif switch.view is not view:
                shown = told_here(switch) if view.reads or switch.view.reads else None
                switch.view = view
                switch.verdicts.clear()
                switch.packet_outs.clear()
                if shown is not None:
                    tell_of_ports(switch, shown, effects)
        datapath.readers = [one for one in datapath.switches.values() if one.view.reads]
        links.put_known(datapath)

    def _open(self, come: list[VirtualSwitch], effects: Effects) -> None:
        """When all that was sent has taken effect, let tenants see switches that have come."""

        def done(_replies: list[Message], effects: Effects) -> None:
            for switch in come:
                if self.datapath.switches.get(switch.view.slice_name) is switch:
                    births.remember(switch, effects)
                    effects.commands.append(OpenChannels(switch.name))

        if come:
            datapath = self.datapath
            ask(datapath, datapath.transactions, [BarrierRequest()], done, self._failed, effects)


def _writes(switch: VirtualSwitch) -> set[str]:
    """The fields that a slice's entries and groups may change, or did."""
    found = set(switch.writes)
    for group in switch.groups.by_id.values():
        for version in group.versions:
            found.update(field for each in version.lists for one in each for field in freed_fields(one))
    if switch.meters.remarking:
        found.add("ip_dscp")
    return found


def _beyond(datapath: Datapath) -> list[Change]:
    """What has changed at the far ends of links from a datapath, as far as slices here are judged by it."""
    fabric = datapath.fabric
    found: dict[tuple[int, int], Change] = {}
    for switch in datapath.switches.values():
        for port, known in switch.view.far_ends.items():
            for far, end in zip(known, fabric.topology.far_ends(End(datapath.dpid, port)), strict=False):
                change = far.ownership, fabric.ownership_at(end.dpid)
                found[id(change[0]), id(change[1])] = change
    return [change for change in found.values() if change[0] is not change[1]]


def _own_meters(datapath: Datapath) -> dict[int, MeterMod]:
    meters = [*bandwidth.meters(datapath), *storm_meters.meters(datapath)]
    return {one.meter_id: one for one in meters}


def _take_leave(switch: VirtualSwitch, effects: Effects) -> None:
    """A slice has no share of the datapath any more."""
    datapath = switch.datapath
    for group in switch.groups.by_id.values():
        datapath.group_ids.release(group.physical)
    for physical in switch.meters.by_physical:
        datapath.meter_ids.release(physical)
    name = switch.view.slice_name
    # Its ids are anybody's now; how it has configured ports is its own still.
    for kind in (GROUP, METER, TABLE_MISS):
        for key in list(datapath.memory.of(kind, name)):
            datapath.memory.forget(kind, name, key, effects)
    datapath.buffers.void_of(name)
    take_away(switch)
    close(switch, NO_SHARE, effects)


def _empty(switch: VirtualSwitch) -> Iterator[Message]:
    """What clears a slice's tables."""
    block = switch.view.block
    if block is not None:
        for table in range(block.first, block.end):
            yield FlowMod(command=DELETE, table_id=table)


def _all_of(switch: VirtualSwitch) -> Iterator[Message]:
    """What removes all that a slice has."""
    yield from _empty(switch)
    groups = switch.groups.by_id
    for group_id in users_first({one: group.versions[-1].names for one, group in groups.items()}):
        yield GroupMod(command=GROUP_DELETE, group_id=groups[group_id].physical)
    for physical in switch.meters.by_physical:
        yield MeterMod(command=METER_DELETE, meter_id=physical)
