"""Tenants' own topology applications find the links of a virtual network, whatever lies below, and only those."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.system.support.controllers import Controller
from tests.system.support.core_network import CoreNetwork, Port
from tests.system.support.flowvisor import Flowvisor
from tests.system.support.processes import wait_until

BRIDGES = {"leaf-1": 1, "leaf-2": 2}
CABLES = ((("leaf-1", 11), ("leaf-2", 11)), (("leaf-1", 12), ("leaf-2", 12)))
NEAR, FAR, END = 0xC1, 0xC2, 9
TENANTS = {"blue": ("os-ken-topology", "1.3", 6801), "red": ("pox", "1.0", 6802)}
# Two cables below and three ports at each bridge; to the tenants it is one cable between two switches.
VIRTUAL_LINK = {(NEAR, END, FAR, END), (FAR, END, NEAR, END)}
FOUND_SECONDS = 25.0  # the slowest application sends once in five seconds
LOST_SECONDS = 25.0  # and believes in a link for ten seconds or more


def network(name: str, host_port: int) -> dict[str, Any]:
    return {
        "kind": "virtual-network",
        "name": name,
        "controllers": [f"tcp:127.0.0.1:{TENANTS[name][2]}"],
        "switches": {
            "near": {
                "dpid": f"{NEAR:016x}",
                "ports": {1: f"leaf-1/{host_port}", 2: f"leaf-2/{host_port}", END: {"link": "cable"}},
            },
            "far": {
                "dpid": f"{FAR:016x}",
                "ports": {1: f"leaf-2/{host_port + 1}", END: {"link": "cable"}},
            },
        },
        "links": {"cable": [f"near/{END}", f"far/{END}"]},
    }


class Scenario:
    """Two bridges, two tenants with the same virtual switches, each looking for links in its own way."""

    def __init__(self, folder: Path) -> None:
        with contextlib.ExitStack() as undo:
            self.core = core = CoreNetwork(folder, bridges=BRIDGES, cables=CABLES)
            undo.callback(core.close)
            self.controllers: dict[str, Controller] = {}
            for number, (name, (kind, version, port)) in enumerate(TENANTS.items()):
                self.controllers[name] = Controller(
                    kind, port=port, version=version, folder=folder, namespace=core.namespace
                )
                undo.callback(self.controllers[name].close)
                places: dict[int, Port] = {1: ("leaf-1", 1), 2: ("leaf-2", 1), 3: ("leaf-2", 2)}
                for n, (bridge, at) in places.items():
                    core.add_machine(
                        f"{name}-{n}",
                        (bridge, at + 2 * number),
                        mac=f"02:00:00:00:00:{n:02x}",
                        address=f"10.0.0.{n}",
                    )
            self.flowvisor = Flowvisor(
                folder,
                [network(name, 1 + 2 * number) for number, name in enumerate(TENANTS)],
                namespace=core.namespace,
                datapaths=BRIDGES,
            )
            undo.callback(self.flowvisor.close)
            core.add_bridges()
            self._undo = undo.pop_all()

    def known_to(self, name: str) -> set[tuple[int, ...]]:
        """The links that a tenant's application knows."""
        said = self.controllers[name].program.log.read_text(errors="replace").splitlines()
        last = next((line for line in reversed(said) if line.startswith("links ")), "links []")
        return {tuple(link) for link in json.loads(last.removeprefix("links "))}

    def wait_until_known(self, links: set[tuple[int, ...]], timeout_seconds: float) -> None:
        try:
            wait_until(
                lambda: all(self.known_to(name) == links for name in TENANTS),
                what=f"both applications know {links}",
                timeout_seconds=timeout_seconds,
            )
        except AssertionError as error:
            known = {name: (self.known_to(name), self.controllers[name].program.said) for name in TENANTS}
            raise AssertionError(f"{error}; known: {known}\n{self.flowvisor.said}") from None

    def close(self) -> None:
        self._undo.close()


@pytest.fixture(scope="module")
def scenario(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    scenario = Scenario(tmp_path_factory.mktemp("virtual-topology"))
    yield scenario
    scenario.close()


def test_applications_find_the_virtual_link_and_lose_it_when_no_path_is_left(scenario: Scenario) -> None:
    scenario.wait_until_known(VIRTUAL_LINK, FOUND_SECONDS)
    scenario.core.set_cable(("leaf-1", 11), "down")
    scenario.core.set_cable(("leaf-1", 12), "down")
    scenario.wait_until_known(set(), LOST_SECONDS)
    scenario.core.set_cable(("leaf-1", 11), "up")
    scenario.wait_until_known(VIRTUAL_LINK, FOUND_SECONDS)
    for name in TENANTS:
        said = scenario.controllers[name].program.log.read_text(errors="replace").splitlines()
        told = {
            tuple(link)
            for line in said
            if line.startswith("links ")
            for link in json.loads(line.removeprefix("links "))
        }
        assert told == VIRTUAL_LINK  # at no time another one
