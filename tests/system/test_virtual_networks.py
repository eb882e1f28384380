"""Virtual networks on real bridges: two tenants with the same addresses, who see nothing of what happens below."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowvisor.openflow.fields import ND_SOLICIT
from tests.system.support.controllers import Controller
from tests.system.support.core_network import CoreNetwork, Port
from tests.system.support.flowvisor import Flowvisor
from tests.system.support.processes import wait_until

BRIDGES = {"leaf-1": 1, "leaf-2": 2, "leaf-3": 3}
TRIANGLE = (
    (("leaf-1", 12), ("leaf-2", 21)),
    (("leaf-2", 23), ("leaf-3", 32)),
    (("leaf-1", 13), ("leaf-3", 31)),
)
TENANTS = {"blue": ("os-ken", "1.3", 6801), "red": ("ovs-testcontroller", "1.0", 6802)}
LINKED = "green"  # a third, of whom two virtual switches are joined by a virtual link
# The same for both: host n of either has them, and is at port 1 or 2 of leaf n.
MACS = {n: f"02:00:00:00:00:{n:02x}" for n in (1, 2, 3)}
ADDRESSES = {n: f"10.0.0.{n}" for n in (1, 2, 3)}
ADDRESSES_6 = {n: f"2001:db8::{n}" for n in MACS}
HOST_PORTS = {"blue": 1, "red": 2}
ETH_TYPE = b"\x88\xb5"  # for experiments: nobody answers
TEXT = b"heard by all of one tenant's hosts"
LEAK_SECONDS = 0.2  # for what is to arrive nowhere else
APART = {"kind": "acl", "name": "apart", "rules": [{"from": "guests", "to": "safe", "deny": {}}]}
SPARE_PORT = 5  # to which machines move
LOST_SECONDS = 1.0  # at most, when a link fails
MOVED_SECONDS = 3.0  # at most, when a machine moves: most of it is the file's, until it is taken
FOUND_SECONDS = 20.0


def network(name: str, places: Mapping[int, Any]) -> dict[str, Any]:
    """One big switch."""
    return {
        "kind": "virtual-network",
        "name": name,
        "controllers": [f"tcp:127.0.0.1:{TENANTS[name][2]}"],
        "switches": {"big": {"dpid": f"{0xB0 + len(name):016x}", "ports": places}},
    }


def home(name: str) -> dict[int, str]:
    return {n: f"leaf-{n}/{HOST_PORTS[name]}" for n in MACS}


def linked_network() -> dict[str, Any]:
    """Two virtual switches, each on a leaf of its own."""
    return {
        "kind": "virtual-network",
        "name": LINKED,
        "controllers": ["tcp:127.0.0.1:6803"],
        "switches": {
            "near": {"dpid": "00000000000000c1", "ports": {1: "leaf-1/3", 9: {"link": "cable"}}},
            "far": {"dpid": "00000000000000c2", "ports": {1: "leaf-3/3", 9: {"link": "cable"}}},
        },
        "links": {"cable": ["near/9", "far/9"]},
    }


class Scenario:
    """Three bridges, eight hosts, three controllers, and the hypervisor between."""

    def __init__(self, folder: Path) -> None:
        with contextlib.ExitStack() as undo:
            self.core = core = CoreNetwork(folder, bridges=BRIDGES, cables=TRIANGLE)
            undo.callback(core.close)
            self.controllers = {}
            for name, (kind, version, port) in TENANTS.items():
                self.controllers[name] = Controller(
                    kind, port=port, version=version, folder=folder, namespace=core.namespace
                )
                undo.callback(self.controllers[name].close)
                for n in MACS:
                    at = (f"leaf-{n}", HOST_PORTS[name])
                    core.add_machine(f"{name}-{n}", at, mac=MACS[n], address=ADDRESSES[n])
            self.controllers[LINKED] = Controller(
                "os-ken", port=6803, version="1.0", folder=folder, namespace=core.namespace
            )
            undo.callback(self.controllers[LINKED].close)
            for n, leaf in ((1, "leaf-1"), (2, "leaf-3")):
                core.add_machine(f"{LINKED}-{n}", (leaf, 3), mac=MACS[n], address=ADDRESSES[n])
            self.flowvisor = Flowvisor(
                folder,
                [*(network(name, home(name)) for name in TENANTS), linked_network()],
                namespace=core.namespace,
                datapaths=BRIDGES,
                policies=[APART],
            )
            undo.callback(self.flowvisor.close)
            core.add_bridges()
            self._undo = undo.pop_all()

    def wait_until_up(self) -> None:
        """Until all hosts of each tenant have talked to each other."""
        try:
            for name in TENANTS:
                for source, target in ((1, 2), (2, 3), (3, 1)):
                    self.core.wait_until_reached(
                        f"{name}-{source}", f"{name}-{target}", timeout_seconds=FOUND_SECONDS
                    )
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.flowvisor.said}") from None

    def put(self, document: dict[str, Any]) -> None:
        """Write a slice's file anew, which is taken by itself; wait until it has been."""
        path = self.flowvisor.folder / "slices" / f"{document['name']}.yaml"
        reloads = self.flowvisor.metric("policy_reloads_total")
        path.write_text(yaml.safe_dump(document, sort_keys=False))
        wait_until(
            lambda: self.flowvisor.metric("policy_reloads_total") > reloads,
            what=f"{path.name} is taken",
            timeout_seconds=10.0,
        )

    def moves(self) -> float:
        """How often a port has followed its machine."""
        return self.flowvisor.metric("virtual_port_moves_total")

    def told_of_ports(self) -> float:
        """How many PORT_STATUS the controller of two linked switches has been sent."""
        return self.flowvisor.metric("messages_total", slice=LINKED, type="port_status")

    def close(self) -> None:
        self._undo.close()


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    scenario = Scenario(tmp_path_factory.mktemp("virtual"))
    yield scenario
    scenario.close()


