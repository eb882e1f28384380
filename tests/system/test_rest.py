"""The REST API and its commands as an admin and a tenant use them: what their pages say is what is run here."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.support.tools import require_tool
from tests.system.support.flowvisor import Flowvisor
from tests.system.support.network import Layout, Network
from tests.system.support.processes import ROOT, wait_until

PORTS = {"research": [1], "campus": [2]}  # of leaf-1
MAIN_SETTINGS = {"tokens": "tokens.yaml"}


@attrs.frozen
class Place:
    """A bridge behind flowvisor, and a shell beside it."""

    network: Network
    flowvisor: Flowvisor
    folder: Path

    def shell(self, script: str, *, statuses: tuple[int, ...] = (0,)) -> str:
        """Run lines as somebody types them, ending with the first that fails."""
        done = subprocess.run(
            [*self.network.namespace.inside, "bash", "-eu", "-o", "pipefail", "-c", script],
            capture_output=True,
            text=True,
            timeout=60,
            cwd=self.folder,
            env={
                "PATH": f"{self.folder / 'bin'}:/usr/bin:/bin:/usr/sbin:/sbin",
                "HOME": str(self.folder),
                "LANG": "C.UTF-8",
            },
            check=False,
        )
        assert done.returncode in statuses, f"{script}\n{done.stdout}{done.stderr}"
        return done.stdout

    def json(self, command: str) -> Any:
        return json.loads(self.shell(f"flowvisor {command} --json"))


def slice_of(name: str, number: int) -> dict[str, Any]:
    rules = [{"datapaths": ["leaf-1"], "priority": 100, "match": {"in_port": PORTS[name]}}]
    return {
        "kind": "flowspace",
        "name": name,
        "controllers": [f"tcp:127.0.0.1:{6801 + number}"],
        "flowspace": rules,
    }


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    require_tool("curl")
    folder = tmp_path_factory.mktemp("rest")
    network = Network(folder, Layout(versions=["1.3"], parallel_links=1))
    slices = [slice_of(name, number) for number, name in enumerate(PORTS)]
    flowvisor = Flowvisor(
        folder, slices, namespace=network.namespace, datapaths={"leaf-1": 1}, settings=MAIN_SETTINGS
    )
    network.add_bridge("leaf-1")
    command = folder / "bin" / "flowvisor"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nPYTHONPATH={ROOT} exec {sys.executable} -m flowvisor "$@"\n')
    command.chmod(0o755)
    place = Place(network, flowvisor, folder)
    wait_until(lambda: flowvisor.health()["datapaths"]["ready"] == 1, what="the datapath is set up")
    yield place
    flowvisor.close()
    network.close()


def blocks(page: str, language: str) -> list[str]:
    text = (ROOT / "docs" / page).read_text("utf-8")
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert found
    return found


def test_the_pages_about_it_say_what_works(place: Place) -> None:
    place.shell("\n".join(blocks("rest.md", "sh")))
    (program,) = blocks("rest.md", "python")
    (place.folder / "orchestrator.py").write_text(program)
    told = place.shell(f"{sys.executable} orchestrator.py").splitlines()
    assert len(told) == 2
    (switch,) = place.json("slice research")["switches"]
    assert [port["port"] for port in switch["ports"]] == [1, 3]
    assert place.json("slice research")["policies"] == ["silver"]
    shown = place.shell("\n".join(blocks("commands.md", "sh")))
    for words in ("flowvisor 0.", ": ok", "campus", "leaf-1", "Datapaths", "switch_up", "is in force"):
        assert words in shown


def test_a_tenant_is_shown_its_own_and_the_admin_all(place: Place) -> None:
    place.shell("flowvisor token create campus --slice campus > campus.token")
    tenant = "FLOWVISOR_TOKEN=$(cat campus.token) flowvisor"
    assert [one["name"] for one in json.loads(place.shell(f"{tenant} slices --json"))["slices"]] == ["campus"]
    assert "no slice" in place.shell(f"{tenant} slice research 2>&1", statuses=(1,))
    assert "only the admin" in place.shell(f"{tenant} reload 2>&1", statuses=(1,))
    place.shell("flowvisor token revoke campus")
    assert "not a token" in place.shell(f"{tenant} slices 2>&1", statuses=(1,))


def test_what_happens_is_followed(place: Place) -> None:
    place.shell("flowvisor events -f --json > events.log 2>&1 & echo $! > events.pid")
    try:
        log = place.folder / "events.log"
        wait_until(lambda: "switch_up" in log.read_text(), what="what has happened is told")
        place.shell("sed -i 's/priority: 100/priority: 101/' slices/campus.yaml; flowvisor reload")
        wait_until(lambda: '"reloaded"' in log.read_text().splitlines()[-1], what="a reload is told")
    finally:
        place.shell("kill $(cat events.pid)")


def test_bad_files_are_told_and_nothing_has_changed(place: Place) -> None:
    file = place.folder / "slices/campus.yaml"
    good = file.read_text()
    before = place.json("slices")
    file.write_text(good.replace("priority", "priorty"))
    told = place.shell("flowvisor reload 2>&1", statuses=(2,))
    assert "slices/campus.yaml:" in told
    assert 'did you mean "priority"' in told
    assert [one["name"] for one in place.json("slices")["slices"]] == [
        one["name"] for one in before["slices"]
    ]
    file.write_text(good)
    place.shell("flowvisor reload")


def test_nobody_answers_is_a_status_of_its_own(place: Place) -> None:
    assert "cannot be reached" in place.shell("flowvisor status --url http://127.0.0.1:1 2>&1", statuses=(4,))
