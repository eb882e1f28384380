"""Whoever asks for flow entries is answered, and the datapath is asked once a second at most."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from flowvisor.admin.rest.flow_readings import MAX_READINGS, PATIENCE_SECONDS, SHARING_SECONDS
from flowvisor.openflow.actions import ApplyActions, Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod
from tests.support.admin import Desk, Line, parsed
from tests.support.virtual import a_network
from tests.support.world import a_slice, configuration, ports


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    plain = configuration(a_slice("blue", ports(1, 3)), a_slice("red", ports(2)))
    settings = evolve(plain.settings, datapaths={"leaf-1": 1})
    return Desk(evolve(plain, settings=settings), tokens=tmp_path / "tokens.yaml")


class Asked:
    """A question for flow entries that waits for its answer."""

    def __init__(
        self, desk: Desk, path: str = "/slices/blue/switches/leaf-1/flows", by: str | None = None
    ) -> None:
        self.desk, self.line = desk, Line(desk.site, desk.shell.reactor)
        self.line.write(
            f"GET {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {desk.tokens[by]}\r\n\r\n".encode()
        )

    def answer(self) -> Any:
        self.desk.shell.settle()
        return parsed(self.line.take())


def test_flow_entries_are_told_as_their_tenant_wrote_them(desk: Desk) -> None:
    desk.shell.datapath()
    controller = desk.shell.controller()
    controller.say(
        FlowMod(priority=7, cookie=9, match=Match.of(in_port=1), instructions=(ApplyActions((Output(3),)),))
    )
    desk.shell.settle()
    for by in (None, "blue"):
        for name in ("leaf-1", "0000000000000001"):
            told = Asked(desk, f"/slices/blue/switches/{name}/flows", by).answer().json["flows"]
            ours = [one for one in told if one["priority"] == 7]
            assert [(one["switch"], one["match"], one["table"]) for one in ours] == [
                ("leaf-1", {"in_port": "1"}, 0)
            ]
    assert Asked(desk, "/slices/red/switches/leaf-1/flows", "red").answer().json["flows"] == []


def test_an_entry_of_a_virtual_network_is_told_once_however_many_datapaths_have_it(tmp_path: Path) -> None:
    network = a_network("blue", {"big": {1: "1/1", 2: "2/1"}})
    desk = Desk(configuration(network), tokens=tmp_path / "tokens.yaml")
    for dpid in (1, 2):
        desk.shell.datapath(dpid, ports=(1, 2))
    desk.shell.pass_time(70)  # until those that have not come are not waited for any more
    everywhere = FlowMod(priority=7, cookie=9, instructions=(ApplyActions((Output(2),)),))
    desk.shell.controller().say(everywhere)
    desk.shell.settle()
    (told,) = Asked(desk, "/slices/blue/switches/big/flows", "blue").answer().json["flows"]
    assert (told["switch"], told["dpid"][-2:], told["table"], told["match"]) == ("big", "a0", 0, {})
    (does,) = told["instructions"]
    assert [(one["type"], one["port"]) for one in does["actions"]] == [("output", 2)]


@pytest.mark.parametrize("path", ["/slices/blue/switches/leaf-2/flows", "/slices/no/switches/leaf-1/flows"])
def test_what_is_not_there_has_none(desk: Desk, path: str) -> None:
    desk.shell.datapath()
    assert Asked(desk, path).answer().status == 404


def test_the_datapath_is_asked_once_for_all_who_ask_at_a_time(desk: Desk) -> None:
    desk.shell.datapath()
    datapath = desk.instance.hypervisor.datapaths[1]
    before = sum(datapath.down_counts)
    asked = [Asked(desk) for _ in range(3)]
    first = sum(datapath.down_counts) - before
    assert [one.answer().status for one in asked] == [200] * 3
    assert Asked(desk).answer().status == 200
    assert sum(datapath.down_counts) - before == first == 4  # its tables
    desk.shell.reactor.advance(SHARING_SECONDS)
    assert Asked(desk).answer().status == 200
    assert sum(datapath.down_counts) - before == 2 * first


def test_a_datapath_that_leaves_or_says_nothing_is_not_waited_for_for_ever(desk: Desk) -> None:
    far = desk.shell.datapath()
    far.pump = lambda: False  # type: ignore[method-assign]
    asked = Asked(desk)
    assert asked.line.take() == b""
    desk.shell.reactor.advance(PATIENCE_SECONDS)
    assert asked.answer().status == 504
    desk.shell.reactor.advance(SHARING_SECONDS)
    assert desk.instance.flows._readings == {}


def test_only_so_many_are_read_at_once(desk: Desk) -> None:
    for dpid in range(1, MAX_READINGS + 2):
        desk.shell.datapath(dpid)
    asked = [Asked(desk, f"/slices/blue/switches/{dpid:016x}/flows") for dpid in range(2, MAX_READINGS + 2)]
    refused = Asked(desk).answer()
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert [one.answer().status for one in asked] == [200] * MAX_READINGS
