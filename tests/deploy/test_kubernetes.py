"""The Kubernetes manifests: what they name is there, the files in them are good, and nothing runs as root."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from flowvisor.cli import main
from tests.support.exported import DEPLOY

FOLDER = DEPLOY / "kubernetes"
KUSTOMIZATION: dict[str, Any] = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())


def resources() -> Iterator[dict[str, Any]]:
    for name in KUSTOMIZATION["resources"]:
        yield from yaml.safe_load_all((FOLDER / name).read_text())


def of_kind(kind: str) -> list[dict[str, Any]]:
    return [one for one in resources() if one["kind"] == kind]


def pod() -> dict[str, Any]:
    (stateful,) = of_kind("StatefulSet")
    template: dict[str, Any] = stateful["spec"]["template"]["spec"]
    return template


def container() -> dict[str, Any]:
    (one,) = pod()["containers"]
    assert isinstance(one, dict)
    return one


def test_every_manifest_is_named_and_is_one() -> None:
    written = {path.name for path in FOLDER.glob("*.yaml")} - {"kustomization.yaml", "flowvisor.yaml"}
    assert written == set(KUSTOMIZATION["resources"])
    for one in resources():
        assert one.keys() >= {"apiVersion", "kind", "metadata"}


def test_it_may_do_nothing_that_it_need_not() -> None:
    assert pod()["securityContext"]["runAsNonRoot"]
    assert pod()["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    security = container()["securityContext"]
    assert security == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    (account,) = of_kind("ServiceAccount")
    assert account["automountServiceAccountToken"] is False


def test_every_volume_is_mounted_and_every_mount_has_one() -> None:
    (stateful,) = of_kind("StatefulSet")
    claimed = [one["metadata"]["name"] for one in stateful["spec"]["volumeClaimTemplates"]]
    volumes = [one["name"] for one in pod()["volumes"]] + claimed
    assert sorted(one["name"] for one in container()["volumeMounts"]) == sorted(volumes)
    maps = {one["configMap"]["name"] for one in pod()["volumes"]}
    assert maps == {one["name"] for one in KUSTOMIZATION["configMapGenerator"]}


def test_ports_are_called_by_their_names_everywhere() -> None:
    names = {port["name"] for port in container()["ports"]}
    for service in of_kind("Service"):
        assert {port["targetPort"] for port in service["spec"]["ports"]} <= names
    (policy,) = of_kind("NetworkPolicy")
    assert {port["port"] for rule in policy["spec"]["ingress"] for port in rule["ports"]} == names


def test_a_map_changes_in_the_running_pod() -> None:
    assert KUSTOMIZATION["generatorOptions"]["disableNameSuffixHash"]
    for mount in container()["volumeMounts"]:
        assert "subPath" not in mount  # those are never swapped


@pytest.fixture
def mounted(tmp_path: Path) -> Path:
    """The files as the kubelet lays them into the pod: behind `..data`."""
    mounts = {one["name"]: one["mountPath"] for one in container()["volumeMounts"]}
    for volume in pod()["volumes"]:
        (generated,) = [
            one for one in KUSTOMIZATION["configMapGenerator"] if one["name"] == volume["configMap"]["name"]
        ]
        folder = tmp_path / mounts[volume["name"]].lstrip("/")
        data = folder / "..2026_11_25"
        data.mkdir(parents=True)
        (folder / "..data").symlink_to(data.name)
        for name in generated["files"]:
            text = (FOLDER / name).read_text()
            for path in mounts.values():
                text = text.replace(f" {path}", f" {tmp_path}{path}")
            (data / Path(name).name).write_text(text)
            (folder / Path(name).name).symlink_to(Path("..data", Path(name).name))
    return tmp_path


def test_the_files_are_good_as_they_are_mounted(mounted: Path) -> None:
    checked = CliRunner().invoke(main, ["check", "--config", str(mounted / "etc/flowvisor/flowvisor.yaml")])
    assert checked.exit_code == 0, checked.output
    assert "1 slices" in checked.output


def test_it_starts_a_command_that_exists() -> None:
    command, *options = container()["args"]
    known = {name for option in main.commands[command].params for name in option.opts}
    assert {word for word in options if word.startswith("--")} <= known
