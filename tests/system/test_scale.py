"""Many datapaths and many tenants at once, emulated on bare sockets: no root and no switch is needed."""

import resource
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.bench.load import Load, Shape, load
from tests.bench.subjects import MIB, Subject, start_flowvisor, start_forwarder

pytestmark = pytest.mark.alone

DATAPATHS, SLICES = 200, 2
MOST_SECONDS_TO_COME_UP = 10.0
MOST_BYTES_HELD = 200 * MIB
# Once up, nothing may grow or be lost while everybody merely stays.
HELD_SECONDS = 6.0
FILES_NEEDED = 4 * DATAPATHS * SLICES


@pytest.fixture(autouse=True)
def _enough_files() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < FILES_NEEDED:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(FILES_NEEDED, hard), hard))


def shape_of(version: str, *, datapaths: int) -> Shape:
    return Shape(
        datapaths=datapaths,
        outstanding=4,
        switches_version=version,
        tenants_version=version,
        slices=SLICES,
        rules=10,
    )


@pytest.fixture(params=["1.0", "1.3"])
def crowd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Load, Subject]]:
    shape = shape_of(request.param, datapaths=DATAPATHS)
    with load(shape, tenants=SLICES) as made:
        ports = [tenant.port for tenant in made.tenants]
        subject = start_flowvisor(tmp_path, ports, rules_per_slice=shape.rules // SLICES)
        yield made, subject
        subject.close()


def test_a_crowd_comes_up_quickly_and_is_held_in_little_memory(crowd: tuple[Load, Subject]) -> None:
    made, subject = crowd
    made.connect(subject, has_classifier=True)
    assert made.up_seconds < MOST_SECONDS_TO_COME_UP
    begun = time.monotonic()
    made.loop.run(HELD_SECONDS)
    assert time.monotonic() - begun >= HELD_SECONDS
    assert [tenant.ready for tenant in made.tenants] == [DATAPATHS] * SLICES
    assert all(switch.is_open for switch in made.switches)
    assert subject.resident_bytes < MOST_BYTES_HELD


def test_a_crowd_is_served_while_everybody_asks(crowd: tuple[Load, Subject]) -> None:
    made, subject = crowd
    made.connect(subject, has_classifier=True)
    figures = made.measure(subject, seconds=1.0)
    assert figures.unanswered == 0
    assert figures.errors == 0
    assert all(switch.round_trips for switch in made.switches)
    assert subject.resident_bytes < MOST_BYTES_HELD


@pytest.mark.parametrize("version", ["1.0", "1.3"])
def test_the_load_pairs_every_answer_with_its_question(version: str, tmp_path: Path) -> None:
    """The generator by itself, round a forwarder that changes nothing."""
    with load(shape_of(version, datapaths=4), tenants=1) as made:
        subject = start_forwarder(tmp_path, made.tenants[0].port)
        made.connect(subject, has_classifier=False)
        figures = made.measure(subject, seconds=0.2)
        subject.close()
    assert figures.round_trips_per_second > 0
    assert figures.unanswered == 0
    assert figures.errors == 0
