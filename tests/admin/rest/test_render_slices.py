"""Slices as the admin and their tenants are shown them."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from flowvisor.admin.rest.render_slices import KINDS, controllers, slice_of, slices, switches
from flowvisor.configuration.slice_formats import SLICE_FORMATS
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod, RoleRequest
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit
from tests.support.admin import Desk
from tests.support.shell import TO_CONTROLLER
from tests.support.world import a_slice, configuration, ports, rule


@pytest.fixture
def desk() -> Desk:
    policies = (Quota("small", flow_entries_per_datapath=1), RateLimit("slow", flow_mod=1.0))
    reader = evolve(
        a_slice("watch", rule(Match.of(), may_write=False)),
        controllers=(parse_connection_method("ptcp:16801:127.0.0.1"),),
    )
    plain = configuration(
        a_slice("blue", ports(1, 3), policies=["small", "slow"]),
        a_slice("red", ports(2)),
        reader,
        policies=policies,
    )
    desk = Desk(evolve(plain, settings=evolve(plain.settings, datapaths={"leaf-1": 1})))
    desk.shell.datapath()
    return desk


def one(desk: Desk, name: str, *, to_admin: bool = True) -> dict[str, Any]:
    return dict(slice_of(desk.instance, name, to_admin=to_admin))


def test_every_kind_of_the_files_has_its_part() -> None:
    assert {kind.name for kind in KINDS.values()} == set(SLICE_FORMATS.built)


def test_a_slice_is_told_with_what_became_of_its_messages(desk: Desk) -> None:
    controller = desk.shell.controller()
    controller.say(TO_CONTROLLER, TO_CONTROLLER, FlowMod(priority=1))
    desk.shell.settle()
    told = one(desk, "blue")
    assert (told["kind"], told["flowspace"], told["openflow"]) == ("flowspace", {"rules": 1}, ["1.0", "1.3"])
    assert (told["switches"], told["channels"], told["policies"]) == (1, 1, ["small", "slow"])
    assert told["block"] == {"first": 1, "size": 4}
    assert told["limits"] == [{"limit": "flow_mod", "action": "delayed", "count": 1}]
    assert told["messages"]["down"] >= 1
    assert told["waiting_bytes"] > 0


def test_where_its_tables_lie_is_no_tenants_concern(desk: Desk) -> None:
    assert one(desk, "blue", to_admin=False)["block"] is None
    assert [each["datapath"] for each in switches(desk.instance, ["blue"], to_admin=False)] == [None]


def test_refusals_are_told_by_reason(desk: Desk) -> None:
    controller = desk.shell.controller()
    controller.say(FlowMod(table_id=77))
    desk.shell.settle()
    assert {"outcome": "refused", "reason": "table-id", "count": 1} in one(desk, "blue")["reasons"]


def test_a_virtual_switch_has_the_slices_ports_and_no_others(desk: Desk) -> None:
    (blue,) = switches(desk.instance, ["blue"], to_admin=True)
    assert (blue["name"], blue["datapath"], blue["dpid"]) == ("leaf-1", "leaf-1", "0000000000000001")
    assert [(port["port"], port["is_own"]) for port in blue["ports"]] == [(1, True), (3, True)]
    assert (blue["may_write"], blue["tables"], blue["flow_entries_limit"]) == (True, 4, 1)
    (watch,) = switches(desk.instance, ["watch"], to_admin=True)
    assert [(port["port"], port["is_own"]) for port in watch["ports"]] == [(n, False) for n in (1, 2, 3)]
    assert (watch["may_write"], watch["flow_entries_limit"]) == (False, None)


def test_controllers_are_told_whether_they_are_there_or_not(desk: Desk) -> None:
    controller = desk.shell.controller()
    controller.say(RoleRequest(role=2))
    desk.shell.settle()
    told = {each["slice"]: each for each in controllers(desk.instance, ["blue", "red", "watch"])}
    assert (told["blue"]["is_connected"], told["blue"]["is_listening"]) == (True, None)
    assert [(one["openflow"], one["role"]) for one in told["blue"]["channels"]] == [("1.3", "master")]
    assert (told["red"]["is_connected"], told["red"]["channels"]) == (False, [])
    assert told["watch"]["is_listening"] is True
    assert told["watch"]["port"] == 16801
    assert [each["slice"] for each in controllers(desk.instance, ["red"])] == ["red"]


def test_a_slice_that_goes_meanwhile_is_left_out(desk: Desk) -> None:
    telling = slices(desk.instance, ["blue", "red"], to_admin=True)
    assert next(telling)["name"] == "blue"
    del desk.instance.hypervisor.tenants["red"]
    assert list(telling) == []
