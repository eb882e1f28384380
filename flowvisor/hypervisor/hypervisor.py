"""The hypervisor: who has joined and left, and each frame to its translation. Bytes and `now` in, effects out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from attrs import evolve

from flowvisor.configuration.snapshot import Configuration
from flowvisor.hypervisor import (
    births,
    flow_quota,
    handover,
    links,
    northbound,
    readoption,
    replanning,
    setup,
    waiting,
)
from flowvisor.hypervisor.big import legs
from flowvisor.hypervisor.big.big_switch import BigChannel
from flowvisor.hypervisor.channels import close_channel, open_channel
from flowvisor.hypervisor.effects import GATHERING_SECONDS, Effects, HangUp, VirtualSwitchName, Wake
from flowvisor.hypervisor.journal import Name
from flowvisor.hypervisor.memory import MAX_AWAY, Memory
from flowvisor.hypervisor.networks import Networks
from flowvisor.hypervisor.partial_requests import expire
from flowvisor.hypervisor.peers import (
    Channel,
    Datapath,
    Fabric,
    Tenant,
    TenantChannel,
    VirtualSwitch,
)
from flowvisor.hypervisor.port_configs import recalled
from flowvisor.hypervisor.provisioning import reprovision
from flowvisor.hypervisor.readings import forget_old
from flowvisor.hypervisor.reembedding import look_at_ports, reembed
from flowvisor.hypervisor.requests import give_up_late
from flowvisor.hypervisor.sightings import Sighting
from flowvisor.hypervisor.tenants import tenants_of
from flowvisor.network.discovery import Discovery
from flowvisor.network.topology import Topology
from flowvisor.openflow.messages import FeaturesReply
from flowvisor.openflow.versions import codec
from flowvisor.planning.ahead import Ahead, Facts
from flowvisor.planning.allocation import NO_TABLES, Allocations
from flowvisor.planning.claims import claims_of
from flowvisor.planning.plan import Compiled, DatapathPlan, compile_plan, has_tables, ownership_at
from flowvisor.planning.touched import Touched
from flowvisor.planning.view import View
from flowvisor.slices.virtual_network import slice_of_share

# Virtual switches whose datapaths are given new plans in one turn; the first datapath is, however many it has.
MAX_SWITCHES_AT_ONCE: Final = 100  # about 15 ms


class Hypervisor:
    """Everything between the datapaths and the slices' controllers, without a socket or a clock."""

    def __init__(
        self,
        configuration: Configuration,
        allocations: Allocations,
        remembered: Mapping[int, Mapping[Name, bytes]],
        discovery: Discovery | None = None,
    ) -> None:
        self.memories = {dpid: Memory(dpid, known) for dpid, known in remembered.items()}  # by dpid
        self.datapaths: dict[int, Datapath] = {}
        self.tenants: dict[str, Tenant] = {}
        # In order: whose plans are those of earlier files, and whether nothing but rules is different.
        self._outdated: dict[Datapath, bool] = {}
        self._last_birth_before_us = allocations.last_birth
        self.networks = Networks(self._n_tables_for_shares, configuration.settings)
        self._configure(configuration, allocations, Effects(0.0))
        self.fabric = Fabric(
            topology=Topology(configuration.settings.links),
            discovery=discovery,
            datapaths=self.datapaths,
            ownership_at=lambda dpid: ownership_at(
                self._flowspace, dpid, self._acls, self._compiled, self._claims
            ),
            upper_storey=self.networks,
        )
        if self.networks.are_there:
            links.presume(self.fabric, self.networks.presume(self.memories.values()))
            self.networks.embed(self.fabric)
            look_at_ports(self.networks, self.fabric, Effects(0.0))

    def _configure(
        self,
        configuration: Configuration,
        allocations: Allocations,
        effects: Effects,
        compiled: Compiled | None = None,
    ) -> None:
        self.configuration = configuration
        self._flowspace = configuration.flowspace_slices
        self._claims = claims_of(configuration)
        self.allocations = allocations.allocate(
            (one for one in configuration.slices if one.may_write), configuration.settings.labels
        )
        self._acls = configuration.acls
        self._compiled = Compiled() if compiled is None else compiled
        self.tenants = tenants_of(configuration, self.tenants)
        self.networks.configure(configuration, self.allocations, self.tenants, effects)

    def ahead(self) -> Ahead:
        """What a reload is compiled from; it is none of ours any more, so that a thread may do it."""
        return Ahead(
            self.configuration,
            self.allocations,
            {
                one.dpid: Facts(
                    version=one.version,
                    n_tables=one.features.n_tables,
                    max_meter=one.meter_features.max_meter,
                    ports=tuple(sorted(one.ports)),
                )
                for one in self.datapaths.values()
            },
            tuple(self.fabric.topology.links()),
        )

    def reload(self, configuration: Configuration, now: float, compiled: Compiled | None = None) -> Effects:
        """From now on other slices and policies count; what cannot change while we run is the caller's to keep.

        `compiled` is what has been compiled of them already, see `ahead`. Datapaths of which the new files say
        what the old ones said are not touched.
        """
        effects = Effects(now)
        before, blocks = self.configuration, self.allocations.blocks
        had_networks = self.networks.are_there
        self._configure(configuration, self.allocations, effects, compiled)
        for datapath in self.datapaths.values():
            datapath.sharing_seconds = configuration.settings.statistics_sharing_seconds
            reprovision(datapath, configuration.settings.wanted_of(datapath.dpid), effects)
        if had_networks or self.networks.are_there:
            self.networks.embed(self.fabric)
        if not had_networks:
            links.remember_all(self.fabric, effects)
        touched = Touched(before, configuration, blocks, self.allocations.blocks)
        dpids = touched.with_near_ends(self.datapaths, self.fabric.topology.links())
        for dpid, datapath in self.datapaths.items():
            if dpid in dpids or self._has_other_shares(datapath):
                is_only_rules = touched.is_only_rules_at(dpid) and not self._has_other_shares(datapath)
                self._outdated[datapath] = is_only_rules and self._outdated.get(datapath, True)
        self._replan_some(effects)
        if had_networks or self.networks.are_there:
            reembed(self.networks, self.fabric, self._make_switch, effects, but=self._outdated)
            self._settle(effects)
        return effects

    def _replan_some(self, effects: Effects) -> None:
        """Give new plans to datapaths that have old ones; what would take too long for one turn waits for the next."""
        switches = 0
        while self._outdated and switches < MAX_SWITCHES_AT_ONCE:
            datapath = next(iter(self._outdated))
            is_only_rules = self._outdated.pop(datapath)
            if datapath.has_left:
                continue
            switches += len(datapath.switches)
            plan = self._plan(datapath.dpid, datapath.version, datapath.features)
            if is_only_rules and handover.is_possible(datapath, plan):
                handover.hand_over(datapath, plan, self._make_switch, effects)
                if self.networks.embedding.part(datapath.dpid) is not datapath.plan.part:
                    self.fabric.reembed(effects)
            elif replanning.put_plan(datapath, plan, self._make_switch, effects):
                links.put_known(datapath)
                for name, switch in datapath.switches.items():
                    switch.allotted = switch.view.block or self.allocations.blocks.get(name, NO_TABLES)
                replanning.make_so(datapath, effects)
        if self._outdated:
            effects.commands.append(Wake(effects.now))

    def _has_other_shares(self, datapath: Datapath) -> bool:
        """Whether virtual switches come to a datapath, leave it, or have other tables there."""
        part = self.networks.embedding.part(datapath.dpid)
        return {name: share.block for name, share in part.shares.items()} != {
            name: share.block for name, share in datapath.plan.shares.items()
        }

    # Datapaths

    def datapath_joined(self, version: int, features: FeaturesReply, now: float) -> tuple[Datapath, Effects]:
        """A datapath has finished its handshake. An older connection of the same dpid is hung up on."""
        effects = Effects(now)
        older = self.datapaths.get(features.dpid)
        if older is not None:
            self._leave(older, effects, "replaced by a newer connection")
            effects.commands.append(HangUp(older, "replaced by a newer connection"))
        plan = self._plan(features.dpid, version, features)
        datapath = Datapath(
            dpid=features.dpid,
            version=version,
            codec=codec(version),
            features=features,
            plan=evolve(plan, is_probed=self.fabric.discovery is not None),
            ports={port.number: port for port in features.ports},
            memory=self._memory_of(features.dpid),
            fabric=self.fabric,
            wanted=self.configuration.settings.wanted_of(features.dpid),
            sharing_seconds=self.configuration.settings.statistics_sharing_seconds,
        )
        self.datapaths[features.dpid] = datapath
        self._forget_namesakes(datapath, effects)
        for name, view in datapath.plan.views.items():
            replanning.place(self._make_switch(datapath, name, view))
        links.put_known(datapath)
        datapath.memory.forget_slices_but([*datapath.switches, *self.networks.switches], effects)
        readoption.restore(datapath, effects)
        for switch in datapath.switches.values():
            flow_quota.begin(switch)
        setup.begin(datapath, effects)
        self._settle(effects)
        return datapath, effects

    def _memory_of(self, dpid: int) -> Memory:
        memory = self.memories.get(dpid)
        if memory is None:
            memory = self.memories[dpid] = Memory(dpid, {})
        return memory

    def records_of(self, dpid: int) -> Iterator[bytes]:
        """All that a datapath's journal has to say now; what is read later may already be known to the file."""
        memory = self.memories.get(dpid)
        return iter(()) if memory is None else memory.records()

    def _plan(self, dpid: int, version: int, features: FeaturesReply) -> DatapathPlan:
        return compile_plan(
            self._flowspace,
            self.allocations,
            dpid=dpid,
            version=version,
            n_tables=features.n_tables,
            acls=self._acls,
            compiled=self._compiled,
            claims=self._claims,
            part=self.networks.embedding.part(dpid),
        )

    def _n_tables_for_shares(self, dpid: int, seen: Sighting) -> int:
        """How many of a datapath's tables shares may have: none where slices have no tables of their own."""
        version, n_tables = seen.version, seen.n_tables
        fits = has_tables(self._flowspace, self.allocations, dpid=dpid, version=version, n_tables=n_tables)
        return n_tables if fits else 0

    def _settle(self, effects: Effects) -> None:
        """What follows for virtual networks from what was done."""
        at = self.fabric.reembeds_at
        if at is not None and at <= effects.now:
            reembed(self.networks, self.fabric, self._make_switch, effects, but=self._outdated)
        if self.networks.are_there:
            legs.heard(effects)

    def _is_new(self, datapath: Datapath, slice_name: str) -> bool:
        birth = self.allocations.births.get(slice_name)
        return births.is_new(datapath.memory, slice_name, birth, self._last_birth_before_us)

    def _forget_namesakes(self, datapath: Datapath, effects: Effects) -> None:
        """What is remembered of slices that went while the datapath was away is not that of new ones of their names."""
        for slice_name in datapath.memory.slices:
            if self._is_new(datapath, slice_name):
                datapath.memory.forget_slice(slice_name, effects)

    def _make_switch(self, datapath: Datapath, slice_name: str, view: View) -> VirtualSwitch:
        name = VirtualSwitchName(slice_name, datapath.dpid)
        return VirtualSwitch(
            name=name,
            tenant=self.tenants[slice_of_share(slice_name)],
            datapath=datapath,
            view=view,
            port_configs=recalled(datapath.memory, datapath.plan, slice_name),
            allotted=view.block or self.allocations.blocks.get(slice_name, NO_TABLES),
            birth=self.allocations.births.get(slice_name),
            is_new=self._is_new(datapath, slice_name),
            logical_ports={} if view.share is None else self.networks.logical_ports(slice_name),
        )

    def datapath_left(self, datapath: Datapath, now: float) -> Effects:
        """A datapath's connection is gone; its virtual switches' channels close."""
        effects = Effects(now)
        self._leave(datapath, effects, "the datapath has left")
        self._settle(effects)
        return effects

    def _leave(self, datapath: Datapath, effects: Effects, reason: str) -> None:
        if datapath.has_left:
            return
        datapath.has_left = True
        del self.datapaths[datapath.dpid]
        links.datapath_left(datapath, effects)
        if len(self.memories) - len(self.datapaths) > MAX_AWAY:
            datapath.memory.forget_what_is_found_out_again(effects)
        if datapath.memory.is_empty:
            del self.memories[datapath.dpid]
        for switch in datapath.switches.values():
            replanning.close(switch, reason, effects)
        self.fabric.reembed(effects, in_seconds=GATHERING_SECONDS)

    def from_datapath(self, datapath: Datapath, frames: Iterable[bytes], now: float) -> Effects:
        """What a datapath has sent, in order."""
        effects = Effects(now)
        if datapath.has_left:
            return effects
        table = northbound.TABLES[datapath.version]
        counts = datapath.up_counts
        for frame in frames:
            counts[frame[1] & 31] += 1
            northbound.translate(datapath, table, frame, effects)
        if datapath.resumable:
            self._resume(datapath, effects)
        if datapath.turns:
            waiting.serve(datapath, effects)
        if self.networks.are_there:
            self._settle(effects)
        return effects

    def _resume(self, datapath: Datapath, effects: Effects) -> None:
        resumable, datapath.resumable = datapath.resumable, []
        for channel in resumable:
            if not channel.has_left:
                waiting.answered(channel, effects)

    # Controllers

    def controller_joined(
        self, name: VirtualSwitchName, controller: str, version: int, now: float
    ) -> tuple[Channel, Effects]:
        """A controller's channel to a virtual switch is up. Raises KeyError when the switch is there no more."""
        effects = Effects(now)
        big = self.networks.by_name.get(name)
        if big is not None:
            return legs.join(big, controller, version, effects), effects
        switch = self.datapaths[name.dpid].switches[name.slice_name]
        return open_channel(switch, controller, version, effects), effects

    def controller_left(self, channel: Channel, now: float) -> Effects:
        """A controller's channel is gone; its xids are free again once the datapath has answered them all."""
        effects = Effects(now)
        if isinstance(channel, TenantChannel):
            close_channel(channel, effects)
        elif isinstance(channel, BigChannel):
            legs.leave(channel, effects)
        return effects

    def from_controller(self, channel: Channel, frames: list[bytes], now: float) -> Effects:
        """What a controller has sent, in order."""
        effects = Effects(now)
        if isinstance(channel, BigChannel):
            legs.from_controller(channel, frames, effects)
        elif isinstance(channel, TenantChannel) and not channel.has_left:
            waiting.take(channel, frames, effects)
        return effects

    def wake(self, now: float) -> Effects:
        """It is the time that an effect has asked for: let those go on who waited for it."""
        effects = Effects(now)
        if self._outdated:
            self._replan_some(effects)
        for tenant in self.tenants.values():
            if tenant.limits is not None:
                waiting.wake(tenant.limits, effects)
        for datapath in list(self.datapaths.values()):
            if datapath.resumable:
                self._resume(datapath, effects)
            if datapath.turns:
                waiting.serve(datapath, effects)
        legs.wake(self.networks.switches.values(), effects)
        self._settle(effects)
        return effects

    def tick(self, now: float) -> Effects:
        """Give up on requests that were not answered in time. To be called about once a second."""
        effects = Effects(now)
        for datapath in list(self.datapaths.values()):
            give_up_late(datapath, effects)
            forget_old(datapath, now)
            for channel in datapath.slots.values():
                if channel.partial and not channel.has_left:
                    expire(channel, effects)
            self._resume(datapath, effects)
        if self.networks.presumption_is_over(now):
            links.presume_no_more(self.fabric, effects)
            self.fabric.reembed(effects)
        self.networks.answers.seen.forget_old(now)
        legs.tick(self.networks.switches.values(), effects)
        self._settle(effects)
        return effects

    def probe(self, now: float) -> Effects:
        """Look for links, and look again at what depends on one that has changed. To be called ten times a second."""
        effects = Effects(now)
        links.tick(self.fabric, effects)
        self._settle(effects)
        return effects
