"""Every command against a running desk: tables for people, JSON for programs, and how it ends."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from flowvisor.cli import main
from flowvisor.openflow.actions import ApplyActions, Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod
from tests.support.admin import Desk
from tests.support.desk_files import slice_text, write_files
from tests.support.http_server import served
from tests.support.virtual import a_network
from tests.support.world import a_slice, configuration, ports


class Place:
    """A desk that is served, and a terminal."""

    def __init__(self, folder: Path, url: str, desk: Desk) -> None:
        self.folder, self.url, self.desk = folder, url, desk

    def run(self, *arguments: str, by: str | None = None) -> Result:
        token = self.desk.tokens[by]
        return CliRunner().invoke(main, [*arguments, "--url", self.url], env={"FLOWVISOR_TOKEN": token})

    def json(self, *arguments: str, by: str | None = None) -> Any:
        result = self.run(*arguments, "--json", by=by)
        return json.loads(result.stdout)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("desk")
    desk = Desk(main_file=write_files(folder), tokens=folder / "tokens.yaml")
    desk.shell.datapath()
    controller = desk.shell.controller()
    flow = FlowMod(priority=7, match=Match.of(in_port=1), instructions=(ApplyActions((Output(1),)),))
    controller.say(flow, FlowMod(table_id=77))
    desk.shell.settle()
    with served(desk) as url:
        yield Place(folder, url, desk)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("status",), ["flowvisor", ": ok", "1 ready, 1 connected, 1 named"]),
        (("slices",), ["blue", "red", "flowspace"]),
        (
            ("slice", "blue"),
            ["blue: flowspace", "leaf-1", "tcp:127.0.0.1:6801", "up", "table-id", "flow_mod"],
        ),
        (("datapaths",), ["leaf-1", "0000000000000001", "1.3", "tables", "blue red"]),
        (("flows", "--slice", "blue"), ["in_port 1", "output:1", "leaf-1"]),
        (("events",), ["datapath_up", "blue: switch_up"]),
    ],
)
def test_people_are_told_in_words(place: Place, arguments: tuple[str, ...], said: list[str]) -> None:
    result = place.run(*arguments)
    assert (result.exit_code, result.stderr) == (0, "")
    for words in said:
        assert words in result.stdout
    assert "\x1b" not in result.stdout


def test_programs_are_told_in_json(place: Place) -> None:
    assert place.json("status")["status"] == "ok"
    assert [one["name"] for one in place.json("slices")["slices"]] == ["blue", "red"]
    assert [one["name"] for one in place.json("slice", "blue")["switches"]] == ["leaf-1"]
    assert place.json("datapaths")["datapaths"][0]["is_ready"]
    flows = place.json("flows")["flows"]
    assert [(one["slice"], one["match"]) for one in flows if one["priority"] == 7] == [
        ("blue", {"in_port": "1"})
    ]
    assert place.json("flows", "--switch", "nowhere") == {"flows": []}
    lines = place.run("events", "--json").stdout.splitlines()
    assert {json.loads(line)["event"] for line in lines} >= {"datapath_up", "switch_up"}


def test_a_tenant_is_told_of_its_own(place: Place) -> None:
    assert [one["name"] for one in place.json("slices", by="red")["slices"]] == ["red"]
    assert place.json("flows", by="red") == {"flows": []}
    for arguments in (("status",), ("datapaths",), ("slice", "blue"), ("reload",)):
        result = place.run(*arguments, by="red")
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr


def test_a_reload_is_told_and_bad_files_are_status_2(place: Place) -> None:
    red = place.folder / "slices/red.yaml"
    good = red.read_text()
    red.write_text(slice_text("red", 3))
    result = place.run("reload")
    assert (result.exit_code, "slices: red changed" in result.stdout) == (0, True)
    red.write_text("kind: flowspace\n")
    result = place.run("reload")
    assert (result.exit_code, "red.yaml:1:1: name: this key is missing" in result.stderr) == (2, True)
    red.write_text(good)
    assert place.json("reload")["changes"]["slices"]["changed"] == {"red": ["flowspace"]}


def test_a_plan_of_what_runs_is_told_and_exits_3_if_it_would_do_anything(place: Place) -> None:
    result = place.run("plan")
    assert (result.exit_code, result.stdout) == (0, "nothing changes\n")
    red = place.folder / "slices/red.yaml"
    good = red.read_text()
    red.write_text(slice_text("red", 3))
    result = place.run("plan", "--at", "2030-06-02T12:00")
    assert result.exit_code == 3
    assert "~ slice red: flowspace\n" in result.stdout
    assert "  ~ slice red: loses ports 2\n" in result.stdout
    assert place.json("plan")["changes"] is True
    red.write_text("kind: flowspace\n")
    assert place.run("plan").exit_code == 2
    red.write_text(good)
    assert place.run("plan", by="red").exit_code == 1
    assert "goes with --against" in place.run("plan", "--config", "x").stderr


def test_a_packet_is_explained_by_what_runs(place: Place) -> None:
    result = place.run("explain", "--running", "--datapath", "leaf-1", "in_port=1")
    assert (result.exit_code, result.stdout.splitlines()[1]) == (0, "  belongs to blue")
    (told,) = place.json("explain", "--running", "--datapath", "leaf-1", "in_port=2")
    assert told["owner"] == "red"
    assert place.run("explain", "--running", "--datapath", "leaf-1", "in_port=1", by="blue").exit_code == 1
    assert place.run("explain", "--running", "--datapath", "leaf-1", "tcp_dst=1").exit_code == 1
    result = place.run("explain", "--running", "--hex", "00", "--datapath", "leaf-1", "in_port=1")
    assert (result.exit_code, "--running goes without" in result.stderr) == (2, True)


def test_what_is_degraded_is_status_3(place: Place) -> None:
    datapath = place.desk.instance.hypervisor.datapaths[1]
    datapath.own_failures = 2
    result = place.run("status")
    assert (result.exit_code, "datapaths refused 2" in result.stdout) == (3, True)
    assert place.run("status", "--json").exit_code == 3
    datapath.own_failures = 0


def test_top_looks_once_for_scripts(place: Place) -> None:
    told = place.json("top", "--once", "--every", "0.2")
    assert [one["slice"] for one in told["slices"]] == ["blue", "red"]
    assert [one["datapath"] for one in told["datapaths"]] == ["leaf-1"]
    assert told["status"]["status"] == "ok"
    result = place.run("top", "--once", "--every", "0.2")
    assert (result.exit_code, "Datapaths" in result.stdout) == (0, True)
    told = place.json("top", "--once", "--every", "0.2", by="blue")
    assert ([one["slice"] for one in told["slices"]], told["datapaths"]) == (["blue"], [])
    assert [one["switch"] for one in told["switches"]] == ["leaf-1"]
    assert "Virtual switches" in place.run("top", "--once", "--every", "0.2", by="blue").stdout


def test_names_of_slices_are_completed(place: Place) -> None:
    words = f"flowvisor slice --url {place.url} b"
    environment = {
        "_FLOWVISOR_COMPLETE": "bash_complete",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
        "FLOWVISOR_TOKEN": place.desk.tokens[None],
    }
    result = CliRunner().invoke(main, [], prog_name="flowvisor", env=environment)
    assert "plain,blue" in result.output


def test_flow_entries_of_a_virtual_network_are_listed(tmp_path: Path) -> None:
    network = a_network("blue", {"big": {1: "1/1"}})
    desk = Desk(configuration(network, a_slice("red", ports(7))), tokens=tmp_path / "tokens.yaml")
    desk.shell.datapath(1, ports=(1, 7))
    desk.shell.pass_time(70)  # until those that have not come are not waited for any more
    desk.shell.controller()  # of red, which was called first
    desk.shell.controller().say(FlowMod(priority=7, match=Match.of(in_port=1)))
    desk.shell.settle()
    with served(desk) as url:
        result = Place(tmp_path, url, desk).run("flows", "--json")
    told = json.loads(result.stdout)["flows"]
    assert [(one["slice"], one["switch"], one["match"]) for one in told] == [
        ("blue", "big", {"in_port": "1"})
    ]
