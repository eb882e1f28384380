"""Groups and meters of two tenants on one Open vSwitch: each under its own ids, each by its own packets."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from tests.system.support.flowvisor import Flowvisor
from tests.system.support.network import Layout, Network, interface_at
from tests.system.support.ofctl import Ofctl
from tests.system.support.processes import wait_until
from tests.system.support.scenario import datagram, reached_by, watched_wires

BRIDGE = "leaf-1"
PORTS = {"one": [1, 2, 11], "two": [3, 4]}  # with the hosts a and b of each slice; 11 is a cable to nowhere
TCP_PORTS = {"one": 16801, "two": 16802}
PACKETS = 20


@attrs.frozen
class Place:
    """A bridge behind flowvisor, and two tenants that dial it."""

    network: Network
    one: Ofctl
    two: Ofctl

    def send(self, source: str, text: str, *, count: int = 1, expected: set[str]) -> set[str]:
        """Where datagrams of a host arrive."""
        with watched_wires(self.network) as wires:
            for _ in range(count):
                wires[source].send(datagram(self.network.hosts[source], text))
            return set(reached_by(wires, text, expected=expected))


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("groups")
    network = Network(folder, Layout(parallel_links=1))
    slices = [
        {
            "kind": "flowspace",
            "name": name,
            "switches": {BRIDGE: {"controllers": [f"ptcp:{TCP_PORTS[name]}:127.0.0.1"]}},
            "flowspace": [{"datapaths": [BRIDGE], "priority": 100, "match": {"in_port": ports}}],
        }
        for name, ports in PORTS.items()
    ]
    flowvisor = Flowvisor(folder, slices, namespace=network.namespace, datapaths={BRIDGE: 1})
    network.add_bridge(BRIDGE)
    wait_until(lambda: flowvisor.health()["datapaths"]["ready"] == 1, what="the datapath is set up")
    tenants = [
        Ofctl(f"tcp:127.0.0.1:{port}", "1.3", network.namespace, folder) for port in TCP_PORTS.values()
    ]
    yield Place(network, *tenants)
    flowvisor.close()
    network.close()


@pytest.fixture(autouse=True)
def _clean(place: Place) -> Iterator[None]:
    yield
    for tenant in (place.one, place.two):
        tenant("del-flows")
        tenant("del-groups")
        tenant("del-meters")


def test_each_tenants_packets_take_its_own_groups_buckets(place: Place) -> None:
    for tenant, mine, port in ((place.one, 1, 2), (place.two, 3, 4)):
        tenant("add-group", f"group_id=7,type=all,bucket=output:{port}")
        tenant("add-flow", f"in_port={mine},udp,actions=group:7")
    assert place.send("one-a", "through one's", expected={"one-b"}) == {"one-b"}
    assert place.send("two-a", "through two's", expected={"two-b"}) == {"two-b"}
    assert place.one.flows() == ["udp,in_port=1 actions=group:7"]
    assert "group_id=7,type=all,bucket=actions=output:2" in place.one("dump-groups")
    counted = place.one("dump-group-stats")
    assert "group_id=7," in counted
    assert "ref_count=1,packet_count=1," in counted
    place.two("del-groups")
    assert place.two.flows() == []
    assert place.send("two-a", "through nobody's", expected=set()) == set()
    assert place.send("one-a", "through one's still", expected={"one-b"}) == {"one-b"}


def test_a_group_fails_over_and_another_selects(place: Place) -> None:
    failing_over = "bucket=watch_port:11,output:11,bucket=watch_port:2,output:2"
    place.one("add-group", "group_id=1,type=select,bucket=weight:3,output:2,bucket=weight:5,output:2")
    place.one("add-group", f"group_id=4294967040,type=ff,{failing_over}")
    place.one("add-flow", "in_port=1,udp,actions=group:4294967040")
    assert place.send("one-a", "out by the cable", expected=set()) == set()
    place.network.namespace.ip(f"link set {interface_at(BRIDGE, 11)} down")
    try:
        wait_until(
            lambda: place.send("one-a", "by the other", expected={"one-b"}) == {"one-b"}, what="it fails over"
        )
    finally:
        place.network.namespace.ip(f"link set {interface_at(BRIDGE, 11)} up")
    place.one("mod-flows", "in_port=1,udp,actions=group:1")
    assert place.send("one-a", "selected", expected={"one-b"}) == {"one-b"}
    assert failing_over.replace("output", "actions=output") in place.one("dump-groups")


def test_a_bucket_floods_over_the_slices_ports(place: Place) -> None:
    place.one("add-group", "group_id=1,type=indirect,bucket=mod_dl_src:02:00:00:00:00:99,FLOOD")
    place.one("add-group", "group_id=2,type=all,bucket=group:1")
    place.one("add-flow", "in_port=1,actions=group:2")
    assert place.send("one-a", "flooded", expected={"one-b"}) == {"one-b"}
    assert "FLOOD" in place.one("dump-groups")
    assert "OFPGMFC_CHAINED_GROUP" in place.one.refused("del-groups", "group_id=1")


def test_what_is_not_its_own_is_refused_in_openflows_words(place: Place) -> None:
    place.two("add-group", "group_id=1,type=all,bucket=output:4")
    assert "OFPBAC_BAD_OUT_GROUP" in place.one.refused("add-flow", "in_port=1,actions=group:1")
    assert "OFPBAC_BAD_OUT_PORT" in place.one.refused("add-group", "group_id=1,type=all,bucket=output:4")
    assert "OFPGMFC_BAD_WATCH" in place.one.refused(
        "add-group", "group_id=1,type=ff,bucket=watch_port:4,output:2"
    )
    # What Open vSwitch itself does not do.
    assert "WATCH_UNSUPPORTED" in place.one.refused(
        "add-group", "group_id=1,type=all,bucket=watch_port:2,output:2"
    )
    assert "group_id" not in place.one("dump-groups")


def test_a_meter_drops_what_is_too_much_of_its_own_tenants(place: Place) -> None:
    for tenant, mine, port, most in ((place.one, 1, 2, 1), (place.two, 3, 4, 1000)):
        tenant("add-meter", f"meter=3,pktps,burst,band=type=drop,rate={most},burst_size={most}")
        tenant("add-flow", f"in_port={mine},udp,actions=meter:3,output:{port}")
    for source in ("one-a", "two-a"):
        place.send(source, "metered", count=PACKETS, expected={source.replace("a", "b")})
    assert f"packet_in_count:{PACKETS}" in place.one("meter-stats")
    assert "0: packet_count:0 " not in place.one("meter-stats")
    assert "0: packet_count:0 " in place.two("meter-stats")
    assert place.one.flows() == ["udp,in_port=1 actions=meter:3,output:2"]
    assert "meter=3 pktps burst" in place.one("dump-meters")
    assert "OFPMMFC_METER_EXISTS" in place.one.refused("add-meter", "meter=3,pktps,band=type=drop,rate=1")
    place.two("del-meters")
    assert place.two.flows() == []
    assert "meter=3" in place.one("dump-meters")
