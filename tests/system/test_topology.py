"""Tenants' own topology applications see the links inside their slice, and only those; nobody makes one up."""

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tests.system.support.controllers import Controller
from tests.system.support.flowvisor import Flowvisor
from tests.system.support.network import BRIDGES, LINKS, PLACES, Layout, Network, interface_at
from tests.system.support.processes import wait_until
from tests.system.support.scenario import CONTROLLER_PORTS, describe_slice, watched_wires

LINKS_OF = {"one": LINKS[:2], "two": LINKS[2:]}
FOUND_SECONDS = 25.0  # the slowest application sends once in five seconds
LOST_SECONDS = 25.0  # and believes in a link for ten seconds or more
PROBE_ADDRESS = bytes.fromhex("0180c200000f")
LLDP_TYPE = b"\x88\xcc"


@attrs.frozen
class Mix:
    """Who speaks what; the kind and version of each slice's application."""

    bridges: str
    one: tuple[str, str]
    two: tuple[str, str]

    def __str__(self) -> str:
        return f"{self.bridges} bridges, {' '.join(self.one)} and {' '.join(self.two)}"


MIXES = [
    Mix("1.3", ("os-ken-topology", "1.3"), ("pox", "1.0")),
    Mix("1.0", ("os-ken-topology", "1.0"), ("os-ken-topology", "1.3")),
]


def flowspace(slice_name: str) -> list[dict[str, object]]:
    ends = [*PLACES[slice_name].values(), *(end for link in LINKS_OF[slice_name] for end in link)]
    return [
        {
            "datapaths": [bridge],
            "priority": 100,
            "match": {"in_port": sorted(port for place, port in ends if place == bridge)},
        }
        for bridge in BRIDGES
    ]


def expected_links(slice_name: str) -> set[tuple[int, ...]]:
    cables = [(BRIDGES[a], p, BRIDGES[b], q) for (a, p), (b, q) in LINKS_OF[slice_name]]
    return {link for a, p, b, q in cables for link in ((a, p, b, q), (b, q, a, p))}


class Scenario:
    """Two tenants who look for links, the hypervisor, three bridges."""

    def __init__(self, folder: Path, mix: Mix) -> None:
        with contextlib.ExitStack() as undo:
            self.network = Network(folder, Layout(versions=(mix.bridges,)))
            undo.callback(self.network.close)
            self.controllers = {}
            for name, (kind, version) in (("one", mix.one), ("two", mix.two)):
                self.controllers[name] = Controller(
                    kind,
                    port=CONTROLLER_PORTS[name],
                    version=version,
                    folder=folder,
                    namespace=self.network.namespace,
                )
                undo.callback(self.controllers[name].close)
            slices = [describe_slice(name, flowspace(name)) for name in LINKS_OF]
            self.flowvisor = Flowvisor(folder, slices, namespace=self.network.namespace, datapaths=BRIDGES)
            undo.callback(self.flowvisor.close)
            self.network.add_bridges()
            self._undo = undo.pop_all()

    def links_of(self, slice_name: str) -> set[tuple[int, ...]]:
        """What the slice's application knows."""
        said = self.controllers[slice_name].program.log.read_text(errors="replace").splitlines()
        last = next((line for line in reversed(said) if line.startswith("links ")), "links []")
        return {tuple(link) for link in json.loads(last.removeprefix("links "))}

    def metric(self, name: str) -> int:
        found = re.findall(
            rf"^flowvisor_{name}(?:{{[^}}]*}})? (\S+)$", self.flowvisor.get("/metrics"), re.MULTILINE
        )
        return int(sum(map(float, found)))

    def wait_for_links(self, timeout_seconds: float = FOUND_SECONDS) -> None:
        def all_found() -> bool:
            return all(self.links_of(name) == expected_links(name) for name in LINKS_OF)

        try:
            wait_until(all_found, what="the links of both slices", timeout_seconds=timeout_seconds)
        except AssertionError as error:
            known = {name: (self.links_of(name), self.controllers[name].program.said) for name in LINKS_OF}
            raise AssertionError(f"{error}; known: {known}\n{self.flowvisor.said}") from None

    def set_cable(self, bridge: str, port: int, state: str) -> None:
        self.network.namespace.ip(f"link set {interface_at(bridge, port)} {state}")

    def close(self) -> None:
        self._undo.close()


@pytest.fixture(scope="module", params=MIXES, ids=str)
def scenario(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scenario]:
    scenario = Scenario(tmp_path_factory.mktemp("topology"), request.param)
    yield scenario
    scenario.close()


def test_each_application_sees_the_links_of_its_slice_and_no_others(scenario: Scenario) -> None:
    scenario.wait_for_links()
    assert scenario.metric("links") == 2 * len(LINKS)


def test_hosts_see_none_of_the_tenants_lldp(scenario: Scenario) -> None:
    scenario.wait_for_links()
    seen: list[bytes] = []
    with watched_wires(scenario.network) as wires:

        def probes_came() -> bool:
            for wire in wires.values():
                seen.extend(frame for frame in wire.arrived() if frame[12:14] == LLDP_TYPE)
            return len(seen) >= len(wires)

        wait_until(probes_came, what="probes to hosts", timeout_seconds=15.0)
    assert {frame[:6] for frame in seen} == {PROBE_ADDRESS}


def test_a_probe_that_a_host_makes_up_is_not_believed(scenario: Scenario) -> None:
    scenario.wait_for_links()
    probes: list[bytes] = []
    with watched_wires(scenario.network) as wires:

        def one_came() -> bool:
            probes.extend(frame for frame in wires["one-a"].arrived() if frame[:6] == PROBE_ADDRESS)
            return bool(probes)

        wait_until(one_came, what="a probe", timeout_seconds=15.0)
        forged = bytearray(probes[0])
        forged[forged.index(b"0000000001") + 9] = ord("2")  # as if it had left by another port
        before = scenario.metric("probes_disbelieved_total")
        wires["two-c"].send(bytes(forged))
        wait_until(
            lambda: scenario.metric("probes_disbelieved_total") > before,
            what="the forged probe",
            timeout_seconds=5.0,
        )
    assert scenario.metric("links") == 2 * len(LINKS)


def test_a_cable_that_is_cut_is_noticed_and_found_again(scenario: Scenario) -> None:
    scenario.wait_for_links()
    bridge, port = LINKS[0][0]
    cut = {link for link in expected_links("one") if (BRIDGES[bridge], port) not in (link[:2], link[2:])}
    scenario.set_cable(bridge, port, "down")
    wait_until(
        lambda: scenario.metric("links") == 2 * len(LINKS) - 2,
        what="the hypervisor notices",
        timeout_seconds=5.0,
    )
    wait_until(
        lambda: scenario.links_of("one") == cut, what="the tenant notices", timeout_seconds=LOST_SECONDS
    )
    assert scenario.links_of("two") == expected_links("two")
    scenario.set_cable(bridge, port, "up")
    scenario.wait_for_links()
