"""`flowvisor demo` as it is started in a terminal, over real sockets."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST_SECONDS = 15.0


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


@pytest.fixture
def controllers() -> dict[str, int]:
    return {"research": free_port(), "campus": free_port(), "lab": free_port()}


@pytest.fixture
def main_file(tmp_path: Path, controllers: dict[str, int]) -> Path:
    """The files as they ship, with ports that nobody uses."""
    for folder in ("slices", "policies", "deploy"):
        (tmp_path / folder).mkdir()
    for path in (*ROOT.glob("slices/*.yaml"), *ROOT.glob("policies/*.yaml"), ROOT / "deploy/flowvisor.yaml"):
        text = path.read_text("utf-8")
        for shipped, port in zip(("6801", "6802", "6803"), controllers.values(), strict=True):
            text = text.replace(f"tcp:127.0.0.1:{shipped}", f"tcp:127.0.0.1:{port}")
        text = text.replace("ptcp:6653:", "ptcp:0:").replace("ptcp:8080:", "ptcp:0:")
        (tmp_path / path.relative_to(ROOT)).write_text(text, "utf-8")
    return tmp_path / "deploy" / "flowvisor.yaml"


def command(main_file: Path, *options: str) -> list[str]:
    return [sys.executable, "-m", "flowvisor", "demo", "--config", str(main_file), *options]


def run(main_file: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(main_file, *options), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )


def test_all_is_as_promised_and_soon(main_file: Path) -> None:
    began = time.monotonic()
    done = run(main_file, "--json")
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - began < LONGEST_SECONDS
    told = json.loads(done.stdout)
    assert told["ok"]
    assert len(told["pairs"]) == 72
    reached = Counter(pair["slice"] for pair in told["pairs"] if pair["reached"])
    assert reached == {"research": 6, "campus": 6, "lab": 6}


def test_the_table_is_plain_where_there_is_no_terminal(main_file: Path) -> None:
    done = run(main_file)
    assert done.returncode == 0, done.stderr
    assert "as promised" in done.stdout
    assert "\x1b" not in done.stdout


def test_a_port_in_use_is_named(main_file: Path, controllers: dict[str, int]) -> None:
    with socket.create_server(("127.0.0.1", controllers["research"])):
        done = run(main_file)
    assert done.returncode == 1
    assert "the controller of research cannot listen" in done.stderr
    assert str(controllers["research"]) in done.stderr
    assert "Traceback" not in done.stderr


def heed_interrupts() -> None:
    """As in a terminal: a shell has what it starts in the background ignore them."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def kept(main_file: Path) -> Iterator[subprocess.Popen[str]]:
    with subprocess.Popen(
        command(main_file, "--keep"),
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    ) as running:
        yield running
        running.kill()


def test_it_can_be_kept_and_serves_its_metrics_until_it_is_told_to_stop(kept: subprocess.Popen[str]) -> None:
    assert kept.stdout is not None
    address = next(line.split()[-1] for line in kept.stdout if "metrics:" in line)
    with urllib.request.urlopen(address, timeout=10) as page:
        assert b"flowvisor_" in page.read()
    kept.send_signal(signal.SIGINT)
    assert kept.wait(timeout=10) == 0
