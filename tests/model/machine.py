"""Random tenants, hosts and accidents on a random network; after each step the five invariants are looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from flowvisor.openflow import messages as m
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.model.changes import changed
from tests.model.disguises import Disguise, chained, disguises, groups_in_use
from tests.model.experiment import Experiment
from tests.model.network import Share
from tests.model.requests import anything, batches, emissions, entry_requests, mangled, port_mods, releases
from tests.model.topologies import topologies
from tests.support.kinds import ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.slices import LATER_PORTS, PORTS, packets, packets_like, rule_matches
from tests.support.world import Controller

# What the first datapaths are; one more may come to them.
NETWORKS: dict[str, tuple[Kind, ...]] = {
    "tables": (ON_TABLES, ON_TABLES),
    "1.0": (ON_10, ON_10),
    "few-tables": (ON_FEW_TABLES, ON_TABLES),
    "mixed": (ON_TABLES, ON_10, ON_FEW_TABLES),
}
MAX_CONTROLLERS = 3  # of one virtual switch
FLOOD = 200  # messages sent in one go

Messages = Callable[[int, FlowspaceSlice, int], st.SearchStrategy[Any]]  # by version, slice, number of tables


class Machine(RuleBasedStateMachine):
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
        return sorted(share.names.ports) or list(PORTS)

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
        match = matches[data.draw(st.integers(0, len(matches) - 1))]
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

    # ----------------------------------------------------------------------------------------- accidents

    @rule(data=st.data())
    def there_is_an_accident(self, data: st.DataObject) -> None:
        dpid = data.draw(st.sampled_from(sorted(self.experiment.topology.kinds)))
        number = data.draw(st.sampled_from((*PORTS, *LATER_PORTS)))
        data.draw(st.sampled_from((self._port, self._link, self._connection, self._controllers)))(
            data, dpid, number
        )

    def _port(self, _data: st.DataObject, dpid: int, number: int) -> None:
        note(f"port {number} of {dpid} comes or goes")
        if number in self.experiment.world.emulated[dpid].pipeline.ports:
            self.experiment.port_goes(dpid, number)
        else:
            self.experiment.port_comes(dpid, number)

    def _link(self, data: st.DataObject, dpid: int, number: int) -> None:
        note(f"the link of port {number} of {dpid} comes or goes")
        if number in self.experiment.world.emulated[dpid].pipeline.ports:
            self.experiment.link_changes(dpid, number, is_up=data.draw(st.booleans()))

    def _connection(self, _data: st.DataObject, dpid: int, _number: int) -> None:
        note(f"the connection of {dpid} comes or goes")
        if self.experiment.world.is_connected(dpid):
            self.experiment.lose(dpid)
        else:
            self.experiment.regain(dpid)

    def _controllers(self, data: st.DataObject, dpid: int, _number: int) -> None:
        share = data.draw(st.sampled_from(self.experiment.shares_at(dpid) or self.experiment.shares))
        is_full = len(share.controllers) == MAX_CONTROLLERS
        note(f"a controller of {share.slice_name} at {share.dpid} comes or goes")
        if share.controllers and (is_full or data.draw(st.booleans())):
            self.experiment.leave(share.controllers[-1])
        elif self.experiment.world.is_connected(share.dpid):
            self.experiment.join(share)
            self.experiment.look()

    @rule(data=st.data())
    def the_files_change(self, data: st.DataObject) -> None:
        for _ in range(data.draw(st.integers(1, 2))):
            topology = data.draw(changed(self.experiment.topology), label="files")
            had = [match for one in self.experiment.topology.slices for match in rule_matches(one)]
            has = [match for one in topology.slices for match in rule_matches(one)]
            self.experiment.reload(topology)
            for match in [one for one in had if one not in has][:2] + has[-2:]:
                dpid = data.draw(st.sampled_from(sorted(topology.kinds)))
                self.experiment.packet(dpid, *data.draw(packets_like(match)))
            for share in self.experiment.shares:
                for entry in list(share.reference.datapath.pipeline.tables[0])[:3]:
                    self.experiment.packet(share.dpid, *data.draw(packets_like(entry.match)))

    @rule()
    def the_hypervisor_is_restarted(self) -> None:
        self.experiment.restart()

    @rule(seconds=st.sampled_from((1.0, 4.0, 6.0, 11.0)))
    def time_passes(self, seconds: float) -> None:
        self.experiment.time_passes(seconds)


def machine_on(network: str) -> type[Machine]:
    """The machine on one of the networks."""
    return type(f"Machine on {network}", (Machine,), {"KINDS": NETWORKS[network]})
