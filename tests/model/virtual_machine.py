"""Random tenants of virtual networks and of flowspace slices, hosts, failures and moves, mixed."""

from __future__ import annotations

from attrs import evolve
from hypothesis import note
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule

from flowvisor.emulation.hosts import ARP_REQUEST, arp, ethernet
from flowvisor.network.topology import End
from flowvisor.openflow import actions as act
from flowvisor.openflow import messages as m
from flowvisor.openflow.actions import Action, Actions, Instructions
from flowvisor.openflow.fields import ETH_TYPE_ARP, ETH_TYPE_SERVICE_VLAN, ETH_TYPE_VLAN, VLAN_PRESENT
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import ALL, CONTROLLER, FLOOD, IN_PORT, TABLE
from flowvisor.slices.virtual_switch import UNTAGGED, Attachment
from tests.model.virtual_asking import AskingExperiment
from tests.model.virtual_experiment import VirtualExperiment
from tests.model.virtual_topology import CABLES, DOCK_VLAN, MOVES, VirtualTopology, places, vlan_of
from tests.model.virtual_watch import DPIDS
from tests.support.virtual_world import ETH_TYPE, HOST_PORTS

ADDRESSES = (0x020000000001, 0x020000000002, 0x020000000003)
IPS = tuple(0x0A000001 + number for number in range(5))
BROADCAST = 0xFFFFFFFFFFFF
LABELS = tuple(range(2048, 2054))  # the first of the range, which are given first
VLANS = (5, DOCK_VLAN, 20, 30, 40)
GROUP_IDS = (1, 2)
PRIORITIES = (0x1000, 0x2000)
NOT_THEIRS = (5, 77, 0xFF00)
SHARES = ("blue/big", "blue/lab", "red/hall")

ends = st.sampled_from([End(dpid, port) for dpid in DPIDS for port in HOST_PORTS])
homes = st.sampled_from([(one.end, one.vlan) for one in places()])
addresses = st.sampled_from(ADDRESSES)
targets = st.sampled_from((*ADDRESSES, BROADCAST))
tags = st.sampled_from((None, None, *VLANS, *LABELS))


@st.composite
def packets(draw: st.DrawFn, vlan: int | None = None) -> bytes:
    """What hosts and tenants send, behind the tag of a VLAN or whatever."""
    tag = draw(tags)
    packet = ethernet(draw(targets), draw(addresses), ETH_TYPE, b"", vlan=tag)
    outer = vlan or (draw(tags) if draw(st.integers(0, 3)) == 0 else None)
    return packet if outer is None else _behind(packet, outer, draw(st.booleans()))


def _behind(packet: bytes, vlan: int, is_service: bool) -> bytes:
    ethertype = ETH_TYPE_SERVICE_VLAN if is_service else ETH_TYPE_VLAN
    return packet[:12] + ethertype.to_bytes(2, "big") + vlan.to_bytes(2, "big") + packet[12:]


class Neighbours(RuleBasedStateMachine):
    """Hosts of all, and flowspace slices; of the virtual networks every switch is a hub."""

    experiment: VirtualExperiment

    def an_experiment(self) -> VirtualExperiment:
        return VirtualExperiment(VirtualTopology())

    @initialize()
    def begin(self) -> None:
        self.experiment = self.an_experiment()
        self._numbers: dict[tuple[str, int, str], int] = {}
        for share in SHARES:  # so that something happens from the start on
            hub = (act.ApplyActions((act.Output(FLOOD),)),)
            self.experiment.send(share, m.FlowMod(priority=0, instructions=hub), is_plain=True)
        self.introduce()

    def introduce(self) -> None:
        """What all hosts do at first."""

    @rule(data=st.data())
    def hosts_send(self, data: st.DataObject) -> None:
        for end, vlan in data.draw(st.lists(homes, min_size=1, max_size=4)):
            self.experiment.packet(end, data.draw(packets(vlan)))

    @rule(end=ends, packet=packets())
    def somebody_sends(self, end: End, packet: bytes) -> None:
        self.experiment.packet(end, packet)

    @rule(end=st.sampled_from(sorted(CABLES)), vlan=st.sampled_from(VLANS), data=st.data())
    def something_comes_over_a_link(self, end: End, vlan: int, data: st.DataObject) -> None:
        """Not behind a label: those that are there are believed."""
        self.experiment.packet(end, data.draw(packets(vlan)))

    @rule(data=st.data())
    def a_flowspace_slice_sends_something(self, data: st.DataObject) -> None:
        outsider = data.draw(st.sampled_from(self.experiment.outsiders))
        ports = [*HOST_PORTS, *(end.port for end in CABLES if end.dpid == outsider.name.dpid)]
        numbers = data.draw(st.lists(st.sampled_from((*ports, FLOOD, CONTROLLER)), min_size=1, max_size=3))
        outputs = tuple(act.Output(number) for number in numbers)
        if data.draw(st.booleans()):
            vlan = data.draw(st.sampled_from((*VLANS, *LABELS)))
            pushed = (act.PushVlan(ETH_TYPE_VLAN), act.SetField("vlan_vid", VLAN_PRESENT | vlan))
            outputs = (*pushed, *outputs)
        in_port = data.draw(st.sampled_from(ports))
        match = Match.of(in_port=in_port) if data.draw(st.booleans()) else Match()
        entry = m.FlowMod(priority=5, match=match, instructions=(act.ApplyActions(outputs),))
        packet = m.PacketOut(in_port=in_port, actions=outputs, data=data.draw(packets()))
        self.experiment.send_outside(outsider, data.draw(st.sampled_from((entry, packet))))