@pytest.fixture(autouse=True)
def _all_talk(scenario: Scenario) -> None:
    scenario.wait_until_up()


def heard_of(scenario: Scenario, source: str, frame: bytes) -> dict[str, list[bytes]]:
    """Send a broadcast, and see which hosts get what of it: their tenant's are waited for, then anybody else."""
    mates = {one for one in scenario.core.machines if one[:-1] == source[:-1]} - {source}
    heard: dict[str, list[bytes]] = {}
    with contextlib.ExitStack() as undo:
        wires = {one: scenario.core.wire(one) for one in scenario.core.machines}
        for wire in wires.values():
            undo.callback(wire.close)
        wires[source].send(frame)

        def all_heard() -> bool:
            for one, wire in wires.items():
                if mine := [each for each in wire.arrived() if TEXT in each]:
                    heard.setdefault(one, []).extend(mine)
            return heard.keys() >= mates

        wait_until(all_heard, what="the broadcast in the whole network", timeout_seconds=3.0)
        time.sleep(LEAK_SECONDS)
        all_heard()
    return heard


@pytest.mark.parametrize("tag", [None, 0x64, 0xFFE], ids=["untagged", "a tag", "a tag like a label"])
@pytest.mark.parametrize("tenant", TENANTS)
def test_tenants_with_the_same_addresses_do_not_hear_each_other(
    scenario: Scenario, tenant: str, tag: int | None
) -> None:
    addresses = b"\xff" * 6 + bytes.fromhex(MACS[1].replace(":", ""))
    tagged = b"" if tag is None else b"\x81\x00" + tag.to_bytes(2, "big")
    frame = addresses + tagged + ETH_TYPE + TEXT.ljust(60, b".")
    heard = heard_of(scenario, f"{tenant}-1", frame)
    assert heard == {f"{tenant}-{n}": [frame] for n in (2, 3)}


def test_hosts_reach_each_other_over_a_virtual_link(scenario: Scenario) -> None:
    core = scenario.core
    core.wait_until_reached(f"{LINKED}-1", f"{LINKED}-2", timeout_seconds=FOUND_SECONDS)
    pinging = core.pinging(f"{LINKED}-1", f"{LINKED}-2")
    time.sleep(0.5)
    core.set_cable(("leaf-1", 13), "down")
    time.sleep(1.5)
    core.set_cable(("leaf-1", 13), "up")
    time.sleep(1.0)
    assert pinging.stop() < LOST_SECONDS


