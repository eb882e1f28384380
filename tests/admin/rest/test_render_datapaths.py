"""Datapaths as the admin is shown them."""

from __future__ import annotations

from attrs import evolve

from flowvisor.admin.rest.render_datapaths import datapath, datapaths, ports
from flowvisor.network.topology import End, Topology
from tests.support.admin import Desk
from tests.support.world import a_slice, configuration
from tests.support.world import ports as own_ports


def desk() -> Desk:
    plain = configuration(a_slice("blue", own_ports(1, 3)), a_slice("red", own_ports(2, 3, priority=200)))
    links = ((End(1, 3), End(2, 1)),)
    settings = evolve(plain.settings, datapaths={"leaf-1": 1, "leaf-2": 2}, links=links)
    return Desk(evolve(plain, settings=settings))


def test_one_that_is_away_is_told_by_its_name() -> None:
    told = datapath(desk().instance, 2)
    assert (told["name"], told["dpid"], told["is_connected"]) == ("leaf-2", "0000000000000002", False)
    assert (told["openflow"], told["enforcement"], told["slices"]) == (None, None, [])


def test_one_that_is_there_is_told_as_it_is() -> None:
    one = desk()
    one.shell.datapath(1)
    one.shell.datapath(7, version=1)
    told = {each["name"]: each for each in datapaths(one.instance)}
    assert list(told) == ["leaf-1", "leaf-2", "0000000000000007"]
    assert (told["leaf-1"]["openflow"], told["leaf-1"]["enforcement"]) == ("1.3", "tables")
    assert told["0000000000000007"]["enforcement"] == "intersect"
    assert told["leaf-1"]["slices"] == ["blue", "red"]
    assert told["leaf-1"]["ports"] == 3
    assert told["leaf-1"]["messages"]["up"] > 0
    assert told["leaf-1"]["is_ready"]


def test_ports_are_told_with_whose_they_are_and_where_they_lead() -> None:
    one = desk()
    assert list(ports(one.instance, 1)) == []
    one.shell.datapath(1)
    told = list(ports(one.instance, 1))
    assert [(port["port"], port["slices"]) for port in told] == [(1, ["blue"]), (2, ["red"]), (3, ["red"])]
    assert told[2]["far_ends"] == [{"datapath": "leaf-2", "port": 1}]
    assert (told[0]["hw_addr"], told[0]["is_up"]) == ("02:00:00:01:00:01", True)
    assert isinstance(one.instance.hypervisor.fabric.topology, Topology)