class Accidents(Neighbours):
    """Failures, and moves."""

    @rule(end=st.sampled_from(sorted(CABLES)))
    def a_cable_breaks_or_is_mended(self, end: End) -> None:
        self.experiment.plug(end, is_up=end in self.experiment.broken)

    @rule(end=homes.map(lambda home: home[0]), is_up=st.booleans())
    def a_hosts_link_changes(self, end: End, is_up: bool) -> None:
        self.experiment.host_link(end, is_up=is_up)

    @rule(dpid=st.sampled_from(DPIDS))
    def a_datapath_leaves_or_comes_back(self, dpid: int) -> None:
        away = sorted(self.experiment.away)
        if away:
            self.experiment.regain(away[0])
        else:
            self.experiment.lose(dpid)

    @rule(data=st.data())
    def a_port_moves(self, data: st.DataObject) -> None:
        now = self.experiment.topology.places
        port = data.draw(st.sampled_from(sorted(MOVES)))
        place = data.draw(st.sampled_from(MOVES[port]))
        note(f"{port} moves from {now[port]} to {place}")
        if place not in (each for other, each in now.items() if other != port):
            topology: VirtualTopology = evolve(self.experiment.topology, places={**now, port: place})
            self.experiment.reload(topology)

    @rule()
    def the_hypervisor_is_restarted(self) -> None:
        self.experiment.restart()


