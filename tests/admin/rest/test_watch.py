"""What happens becomes events, and each tenant hears of its own."""

from __future__ import annotations

from typing import Any

import pytest

from flowvisor.errors import ConfigurationError, Place, Problem
from flowvisor.hypervisor.effects import Effects
from flowvisor.openflow.messages import FlowMod
from flowvisor.policies.rate_limit import RateLimit
from tests.support.admin import Desk
from tests.support.shell import TO_CONTROLLER
from tests.support.world import a_slice, configuration, ports


@pytest.fixture
def desk() -> Desk:
    of = configuration(
        a_slice("blue", ports(1), policies=["slow"]),
        a_slice("red", ports(2)),
        policies=[RateLimit("slow", flow_mod=1.0)],
    )
    return Desk(of)


def heard(desk: Desk, by: str | None = None) -> list[tuple[str, str | None, dict[str, Any]]]:
    happened = desk.instance.events.of(by)
    return [(one.event, one.slice, dict(one.details)) for one in happened.after(0)]


def test_datapaths_and_controllers_come_and_go(desk: Desk) -> None:
    datapath = desk.shell.datapath()
    controller = desk.shell.controller()
    controller.hang_up()
    datapath.hang_up()
    name = {"dpid": "0000000000000001"}
    physical, switch = {"datapath": name["dpid"], **name}, {"switch": name["dpid"], **name}
    line = {**switch, "controller": "tcp:127.0.0.1:6801"}
    of_blue = [
        ("switch_up", "blue", switch),
        ("controller_up", "blue", line),
        ("controller_down", "blue", {**line, "reason": "closed"}),
        ("switch_down", "blue", {**switch, "reason": "the datapath has left"}),
    ]
    assert heard(desk, "blue") == of_blue
    assert [one for one in heard(desk) if one[1] == "blue"] == of_blue
    assert [one for one in heard(desk) if one[1] is None] == [
        ("datapath_up", None, physical),
        ("datapath_down", None, {**physical, "reason": "closed"}),
    ]


def test_links_are_told_the_admin(desk: Desk) -> None:
    effects = Effects(0.0)
    effects.note("info", "link_found", near="a", far="b")
    effects.note("info", "something_else")
    desk.shell.connections.carry_out(effects)
    assert heard(desk) == [("link_found", None, {"near": "a", "far": "b"})]


def test_refusals_and_limits_are_told_once_a_second(desk: Desk) -> None:
    desk.shell.datapath()
    controller = desk.shell.controller()
    desk.operators.tick()
    before = len(heard(desk))
    controller.say(*[FlowMod(table_id=77)] * 3, *[TO_CONTROLLER] * 3)
    desk.shell.settle()
    assert len(heard(desk)) == before
    desk.shell.pass_time(2)
    desk.operators.tick()
    desk.operators.tick()
    told = {(event, details["reason"]): details["count"] for event, _, details in heard(desk)[before:]}
    assert told[("limit_reached", "flow_mod delayed")] >= 1
    assert told[("refused", "table-id")] + told.get(("limit_reached", "rate-limited"), 0) >= 3
    assert {one[1] for one in heard(desk)[before:]} == {"blue"}


def test_reloads_are_told_the_admin(desk: Desk) -> None:
    desk.shell.reload(configuration(a_slice("blue", ports(1)), a_slice("red", ports(2, 3))))
    desk.operators.tick()
    problem = Problem(Place("slices/blue.yaml", 3, 1), key="name", message="this key is missing")
    desk.shell.reload(ConfigurationError([problem]))
    desk.operators.tick()
    desk.operators.tick()
    assert heard(desk) == [
        ("reloaded", None, {"trigger": "rest", "revision": 2}),
        ("reload_failed", None, {"trigger": "rest", "revision": 2, "error": str(problem)}),
    ]


def test_a_slice_that_goes_takes_its_events_with_it(desk: Desk) -> None:
    desk.shell.datapath()
    assert heard(desk, "red")
    desk.shell.reload(configuration(a_slice("blue", ports(1))))
    desk.operators.tick()
    assert heard(desk, "red") == []
