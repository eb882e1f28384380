"""A datapath that connects is brought to the state that the main file wants; what cannot be is told."""

from __future__ import annotations

from attrs import evolve

from flowvisor.configuration.snapshot import Configuration
from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.hypervisor.effects import Effects, Notice
from flowvisor.hypervisor.provisioning import faults_of, reprovision
from flowvisor.network.wanted_datapath import ANYHOW, WantedDatapath
from flowvisor.openflow.ports import PORT_DOWN
from tests.support.world import World, a_slice, configuration, ports


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
