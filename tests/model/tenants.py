"""Random tenants and hosts on a random network; after each step the five invariants are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from flowvisor.openflow import messages as m
from flowvisor.openflow.actions import Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import CONTROLLER
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.model.disguises import Disguise, chained, disguises, groups_in_use
from tests.model.experiment import Experiment
from tests.model.network import Share
from tests.model.oracle import LLDP_TYPES
from tests.model.requests import anything, batches, emissions, entry_requests, mangled, port_mods, releases
from tests.model.topologies import topologies
from tests.support.kinds import Kind
from tests.support.slices import PORTS, ethernet, packets, packets_like, rule_matches
from tests.support.world import Controller

FLOOD = 200  # messages sent in one go

Messages = Callable[[int, FlowspaceSlice, int], st.SearchStrategy[Any]]  # by version, slice, number of tables


class Tenants(RuleBasedStateMachine):
    """`KINDS` are the kinds of its first datapaths."""

    KINDS: tuple[Kind, ...] = ()
    experiment: Experiment

    @initialize(data=st.data())
    def begins(self, data: st.DataObject) -> None:
        topology = data.draw(topologies(self.KINDS), label="network")
        self.experiment = Experiment(topology)

    # ------------------------------------------------------------------------------------------- tenants

    def chosen(
        self, data: st.DataObject, can: Callable[[Share], bool] = lambda _share: True
    ) -> tuple[Controller, Share, FlowspaceSlice] | None:
        """Some controller, of those whose share can do something, and what it speaks for; None if there is none."""
        controllers = [each for share in self.experiment.shares if can(share) for each in share.controllers]
        if not controllers:
            return None
        controller = controllers[data.draw(st.integers(0, len(controllers) - 1))]
        share = self.experiment.share_of(controller)
        note(f"-- {share.slice_name} at {share.dpid} in version {controller.version}")
        one = next(each for each in self.experiment.topology.slices if each.name == share.slice_name)
        return controller, share, one

    def _sends(self, data: st.DataObject, messages: Messages) -> tuple[Share, list[Any]] | None:
        """A tenant sends what is drawn for it; return who, and what."""
        chosen = self.chosen(data)
        if chosen is None:
            return None
        controller, share, one = chosen
        drawn = data.draw(messages(controller.version, one, share.names.n_tables))
        sent = drawn if isinstance(drawn, list) else [drawn]
        answers = self.experiment.send(controller, sent)
        note(f"answered {answers[:3]}")
        return share, sent

    @rule(data=st.data())
    def tenants_change_their_entries(self, data: st.DataObject) -> None:
        for _ in range(data.draw(st.integers(1, 3))):
            self._sends(data, lambda version, one, n_tables: batches(version, one, n_tables=n_tables))

    @rule(data=st.data())
    def packets_meet_what_a_tenant_has_changed(self, data: st.DataObject) -> None:
        sent = self._sends(data, lambda version, one, n_tables: batches(version, one, n_tables=n_tables))
        if sent is not None:
            share, changes = sent
            for change in changes[-2:]:
                self.experiment.packet(share.dpid, *data.draw(packets_like(change.match)))

    @rule(data=st.data())
    def a_tenant_rewrites_in_one_table_and_sends_in_the_next(self, data: st.DataObject) -> None:
        for _ in range(3):
            chosen = self.chosen(data, can=lambda share: share.names.n_tables > 1)
            if chosen is not None:
                controller, share, one = chosen
                chain = data.draw(chained(self._disguises(share, one)))
                note(f"answered {self.experiment.send(controller, chain)}")
                self._meet(data, share, chain)

    @rule(data=st.data())
    def a_tenant_uses_groups(self, data: st.DataObject) -> None:
        chosen = self.chosen(data, can=lambda share: self.experiment.has_groups(share))
        if chosen is not None:
            controller, share, one = chosen
            ids = sorted(group.group_id for group in share.reference.datapath.pipeline.groups)
            ports, n_tables = self._ports(share), share.names.n_tables
            strategy = groups_in_use(one, self._disguises(share, one), ids, ports, n_tables=n_tables)
            drawn = data.draw(strategy)
            for sent in [drawn] if data.draw(st.booleans()) else [[each] for each in drawn]:
                note(f"answered {self.experiment.send(controller, sent)}")
            self._meet(data, share, drawn)

    def _disguises(self, share: Share, one: FlowspaceSlice) -> st.SearchStrategy[Disguise]:
        others = [each for each in self.experiment.topology.slices if each is not one]
        return disguises(one, others, self._ports(share))

    def _ports(self, share: Share) -> list[int]:
        return sorted(share.owned) or list(PORTS)

    def _meet(self, data: st.DataObject, share: Share, sent: list[m.Message]) -> None:
        """Packets come that meet entries which were sent."""
        for change in sent:
            if isinstance(change, m.FlowMod) and (change.command, change.table_id) == (m.ADD, 0):
                self.experiment.packet(share.dpid, *data.draw(packets_like(change.match)))

    @rule(data=st.data())
    def a_tenant_sends_packets(self, data: st.DataObject) -> None:
        chosen = self.chosen(data)
        if chosen is not None:
            controller, share, one = chosen
            buffers = self.experiment.world.emulated[share.dpid].buffers_in_use
            out = emissions(controller.version, one, buffers)
            sent = data.draw(st.lists(out, min_size=1, max_size=3))
            note(f"answered {self.experiment.send(controller, sent)}")

    @rule(data=st.data())
    def packets_are_buffered_and_released(self, data: st.DataObject) -> None:
        dpids = sorted(self.experiment.topology.buffering)
        if not dpids:
            return
        dpid = data.draw(st.sampled_from(dpids))
        for _ in range(3):
            self.experiment.packet(*self._packet(data, dpid))
            chosen = self.chosen(data, can=lambda share: share.dpid == dpid)
            buffers = self.experiment.world.emulated[dpid].buffers_in_use
            if chosen is not None and buffers:
                controller, share, one = chosen
                out = data.draw(releases(controller.version, one, buffers, self._ports(share)))
                note(f"answered {self.experiment.send(controller, [out])}")

    @rule(data=st.data())
    def a_tenant_looks_for_links(self, data: st.DataObject) -> None:
        chosen = self.chosen(data)
        if chosen is not None:
            controller, share, _ = chosen
            for port in self._ports(share):
                discovery = ethernet(
                    eth_type=data.draw(st.sampled_from(LLDP_TYPES)), payload=bytes([port] * 50)
                )
                out = m.PacketOut(in_port=CONTROLLER, actions=(Output(port),), data=discovery)
                note(f"answered {self.experiment.send(controller, [out])}")

    @rule(data=st.data())
    def a_tenant_sends_anything(self, data: st.DataObject) -> None:
        self._sends(
            data,
            lambda version, one, n_tables: st.one_of(
                anything(version), mangled(version, one, n_tables=n_tables)
            ),
        )

    @rule(data=st.data())
    def a_tenant_configures_a_port(self, data: st.DataObject) -> None:
        chosen = self.chosen(data)
        if chosen is not None:
            controller, share, _ = chosen
            there = self.experiment.world.emulated[share.dpid].pipeline.ports
            message = data.draw(port_mods(controller.version, there))
            note(f"answered {self.experiment.send(controller, [message])}")

    @rule(data=st.data())
    def a_tenant_asks_for_its_entries(self, data: st.DataObject) -> None:
        chosen = self.chosen(data)
        if chosen is not None:
            controller, _, one = chosen
            self.experiment.ask(controller, data.draw(entry_requests(controller.version, one)))

    @rule(data=st.data())
    def a_tenant_floods(self, data: st.DataObject) -> None:
        self._sends(
            data,
            lambda version, one, _: st.one_of(
                st.just(m.FeaturesRequest()), emissions(version, one), entry_requests(version, one)
            ).map(lambda message: [message] * FLOOD),
        )

    # --------------------------------------------------------------------------------------------- hosts

    def _packet(self, data: st.DataObject, dpid: int | None = None) -> tuple[int, int, bytes]:
        """A packet at a port of a datapath, or of any, mostly like what some entry there matches."""
        if dpid is None:
            dpid = data.draw(st.sampled_from(sorted(self.experiment.topology.kinds)))
        of_rules = [match for one in self.experiment.topology.slices for match in rule_matches(one)]
        of_rules += [
            match
            for acl in self.experiment.topology.acls.values()
            for one in acl.rules
            for match in one.matches
        ]
        of_entries = [
            entry.match
            for share in self.experiment.shares_at(dpid)
            for table in share.reference.datapath.pipeline.tables[:1]
            for entry in table
        ]
        if of_entries and data.draw(st.booleans()):
            matches = of_entries
        else:
            matches = of_rules
        match = matches[data.draw(st.integers(0, len(matches) - 1))] if matches else Match()
        port, packet = data.draw(
            st.one_of(packets_like(match), packets_like(match), st.tuples(st.sampled_from(PORTS), packets))
        )
        return dpid, port, packet

    @rule(data=st.data())
    def a_host_sends(self, data: st.DataObject) -> None:
        self.experiment.packet(*self._packet(data))

    @rule(data=st.data())
    def hosts_send_the_same_everywhere(self, data: st.DataObject) -> None:
        dpid, _, packet = self._packet(data)
        for port in PORTS:
            self.experiment.packet(dpid, port, packet)

    @rule(data=st.data(), length=st.integers(0, 60))
    def a_host_sends_part_of_a_packet(self, data: st.DataObject, length: int) -> None:
        dpid, port, packet = self._packet(data)
        self.experiment.packet(dpid, port, packet[:length])
