"""The image and what is composed of it: everything that they name is there, and nobody has more rights than needed."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from flowvisor.cli import main
from tests.support.exported import DEPLOY

ROOT = DEPLOY.parent
DOCKERFILE = [
    line.split(maxsplit=1)
    for line in (DEPLOY / "Dockerfile").read_text().replace("\\\n", " ").splitlines()
    if line and not line.startswith("#")
]
COMPOSED: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSED["services"]


def last(instruction: str) -> str:
    return [text for word, text in DOCKERFILE if word == instruction][-1]


def test_the_image_is_made_of_what_there_is() -> None:
    sources = [
        source
        for word, text in DOCKERFILE
        if word == "COPY" and not text.startswith("--from")
        for source in text.split()[:-1]
    ]
    shown = (ROOT / ".dockerignore").read_text().splitlines()
    assert sources
    for source in sources:
        assert (ROOT / source).exists()
        assert f"!{source}" in shown  # the build sees nothing that is not named there


def test_the_image_has_a_python_that_will_do() -> None:
    (wanted,) = re.findall(r'requires-python = ">=([\d.]+)"', (ROOT / "pyproject.toml").read_text())
    (version,) = {text.split(":")[1].split("-")[0] for word, text in DOCKERFILE if word == "FROM"}
    assert tuple(map(int, version.split("."))) >= tuple(map(int, wanted.split(".")))


def test_it_does_not_run_as_root() -> None:
    user, group = last("USER").split(":")
    assert min(int(user), int(group)) > 0


def test_it_starts_a_command_that_exists() -> None:
    command = yaml.safe_load(last("CMD"))
    assert yaml.safe_load(last("ENTRYPOINT")) == ["flowvisor"]
    assert CliRunner().invoke(main, [command[0], "--help"]).exit_code == 0
    known = {name for option in main.commands[command[0]].params for name in option.opts}
    assert {word for word in command if word.startswith("--")} <= known


def test_what_is_mounted_is_there() -> None:
    for service in SERVICES.values():
        for mount in service.get("volumes", ()):
            source, target, *_ = mount.split(":")
            assert Path(target).is_absolute()
            assert (DEPLOY / source).exists() if source.startswith(".") else source in COMPOSED["volumes"]


def test_what_is_built_can_be() -> None:
    for service in SERVICES.values():
        if "build" in service:
            context = DEPLOY / service["build"]["context"]
            assert (context / service["build"].get("dockerfile", "Dockerfile")).is_file()
        else:
            assert ":" in service["image"]  # of others, a version and not whatever is the latest


def test_there_are_flowvisor_and_two_tenants_and_who_watches_them() -> None:
    assert SERVICES.keys() == {"flowvisor", "blue", "red", "prometheus", "grafana"}
    for name in ("flowvisor", "blue", "red"):
        assert SERVICES[name]["cap_drop"] == ["ALL"]
        assert SERVICES[name]["read_only"]


def test_the_tenants_are_those_of_the_slices() -> None:
    for path in (DEPLOY / "compose" / "slices").iterdir():
        (controller,) = yaml.safe_load(path.read_text())["controllers"]
        assert controller.split(":")[1] in SERVICES


@pytest.mark.parametrize("folder", ["compose"])
def test_the_files_are_good(folder: str) -> None:
    checked = CliRunner().invoke(main, ["check", "--config", str(DEPLOY / folder / "flowvisor.yaml")])
    assert checked.exit_code == 0, checked.output


def test_nothing_is_shown_to_everybody_but_the_port_for_switches() -> None:
    shown = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert [port for port in shown if not port.startswith("127.0.0.1:")] == ["6653:6653"]
