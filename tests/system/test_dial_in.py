"""Tenants that dial in: ovs-ofctl works on a virtual switch as on any other, and sees its own slice only."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.support.tools import require_tool
from tests.system.support.flowvisor import Flowvisor, Ports
from tests.system.support.network import Layout, Network
from tests.system.support.ofctl import Ofctl
from tests.system.support.processes import Program, wait_until
from tests.system.support.scenario import datagram, reached_by, watched_wires

PORTS = {"one": [1, 2], "two": [3, 4]}  # of leaf-1, with the hosts a and b of each slice
UNUSED_PORT = 11
TCP_PORTS = {"one": 16801, "two": 16802}


@attrs.frozen
class Place:
    """A bridge behind flowvisor, and two slices that may be dialled."""

    network: Network
    flowvisor: Flowvisor
    folder: Path

    def ofctl(self, slice_name: str, version: str, *, way: str = "tcp") -> Ofctl:
        ways = {
            "tcp": f"tcp:127.0.0.1:{TCP_PORTS[slice_name]}",
            "unix": f"unix:{self.folder / slice_name}.sock",
        }
        return Ofctl(ways[way], version, self.network.namespace, self.folder)

    def listeners(self) -> list[dict[str, Any]]:
        listeners: list[dict[str, Any]] = self.flowvisor.health()["listeners"]
        return listeners


def slice_of(name: str, folder: Path) -> dict[str, Any]:
    methods = [f"ptcp:{TCP_PORTS[name]}:127.0.0.1", f"punix:{folder / name}.sock", "ptcp:0:127.0.0.1"]
    rules = [{"datapaths": ["leaf-1"], "priority": 100, "match": {"in_port": PORTS[name]}}]
    switches = {"leaf-1": {"controllers": methods}}
    return {"kind": "flowspace", "name": name, "switches": switches, "flowspace": rules}


@pytest.fixture(scope="module", params=["1.0", "1.3"], ids=lambda version: f"{version} bridge")
def place(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("dial-in")
    network = Network(folder, Layout(versions=[request.param], parallel_links=1))
    # Open vSwitch dials no other file than this one.
    datapaths = folder / "leaf-1.controller"
    called = {
        "kind": "flowspace",
        "name": "called",
        "controllers": [f"unix:{folder / 'called.sock'}"],
        "flowspace": [{"datapaths": ["leaf-1"], "priority": 100, "match": {"in_port": UNUSED_PORT}}],
    }
    flowvisor = Flowvisor(
        folder,
        [*(slice_of(name, folder) for name in PORTS), called],
        namespace=network.namespace,
        datapaths={"leaf-1": 1},
        settings={"listen": [f"ptcp:{Ports().datapaths}:127.0.0.1", f"punix:{datapaths}"]},
    )
    network.add_bridge("leaf-1", controller=f"unix:{datapaths}")
    place = Place(network, flowvisor, folder)
    wait_until(lambda: flowvisor.health()["datapaths"]["ready"] == 1, what="the datapath is set up")
    yield place
    flowvisor.close()
    network.close()


@pytest.fixture(params=["1.0", "1.3"])
def version(request: pytest.FixtureRequest) -> str:
    version: str = request.param
    return version


@pytest.fixture
def one(place: Place, version: str) -> Iterator[Ofctl]:
    ofctl = place.ofctl("one", version)
    yield ofctl
    ofctl("del-flows")


@pytest.mark.parametrize("way", ["tcp", "unix"])
def test_a_tenant_sees_its_own_ports(place: Place, version: str, way: str) -> None:
    for name, ports in PORTS.items():
        ofctl = place.ofctl(name, version, way=way)
        shown = ofctl("show")
        assert "dpid:0000000000000001" in shown
        assert [port for port in range(1, 30) if f" {port}(leaf-1-" in shown] == ports
        counted = ofctl("dump-ports")
        assert [port for port in range(1, 30) if f"port  {port}:" in counted] == ports
        if version == "1.3":
            described = ofctl("dump-ports-desc")
            assert [port for port in range(1, 30) if f" {port}(leaf-1-" in described] == ports


def test_flow_entries_are_added_changed_counted_and_deleted(place: Place, one: Ofctl, version: str) -> None:
    two = place.ofctl("two", version, way="unix")
    one("add-flow", "priority=7,ip,nw_dst=10.0.0.1,actions=output:2")
    two("add-flow", "priority=7,ip,nw_dst=10.0.0.1,actions=output:4")
    assert one.flows() == ["priority=7,ip,nw_dst=10.0.0.1 actions=output:2"]
    assert two.flows() == ["priority=7,ip,nw_dst=10.0.0.1 actions=output:4"]
    one("mod-flows", "ip,nw_dst=10.0.0.1,actions=output:1")
    assert one.flows() == ["priority=7,ip,nw_dst=10.0.0.1 actions=output:1"]
    assert "flow_count=1" in one("dump-aggregate")
    assert "active=1" in one("dump-tables")
    one("del-flows", "ip")
    assert one.flows() == []
    assert len(two.flows()) == 1
    two("del-flows")


def test_what_is_not_its_own_is_refused_in_openflows_words(one: Ofctl) -> None:
    assert "OFPBAC_BAD_OUT_PORT" in one.refused("add-flow", "priority=7,ip,actions=output:3")
    assert one.flows() == []


def test_packets_go_out_of_its_own_ports(place: Place, one: Ofctl) -> None:
    network = place.network
    text = f"sent by {one.version}"
    packet = datagram(network.hosts["one-a"], text).hex()
    with watched_wires(network) as wires:
        one("packet-out", f"in_port=1 packet={packet} actions=output:2")
        assert reached_by(wires, text, expected={"one-b"}).keys() == {"one-b"}
        assert "BAD_OUT_PORT" in one.refused("packet-out", f"in_port=1 packet={packet} actions=output:3")


def test_a_monitor_hears_of_its_own_packets_only(place: Place, one: Ofctl, tmp_path: Path) -> None:
    network = place.network
    one("add-flow", "priority=0,actions=controller")
    log = tmp_path / "monitor.log"
    monitor = one.monitor(log, "65534")

    def hears_of_port_1() -> bool:
        with watched_wires(network) as wires:
            wires["two-a"].send(datagram(network.hosts["two-a"], "of the other"))
            wires["one-a"].send(datagram(network.hosts["one-a"], "of its own"))
        return "in_port=1" in log.read_text()

    try:
        monitor.wait_until(hears_of_port_1, what="the monitor hears of a packet")
    finally:
        monitor.stop()
    assert "in_port=3" not in log.read_text()


def test_what_open_vswitch_has_of_its_own_is_refused_so_that_ovs_ofctl_can_do_without(one: Ofctl) -> None:
    assert "VENDOR" in attrs.evolve(one, version="1.3", options=("--bundle",)).refused(
        "add-flow", "actions=drop"
    )
    assert "VENDOR" in one.refused("monitor", "watch:")
    assert one.flows() == []
    if one.version == "1.0":
        refused = attrs.evolve(one, options=("--flow-format=NXM",)).refused("dump-flows")
        assert "switch does not support any of the usable flow formats" in refused
        assert "BAD_VENDOR" in one.refused("dump-groups")
    else:
        assert "BMC_BAD_FIELD" in one.refused("dump-flows", "reg0=1")
        assert "group" in one("dump-groups").lower()


def test_a_port_that_the_system_chose_is_told_and_works(place: Place, version: str) -> None:
    (port,) = (one["port"] for one in place.listeners() if one["slice"] == "two" and ":0:" in one["method"])
    assert port
    ofctl = attrs.evolve(place.ofctl("two", version), target=f"tcp:127.0.0.1:{port}")
    assert "dpid:0000000000000001" in ofctl("show")
    assert f"controller_awaited port={port} slice=two" in place.flowvisor.program.log.read_text()


def test_a_controller_is_called_through_a_socket_in_a_file(place: Place, tmp_path: Path) -> None:
    method = f"punix:{place.folder / 'called.sock'}"
    argv = [require_tool("ovs-testcontroller"), f"--unixctl={tmp_path / 'ctl'}", method]
    controller = Program(argv, log=tmp_path / "controller.log")
    try:
        controller.wait_until(
            lambda: place.flowvisor.metric("controller_connected", slice="called") == 1,
            what="it is connected",
        )
    finally:
        controller.stop()


def test_nobody_listens_while_the_datapath_is_away(place: Place, version: str) -> None:
    place.network.switch.delete_bridge("leaf-1")
    wait_until(lambda: not place.listeners(), what="the listeners are closed")
    assert "Connection refused" in place.ofctl("one", version).refused("show")
    assert not (place.folder / "one.sock").exists()
    place.network.add_bridge("leaf-1", controller=f"unix:{place.folder / 'leaf-1.controller'}")
    wait_until(
        lambda: len(place.listeners()) == 6 and all(one["listening"] for one in place.listeners()),
        what="they are back",
    )
    assert "dpid:0000000000000001" in place.ofctl("one", version)("show")
