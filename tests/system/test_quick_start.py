"""The quick start, word by word: its commands on real Open vSwitch, with the files that ship."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.support.namespaces import Namespace
from tests.system.support.open_vswitch import OpenVSwitch
from tests.system.support.processes import ROOT, Program, python_module, wait_until
from tests.system.support.tools import require_root

PAGE = (ROOT / "docs/open-vswitch.md").read_text("utf-8")
BRIDGE = "br0"


def commands(section: str) -> list[list[str]]:
    """The commands of the first block below a heading."""
    (block,) = re.findall(rf"^## {section}\n.*?^```\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)[:1]
    return [shlex.split(line, comments=True) for line in block.splitlines()]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Namespace, OpenVSwitch]]:
    require_root()
    namespace = Namespace(tmp_path, "machine")
    switch = OpenVSwitch(tmp_path, namespace)
    try:
        yield namespace, switch
    finally:
        switch.close()
        namespace.close()


def test_three_steps_and_the_bridge_is_shared(tmp_path: Path, place: tuple[Namespace, OpenVSwitch]) -> None:
    namespace, switch = place
    (check,) = commands("1. The files")
    checked = Program(python_module(*check), log=tmp_path / "check.log", inside=namespace.inside)
    wait_until(lambda: not checked.is_running, what="the files are checked")
    assert "ok: 3 slices" in checked.said

    (run,) = commands("2. flowvisor")
    running = Program(python_module(*run), log=tmp_path / "run.log", inside=namespace.inside)
    try:
        running.wait_until(lambda: "listening for datapaths" in running.said, what="flowvisor listens")
        # What the page takes for granted: a bridge. In userspace, because a test has no kernel of its own.
        switch.vsctl("add-br", BRIDGE, "--", "set", "bridge", BRIDGE, "datapath_type=netdev")
        for program, *words in commands("3. The bridges"):
            assert program == "ovs-vsctl"
            switch.vsctl(*words)
        wait_until(lambda: switch.is_connected([BRIDGE]), what="the bridge is connected")
        wait_until(
            lambda: any("cookie=0xf10f" in flow for flow in switch.flows(BRIDGE, version="1.3", table=0)),
            what="table 0 keeps the slices apart",
        )
    finally:
        running.stop()