class VirtualTenants(Neighbours):
    """Tenants of virtual networks send what they like."""

    def _ports(self, share: str) -> list[int]:
        return sorted(self.experiment.privates[share].reference.ports)

    def _outputs(self, data: st.DataObject, share: str) -> Actions:
        """Outputs to the tenant's own ports, perhaps of something else than what came in."""
        numbers = data.draw(st.lists(st.sampled_from(self._ports(share)), min_size=1, max_size=3))
        found: list[Action] = [act.Output(number) for number in numbers]
        change = data.draw(st.sampled_from(("", "", "", "address", "tag")))
        if change == "address":
            found.insert(0, act.SetField("eth_dst", data.draw(addresses)))
        elif change == "tag":
            vlan = data.draw(st.sampled_from((*VLANS, *LABELS)))
            found[:0] = [act.PushVlan(ETH_TYPE_VLAN), act.SetField("vlan_vid", VLAN_PRESENT | vlan)]
        return tuple(found)

    def _match(self, data: st.DataObject, share: str) -> Match:
        fields: dict[str, int] = {}
        if data.draw(st.booleans()):
            fields["in_port"] = data.draw(st.sampled_from(self._ports(share)))
        if data.draw(st.integers(0, 2)) == 0:
            fields["eth_dst"] = data.draw(targets)
        if data.draw(st.integers(0, 4)) == 0:
            fields["vlan_vid"] = data.draw(st.sampled_from((0, *(VLAN_PRESENT | one for one in VLANS))))
        return Match.of(**fields)

    def _instructions(self, data: st.DataObject, share: str) -> tuple[Instructions, bool]:
        """What an entry does, and whether no virtual switch may refuse it."""
        flood = (act.Output(data.draw(st.sampled_from((FLOOD, ALL)))),)
        outputs = self._outputs(data, share)
        group = (act.Group(data.draw(st.sampled_from(GROUP_IDS))),)
        to_us = (act.Output(CONTROLLER, act.NO_BUFFER_LEN),)
        back = (act.Output(IN_PORT),) if share != "blue/lab" else flood  # two at one link would never end
        kind = data.draw(st.sampled_from(("apply", "write", "both", "goto", "not-theirs", "middle")))
        listed = data.draw(st.sampled_from((outputs, outputs, flood, group, to_us, back)))
        if kind == "apply":
            return (act.ApplyActions(listed),), True
        if kind == "write":  # which may be refused: of an action set an entry knows only its own part
            return (act.WriteActions(listed),), False
        if kind == "both":
            return (act.ApplyActions(outputs), act.WriteActions(listed)), False
        if kind == "goto":
            return (act.WriteActions(listed), act.GotoTable(1)), False
        if kind == "not-theirs":
            return (act.ApplyActions((act.Output(data.draw(st.sampled_from(NOT_THEIRS))),)),), False
        return (act.ApplyActions((*flood, *outputs)),), False

    def _priority(self, data: st.DataObject, share: str, table_id: int, match: Match) -> int:
        """No two matches have one priority: which of the two a packet meets is nowhere said."""
        number = self._numbers.setdefault((share, table_id, str(match)), len(self._numbers))
        return data.draw(st.sampled_from(PRIORITIES)) + number

    @rule(share=st.sampled_from(SHARES), data=st.data())
    def a_tenant_adds_an_entry(self, share: str, data: st.DataObject) -> None:
        match = self._match(data, share)
        table_id = data.draw(st.sampled_from((0, 0, 0, 1)))
        instructions, is_plain = self._instructions(data, share)
        if table_id == 1 and any(isinstance(one, act.GotoTable) for one in instructions):
            return
        message = m.FlowMod(
            command=data.draw(st.sampled_from((m.ADD, m.ADD, m.ADD, m.MODIFY, m.MODIFY_STRICT))),
            table_id=table_id,
            priority=self._priority(data, share, table_id, match),
            match=match,
            instructions=instructions,
        )
        self.experiment.send(share, message, is_plain=is_plain)

    @rule(share=st.sampled_from(SHARES), data=st.data())
    def a_tenant_deletes_entries(self, share: str, data: st.DataObject) -> None:
        out_port = data.draw(st.sampled_from((m.FlowMod().out_port, *self._ports(share))))
        message = m.FlowMod(command=m.DELETE, match=self._match(data, share), out_port=out_port)
        self.experiment.send(share, message, is_plain=True)

    @rule(share=st.sampled_from(SHARES), data=st.data())
    def a_tenant_changes_a_group(self, share: str, data: st.DataObject) -> None:
        command = data.draw(st.sampled_from((m.GROUP_ADD, m.GROUP_ADD, m.GROUP_MODIFY, m.GROUP_DELETE)))
        outputs = st.sampled_from(self._ports(share)).map(lambda number: (act.Output(number),))
        listed = data.draw(st.lists(outputs, min_size=1, max_size=3))
        is_plain = command == m.GROUP_DELETE or data.draw(st.integers(0, 3)) > 0
        if not is_plain:
            number = data.draw(st.sampled_from((FLOOD, *NOT_THEIRS)))
            listed.append((act.Output(number),))
        message = m.GroupMod(
            command=command,
            group_type=m.GROUP_TYPE_ALL,
            group_id=data.draw(st.sampled_from(GROUP_IDS)),
            buckets=() if command == m.GROUP_DELETE else tuple(m.Bucket(actions=one) for one in listed),
        )
        self.experiment.send(share, message, is_plain=is_plain)

    @rule(share=st.sampled_from(SHARES), data=st.data())
    def a_tenant_sends_a_packet(self, share: str, data: st.DataObject) -> None:
        in_port = data.draw(st.sampled_from((CONTROLLER, *self._ports(share))))
        special = [(act.Output(number),) for number in (FLOOD, ALL, TABLE)]
        not_theirs = (act.Output(data.draw(st.sampled_from(NOT_THEIRS))),)
        listed = data.draw(st.sampled_from((self._outputs(data, share), *special, not_theirs)))
        packet = data.draw(packets())
        # Only what might have come in by a port goes to a table as if it had.
        cannot_come_in = act.Output(TABLE) in listed and (
            in_port == CONTROLLER
            or (share == "blue/lab" and vlan_of(packet) != UNTAGGED)
            or not self.experiment.is_whole
        )
        message = m.PacketOut(in_port=in_port, actions=listed, data=packet)
        self.experiment.send(share, message, is_plain=listed != not_theirs and not cannot_come_in)


class VirtualMachine(VirtualTenants, Accidents):
    """All of that."""


class AskingHosts(Neighbours):
    """Hosts ask for each other, and both networks answer."""

    experiment: AskingExperiment

    def an_experiment(self) -> VirtualExperiment:
        return AskingExperiment()

    def introduce(self) -> None:
        for place in places():
            self._ask(place, places().index(place), tpa=IPS[0])

    @rule(data=st.data())
    def hosts_ask_for_each_other(self, data: st.DataObject) -> None:
        """Mostly as who they are, which some have in common with one elsewhere."""
        for place in data.draw(st.lists(st.sampled_from(places()), min_size=2, max_size=12)):
            number = places().index(place)
            if data.draw(st.integers(0, 5)) == 0:
                number = data.draw(st.integers(0, len(IPS) - 1))
            has_address = data.draw(st.integers(0, 3)) > 0
            self._ask(place, number, tpa=data.draw(st.sampled_from(IPS)), has_address=has_address)

    def _ask(self, place: Attachment, number: int, *, tpa: int, has_address: bool = True) -> None:
        mac, spa = ADDRESSES[number % len(ADDRESSES)], IPS[number % len(IPS)] if has_address else 0
        body = arp(ARP_REQUEST, sha=mac, spa=spa, tha=0, tpa=tpa)
        vlan = place.vlan or None
        self.experiment.asks(place.end, ethernet(BROADCAST, mac, ETH_TYPE_ARP, body, vlan=vlan))


class AskingMachine(AskingHosts, Accidents):
    """And accidents."""
