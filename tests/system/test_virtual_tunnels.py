"""A virtual network over VXLAN: two Open vSwitch instances with nothing but IP between them."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tests.system.support.controllers import Controller
from tests.system.support.flowvisor import Flowvisor
from tests.system.support.frames import Wire
from tests.system.support.namespaces import Namespace
from tests.system.support.open_vswitch import OpenVSwitch
from tests.system.support.processes import wait_until
from tests.system.support.tools import require_root

SITES = {"leaf-1": 1, "leaf-2": 2}  # each a bridge, in an Open vSwitch of its own
TUNNEL, HOST_PORTS = 20, {"blue": 1, "red": 2}
UNDERLAY, MANAGEMENT = "192.168.9.{}", "192.168.8.{}"
CONTROLLERS = {"blue": ("os-ken", "1.3", 6801), "red": ("ovs-testcontroller", "1.3", 6802)}
TEXT = b"heard on the other side"


@attrs.define
class Site:
    """One Open vSwitch, the bridge that carries IP for it, and hosts."""

    number: int
    namespace: Namespace
    switch: OpenVSwitch
    hosts: dict[str, Namespace] = attrs.Factory(dict)

    def begin(self, name: str, other: int) -> None:
        """Its bridges; the tenants' one has a tunnel to the other site."""
        switch, number = self.switch, self.number
        words = ["add-br", "under", "--", "set", "bridge", "under", "datapath_type=netdev"]
        switch.vsctl(*words, "--", "add-port", "under", "wire")
        self.namespace.ip(
            f"address add {UNDERLAY.format(number)}/24 dev under",
            "link set under up",
            "link set under mtu 1600",
        )
        switch.add_bridge(
            name,
            dpid=number,
            versions=["1.3"],
            controller=f"tcp:{MANAGEMENT.format(1)}:6653",
            ports={port: f"to-{tenant}" for tenant, port in HOST_PORTS.items()},
        )
        options = [f"options:remote_ip={UNDERLAY.format(other)}", "options:key=flow"]
        port = ["--", "set", "interface", "tunnel", "type=vxlan", *options, f"ofport_request={TUNNEL}"]
        switch.vsctl("add-port", name, "tunnel", *port)


class Scenario:
    """Both sites, joined by a cable for IP and one for control."""

    def __init__(self, folder: Path) -> None:
        require_root()
        with contextlib.ExitStack() as undo:
            self.sites = {name: self._site(folder, name, undo) for name in SITES}
            one, two = self.sites.values()
            for cable, addresses in (("wire", None), ("control", MANAGEMENT)):
                one.namespace.ip(
                    f"link add {cable} mtu 1700 type veth peer name {cable} mtu 1700 netns {two.namespace.pid}"
                )
                for site in (one, two):
                    site.namespace.ip(f"link set {cable} up")
                    if addresses:
                        site.namespace.ip(f"address add {addresses.format(site.number)}/24 dev {cable}")
            for kind, version, port in CONTROLLERS.values():
                controller = Controller(
                    kind, port=port, version=version, folder=folder, namespace=one.namespace
                )
                undo.callback(controller.close)
            self.flowvisor = Flowvisor(
                folder,
                [
                    {
                        "kind": "virtual-network",
                        "name": name,
                        "transport": "tunnel",
                        "controllers": [f"tcp:127.0.0.1:{CONTROLLERS[name][2]}"],
                        "switches": {"big": {"ports": {n: f"leaf-{n}/{HOST_PORTS[name]}" for n in (1, 2)}}},
                    }
                    for name in CONTROLLERS
                ],
                namespace=one.namespace,
                datapaths=SITES,
                settings={
                    "listen": ["ptcp:6653:0.0.0.0"],
                    "links": [{"ends": [f"leaf-1/{TUNNEL}", f"leaf-2/{TUNNEL}"], "kind": "tunnel"}],
                },
            )
            undo.callback(self.flowvisor.close)
            for name, site in self.sites.items():
                site.begin(name, 3 - site.number)
            self._undo = undo.pop_all()

    def _site(self, folder: Path, name: str, undo: contextlib.ExitStack) -> Site:
        (folder / name).mkdir()
        namespace = Namespace(folder, name)
        undo.callback(namespace.close)
        switch = OpenVSwitch(folder / name, namespace)
        undo.callback(switch.close)
        site = Site(SITES[name], namespace, switch)
        for tenant in HOST_PORTS:
            host = site.hosts[tenant] = Namespace(folder, f"{name}-{tenant}")
            undo.callback(host.close)
            mac = f"02:00:00:00:00:{site.number:02x}"
            far = f"peer name eth0 address {mac} netns {host.pid}"
            namespace.ip(f"link add to-{tenant} type veth {far}", f"link set to-{tenant} up")
            host.write_all_checksums(["eth0"])
            host.ip("link set eth0 up", f"address add 10.0.0.{site.number}/24 dev eth0")
        return site

    def ping(self, tenant: str) -> bool:
        """From the first site to the second."""
        try:
            self.sites["leaf-1"].hosts[tenant].run("ping", "-n", "-q", "-c", "1", "-w", "1", "10.0.0.2")
        except AssertionError:
            return False
        return True

    def close(self) -> None:
        self._undo.close()


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    scenario = Scenario(tmp_path_factory.mktemp("tunnels"))
    yield scenario
    scenario.close()


@pytest.mark.parametrize("tenant", CONTROLLERS)
def test_hosts_with_the_same_addresses_reach_their_own_through_the_tunnel(
    scenario: Scenario, tenant: str
) -> None:
    try:
        wait_until(lambda: scenario.ping(tenant), what=f"{tenant} is reached", timeout_seconds=20.0)
    except AssertionError as error:
        raise AssertionError(f"{error}\n{scenario.flowvisor.said}") from None


@pytest.mark.parametrize("tags", [b"", b"\x81\x00\x00\x64", b"\x88\xa8\x0f\xfe\x81\x00\x00\x64"])
def test_what_a_tenant_has_tagged_crosses_as_it_is_and_comes_to_nobody_else(
    scenario: Scenario, tags: bytes
) -> None:
    frame = b"\xff" * 6 + b"\x02\0\0\0\0\x01" + tags + b"\x88\xb5" + TEXT.ljust(60, b".")
    with contextlib.ExitStack() as undo:
        wires = {
            (name, tenant): Wire(host, "eth0")
            for name, site in scenario.sites.items()
            for tenant, host in site.hosts.items()
        }
        for wire in wires.values():
            undo.callback(wire.close)
        wires["leaf-1", "blue"].send(frame)
        heard: dict[tuple[str, str], list[bytes]] = {}

        def arrived() -> bool:
            for where, wire in wires.items():
                if mine := [each for each in wire.arrived() if TEXT in each]:
                    heard.setdefault(where, []).extend(mine)
            return bool(heard)

        wait_until(arrived, what="the broadcast", timeout_seconds=3.0)
        time.sleep(0.2)
        arrived()
    assert heard == {("leaf-2", "blue"): [frame]}
