"""Healthy is what is as the admin's files want it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from attrs import evolve
from twisted.internet.error import CannotListenError

from flowvisor.admin.health import health_of, health_page
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.network.wanted_datapath import WantedDatapath
from tests.support.shell import Shell
from tests.support.world import a_slice, configuration, ports


def named_shell() -> Shell:
    plain = configuration(a_slice("blue", ports(1)))
    return Shell(evolve(plain, settings=evolve(plain.settings, datapaths={"leaf-1": 1})))


def health(shell: Shell) -> tuple[int, dict[str, Any]]:
    page = health_page(shell.hypervisor, shell.connections)
    assert page.content_type == "application/json"
    return page.status, json.loads(page.body)


def test_all_is_well_when_every_named_datapath_is_set_up() -> None:
    shell = named_shell()
    shell.datapath()
    shell.controller()
    assert health(shell) == (
        200,
        {
            "status": "ok",
            "reasons": [],
            "datapaths": {"ready": 1, "connected": 1, "named": 1},
            "links": 0,
            "controllers": {"connected": 1, "wanted": 1},
            "listeners": [],
            "own_entries_failed": 0,
        },
    )


def test_a_named_datapath_that_is_away_is_a_reason() -> None:
    status, body = health(named_shell())
    assert (status, body["status"], body["reasons"]) == (503, "degraded", ["leaf-1 is not connected"])


def test_a_datapath_that_is_not_set_up_is_a_reason() -> None:
    shell = named_shell()
    shell.datapath()
    shell.hypervisor.datapaths[1].is_ready = False
    assert health(shell)[1]["reasons"] == ["leaf-1 is not set up yet"]


def test_an_entry_of_ours_that_was_refused_is_a_reason() -> None:
    shell = named_shell()
    shell.datapath()
    shell.hypervisor.datapaths[1].own_failures = 2
    status, body = health(shell)
    assert status == 503
    assert body["reasons"] == ["datapaths refused 2 of the hypervisor's own entries"]


def test_a_tenant_cannot_make_the_hypervisor_look_ill() -> None:
    shell = named_shell()
    shell.datapath()
    status, body = health(shell)
    assert (status, body["controllers"]) == (200, {"connected": 0, "wanted": 1})


def waiting_shell() -> Shell:
    controllers = (parse_connection_method("ptcp:16801:127.0.0.1"),)
    plain = configuration(evolve(a_slice("blue", ports(1)), controllers=controllers))
    shell = Shell(evolve(plain, settings=evolve(plain.settings, datapaths={"leaf-1": 1})))
    shell.datapath()
    return shell


def test_where_controllers_may_call_is_told() -> None:
    shell = waiting_shell()
    status, body = health(shell)
    assert status == 200
    assert body["controllers"] == {"connected": 0, "wanted": 0}
    assert body["listeners"] == [
        {
            "slice": "blue",
            "switch": "leaf-1",
            "method": "ptcp:16801:127.0.0.1",
            "port": 16801,
            "listening": True,
        }
    ]


def test_where_they_should_but_cannot_is_a_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def in_use(*_: object, **__: object) -> None:
        raise CannotListenError("127.0.0.1", 0, OSError("in use"))

    monkeypatch.setattr("twisted.internet.testing.MemoryReactor.listenTCP", in_use)
    status, body = health(waiting_shell())
    assert status == 503
    assert body["reasons"] == ["slice blue cannot listen on ptcp:16801:127.0.0.1 for leaf-1"]


def test_a_datapath_that_is_not_as_it_is_wanted_is_a_reason() -> None:
    plain = configuration(a_slice("blue", ports(1)))
    wanted = {1: WantedDatapath(ports={9: True})}
    shell = Shell(evolve(plain, settings=evolve(plain.settings, datapaths={"leaf-1": 1}, wanted=wanted)))
    shell.datapath()
    assert "leaf-1: there is no port 9" in health_of(shell.hypervisor, shell.connections)["reasons"]