def test_a_link_that_fails_costs_less_than_a_second(scenario: Scenario) -> None:
    core = scenario.core
    pinging = core.pinging("blue-1", "blue-3")
    time.sleep(0.5)
    core.set_cable(("leaf-1", 13), "down")
    time.sleep(2.0)
    core.set_cable(("leaf-1", 13), "up")
    time.sleep(1.0)
    assert pinging.stop() < LOST_SECONDS


def test_a_machine_that_moves_keeps_its_connections(scenario: Scenario) -> None:
    core = scenario.core
    to: Port = ("leaf-2", SPARE_PORT)
    hung_up = scenario.flowvisor.metric("controller_disconnects_total", slice="red")
    pinging = core.pinging("red-1", "red-3")
    time.sleep(0.5)
    core.move("red-3", to)
    scenario.put(network("red", home("red") | {3: f"{to[0]}/{to[1]}"}))
    core.wait_until_reached("red-1", "red-3", timeout_seconds=10)
    time.sleep(0.5)
    assert pinging.stop() < MOVED_SECONDS
    assert scenario.flowvisor.metric("controller_disconnects_total", slice="red") == hung_up
    core.move("red-3", ("leaf-3", HOST_PORTS["red"]))
    scenario.put(network("red", home("red")))
    core.wait_until_reached("red-1", "red-3", timeout_seconds=10)


def test_a_port_follows_its_machine_and_back(scenario: Scenario) -> None:
    core = scenario.core
    to: Port = ("leaf-2", SPARE_PORT)
    places = [home("red")[3], f"{to[0]}/{to[1]}"]
    scenario.put(network("red", home("red") | {3: {"at": places, "follow": MACS[3]}}))
    moves = scenario.moves()
    for place in (to, ("leaf-3", HOST_PORTS["red"])):
        core.move("red-3", place)
        core.wait_until_reached("red-3", "red-1", timeout_seconds=10)  # it has to say something there
        core.wait_until_reached("red-2", "red-3", timeout_seconds=10)
        moves += 1
        assert scenario.moves() == moves
    scenario.put(network("red", home("red")))


def test_groups_of_machines_are_kept_apart_and_reach_the_others(scenario: Scenario) -> None:
    core = scenario.core
    apart = network("blue", home("blue")) | {
        "groups": {"guests": {"ports": ["big/1"]}, "safe": {"addresses": [ADDRESSES[3]]}},
        "policies": ["apart"],
    }
    scenario.put(apart)
    wait_until(lambda: not core.ping("blue-1", "blue-3"), what="it is denied", timeout_seconds=10)
    core.wait_until_reached("blue-1", "blue-2", timeout_seconds=10)
    core.wait_until_reached("blue-2", "blue-3", timeout_seconds=10)
    scenario.put(network("blue", home("blue")))
    core.wait_until_reached("blue-1", "blue-3", timeout_seconds=10)


def test_ends_of_a_link_without_a_path_go_down_and_come_back(scenario: Scenario) -> None:
    """Its controller is told of each end, once each time."""
    core = scenario.core
    core.wait_until_reached(f"{LINKED}-1", f"{LINKED}-2", timeout_seconds=FOUND_SECONDS)
    told = scenario.told_of_ports()
    for state, up in (("down", 2), ("up", 4)):
        for port in (12, 13):
            core.set_cable(("leaf-1", port), state)
        wait_until(
            lambda up=up: scenario.flowvisor.metric("virtual_ports_up", slice=LINKED) == up,
            what=f"{up} ports are up",
            timeout_seconds=10,
        )
        told += 2
        assert scenario.told_of_ports() == told
    core.wait_until_reached(f"{LINKED}-1", f"{LINKED}-2", timeout_seconds=FOUND_SECONDS)
    wait_until(
        lambda: scenario.flowvisor.metric("links") == 2 * len(TRIANGLE),
        what="all links are known",
        timeout_seconds=FOUND_SECONDS,
    )


