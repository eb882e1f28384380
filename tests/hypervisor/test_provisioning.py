"""A datapath that connects is brought to the state that the main file wants; what cannot be is told."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.configuration.snapshot import Configuration
from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.hypervisor.effects import Effects, Notice
from flowvisor.hypervisor.provisioning import faults_of, reprovision
from flowvisor.network.wanted_datapath import ANYHOW, BaseEntry, WantedDatapath
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import ApplyActions, Output, SetField, SetVlanVid
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import Error, FlowMod
from flowvisor.openflow.ports import LOCAL, PORT_DOWN
from flowvisor.openflow.versions import codec
from flowvisor.planning.entries import BASE_PRIORITY
from tests.support.dialogue import say, the_datapath
from tests.support.kinds import KINDS, ON_10, ON_TABLES, Kind
from tests.support.slices import output, tag, udp
from tests.support.world import NOWHERE, World, a_slice, configuration, ports


def wanting(wanted: WantedDatapath, dpid: int = 1) -> Configuration:
    plain = configuration(a_slice("blue", ports(1, 2)))
    return evolve(plain, settings=evolve(plain.settings, wanted={dpid: wanted}))


def wanted_world(wanted: WantedDatapath, dpid: int = 1) -> World:
    world = World([a_slice("blue", ports(1, 2))], [])
    world.reload(wanting(wanted, dpid))
    return world


def down(world: World, dpid: int = 1) -> set[int]:
    """The ports of an emulated datapath that are down."""
    return {number for number, port in world.emulated[dpid].pipeline.ports.items() if port.config & PORT_DOWN}


def test_ports_are_brought_up_and_down_on_both_versions() -> None:
    for version in (1, 4):
        world = wanted_world(WantedDatapath(ports={1: True, 2: False}))
        world.join(EmulatedDatapath(1, version, ports=(1, 2, 3)))
        assert down(world) == {2}
        assert list(faults_of(world.hypervisor.datapaths[1])) == []


def test_others_are_left_alone() -> None:
    world = wanted_world(WantedDatapath(ports={1: False}), dpid=2)
    world.join(EmulatedDatapath(1, 4, ports=(1, 2, 3)))
    assert down(world) == set()


def test_a_port_that_is_not_there_is_told_and_brought_to_its_state_when_it_comes() -> None:
    world = wanted_world(WantedDatapath(ports={7: False}))
    world.join(EmulatedDatapath(1, 4, ports=(1, 2, 3)))
    datapath = world.hypervisor.datapaths[1]
    assert list(faults_of(datapath)) == ["there is no port 7"]
    told = [
        one.fields
        for one in world.commands
        if isinstance(one, Notice) and one.event == "datapath_not_as_wanted"
    ]
    assert told == [{"dpid": 1, "what": "there is no port 7"}]
    world.change(1, world.emulated[1].add_port(7, world.now))
    assert down(world) == {7}
    assert list(faults_of(datapath)) == []


def test_what_else_is_wanted_counts_at_once() -> None:
    world = wanted_world(WantedDatapath(ports={1: False}))
    world.join(EmulatedDatapath(1, 4, ports=(1, 2, 3)))
    world.reload(wanting(WantedDatapath(ports={1: True, 3: False})))
    assert down(world) == {3}


def test_what_has_not_changed_sends_nothing() -> None:
    world = wanted_world(ANYHOW)
    world.join(EmulatedDatapath(1, 4, ports=(1, 2, 3)))
    effects = Effects(world.now)
    reprovision(world.hypervisor.datapaths[1], ANYHOW, effects)
    assert effects.frames == {}


# ------------------------------------------------------------------------------------------ the admin's own entries

MANAGEMENT = BaseEntry((Match.of(in_port=1, vlan_vid=tag(100)),), (3,), NOWHERE)
NO_ONE = BaseEntry((Match.of(in_port=2, vlan_vid=tag(100)),), (), NOWHERE)
WITH_ENTRIES = WantedDatapath(entries=(MANAGEMENT, NO_ONE))
EACH_KIND = pytest.mark.parametrize("kind", KINDS, ids=str)


def world_of(kind: Kind, wanted: WantedDatapath) -> World:
    world = wanted_world(wanted)
    world.join(kind.datapath())
    return world


@EACH_KIND
def test_what_the_admin_sends_on_comes_to_no_slice_whatever_it_has_there(kind: Kind) -> None:
    world = world_of(kind, WITH_ENTRIES)
    blue = world.controller("blue", 1, kind.version)
    all_to_2 = FlowMod(priority=0xFFFF, match=Match.of(in_port=1), instructions=output(2))
    assert blue.send(all_to_2, FlowMod(match=Match.of(in_port=2), instructions=output(2))) == []
    assert world.packet(1, 1, udp(vlan=100)) == [(3, udp(vlan=100))]
    assert world.packet(1, 1, udp(vlan=200)) == [(2, udp(vlan=200))]
    assert world.packet(1, 2, udp(vlan=100)) == []


@EACH_KIND
def test_no_slice_makes_packets_that_the_admin_would_send_on(kind: Kind) -> None:
    world = world_of(kind, WITH_ENTRIES)
    blue = world.controller("blue", 1, kind.version)

    def tagging(port: int) -> FlowMod:
        sets = SetField("vlan_vid", tag(100)) if kind.version == 4 else SetVlanVid(100)
        actions = (sets, Output(port))
        return FlowMod(
            match=Match.of(in_port=3 - port, vlan_vid=tag(7)), instructions=(ApplyActions(actions),)
        )

    assert blue.refused(tagging(1)) == codes.ACTION_EPERM
    assert blue.send(tagging(2)) == []  # where it would go nowhere it is nobody's


@EACH_KIND
def test_entries_come_and_go_with_the_file(kind: Kind) -> None:
    world = world_of(kind, ANYHOW)
    blue = world.controller("blue", 1, kind.version)
    assert blue.send(FlowMod(match=Match.of(in_port=1), instructions=output(2))) == []
    assert world.packet(1, 1, udp(vlan=100)) == [(2, udp(vlan=100))]
    world.reload(wanting(WITH_ENTRIES))
    assert world.packet(1, 1, udp(vlan=100)) == [(3, udp(vlan=100))]
    world.reload(wanting(WantedDatapath(entries=(evolve(MANAGEMENT, outputs=(4,)),))))
    assert world.packet(1, 1, udp(vlan=100)) == [(4, udp(vlan=100))]
    world.reload(wanting(ANYHOW))
    assert world.packet(1, 1, udp(vlan=100)) == [(2, udp(vlan=100))]
    assert not blue.channel.has_left


@EACH_KIND
def test_an_entry_may_be_about_local_though_it_is_nobodys_else(kind: Kind) -> None:
    world = wanted_world(WantedDatapath(entries=(BaseEntry((Match.of(in_port=LOCAL),), (1,), NOWHERE),)))
    world.join(kind.datapath((1, 2, LOCAL)))
    assert world.packet(1, LOCAL, udp()) == [(1, udp())]
    blue = world.controller("blue", 1, kind.version)
    assert blue.send(FlowMod(match=Match.of(in_port=1), instructions=output(2))) == []
    assert world.packet(1, 1, udp()) == [(2, udp())]


def test_what_a_version_has_no_words_for_is_told_and_no_slices_either() -> None:
    ipv6 = BaseEntry((Match.of(eth_type=0x86DD, ipv6_src=1),), (1,), NOWHERE)
    world = world_of(ON_10, WantedDatapath(entries=(ipv6, MANAGEMENT)))
    (fault,) = faults_of(the_datapath(world))
    assert fault == f"its version of OpenFlow has no words for the entry of {NOWHERE}"
    assert world.packet(1, 1, udp(vlan=100)) == [(3, udp(vlan=100))]
    assert list(faults_of(the_datapath(world_of(ON_TABLES, WantedDatapath(entries=(ipv6,)))))) == []


@pytest.mark.parametrize("kind", [ON_TABLES, ON_10], ids=str)
def test_what_a_datapath_refuses_is_told_until_it_takes_it(kind: Kind) -> None:
    world = world_of(kind, ANYHOW)
    world.to_datapaths.clear()
    world.reload(wanting(WITH_ENTRIES))
    sent = [codec(kind.version).decode(frame) for _, frame in world.to_datapaths]
    entry = next(one for one in sent if isinstance(one, FlowMod) and one.priority == BASE_PRIORITY)
    datapath = the_datapath(world)
    # As if the barrier had not been answered yet, behind which it is forgotten.
    xid = datapath.transactions.send(f"the entry of {NOWHERE}")
    say(world, Error(xid=xid, error=codes.TABLE_FULL, data=codec(kind.version).encode(entry)))
    faults = list(faults_of(datapath))
    assert faults
    assert set(faults) == {f"it has refused the entry of {NOWHERE}, by error 5/1"}
    world.reload(wanting(WantedDatapath(entries=(NO_ONE,))))
    assert list(faults_of(datapath)) == []