def test_a_mirror_hears_once_what_comes_in_and_what_goes_out(scenario: Scenario) -> None:
    """Hosts 1 and 2 know each other, so what one sends the other is heard by the third only if it is copied."""
    one, two = (bytes.fromhex(MACS[n].replace(":", "")) for n in (1, 2))
    asked, answered = (to + come + ETH_TYPE + TEXT.ljust(60, b".") for to, come in ((two, one), (one, two)))
    scenario.put(network("blue", home("blue") | {1: {"at": home("blue")[1], "mirror": 3}}))
    with contextlib.closing(scenario.core.wire("blue-3")) as wire:

        def is_copied() -> bool:
            scenario.core.ping("blue-1", "blue-2")
            return any(frame[:12] == two + one for frame in wire.arrived())

        wait_until(is_copied, what="a copy", timeout_seconds=10.0)
    assert heard_of(scenario, "blue-1", asked) == {"blue-2": [asked], "blue-3": [asked]}
    assert heard_of(scenario, "blue-2", answered) == {"blue-1": [answered], "blue-3": [answered]}
    scenario.put(network("blue", home("blue")))


def asks_everybody(frame: bytes) -> bool:
    """Whether a packet asks who has an address: by ARP, or by neighbour discovery."""
    return (frame[:6] == b"\xff" * 6 and frame[12:14] == b"\x08\x06") or (
        frame[:3] == b"\x33\x33\xff" and frame[12:14] == b"\x86\xdd" and frame[54] == ND_SOLICIT
    )


@contextlib.contextmanager
def speaking_ipv6(scenario: Scenario) -> Iterator[None]:
    """Give the hosts of one tenant addresses of IPv6, and nothing by which they would say so themselves."""
    machines = [scenario.core.machines[f"blue-{n}"] for n in MACS]
    for n, machine in zip(MACS, machines, strict=True):
        machine.namespace.ip("link set eth0 addrgenmode none")
        machine.namespace.run("sysctl", "-q", "-w", "net.ipv6.conf.eth0.disable_ipv6=0")
        machine.namespace.ip(f"address add {ADDRESSES_6[n]}/64 dev eth0 nodad")
    yield
    for machine in machines:
        machine.namespace.run("sysctl", "-q", "-w", "net.ipv6.conf.eth0.disable_ipv6=1")


def test_who_asks_for_an_address_is_answered_and_nobody_else_hears_it(scenario: Scenario) -> None:
    """The hosts' own kernels ask, and take the answers for good: nobody else could have given them any.

    Of the third the file says nothing, and it is known by what it has said itself.
    """
    known = {
        n: {"at": home("blue")[n], "mac": MACS[n], "ipv4": ADDRESSES[n], "ipv6": ADDRESSES_6[n]}
        for n in (1, 2)
    }
    scenario.put({**network("blue", home("blue") | known), "arp": "answer"})
    core = scenario.core

    def ping(target: int) -> None:
        for n in (1, target):
            core.machines[f"blue-{n}"].namespace.ip("neigh flush dev eth0")
        for address in (ADDRESSES[target], ADDRESSES_6[target]):
            core.machines["blue-1"].namespace.run("ping", "-n", "-q", "-c", "1", "-w", "3", address)

    def is_answered() -> bool:
        core.machines["blue-1"].namespace.ip("neigh flush dev eth0")
        is_there = core.ping("blue-1", "blue-3") and core.ping("blue-1", "blue-2")
        return is_there and scenario.flowvisor.metric("arp_answers_total", slice="blue") > 0

    wait_until(is_answered, what="an answer", timeout_seconds=FOUND_SECONDS)
    with speaking_ipv6(scenario), contextlib.ExitStack() as undo:
        ping(3)
        wait_until(
            lambda: scenario.flowvisor.metric("seen_addresses", slice="blue", switch="big") == 2,
            what="the third host is known",
            timeout_seconds=3.0,
        )
        wires = [undo.enter_context(contextlib.closing(core.wire(name))) for name in core.machines]
        for target in (2, 3):
            ping(target)
        time.sleep(LEAK_SECONDS)
        assert [frame for wire in wires for frame in wire.arrived() if asks_everybody(frame)] == []
    scenario.put(network("blue", home("blue")))


def test_a_restart_loses_no_packet(scenario: Scenario) -> None:
    core = scenario.core
    pinging = core.pinging("blue-1", "blue-2")
    time.sleep(0.3)
    scenario.flowvisor.kill()
    scenario.flowvisor.start_again()
    wait_until(
        lambda: core.switch.is_connected(BRIDGES), what="bridges are back", timeout_seconds=FOUND_SECONDS
    )
    time.sleep(2.0)
    assert pinging.stop() == 0.0
