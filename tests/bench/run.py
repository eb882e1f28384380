"""What a message costs: python tests/bench/run.py [--quick] [--json] [--only NAME].

Every figure comes beside that of a plain Twisted byte-forwarder, and of HAProxy where it is installed, taken in
the same run on the same machine: only the ratio travels. "1.0<1.3" is switches of 1.0 with tenants of 1.3;
"core" tells how busy the subject was; where it was not wholly, the load was the limit. "+ policies" is flowvisor
with policies in force, "virtual" a virtual network with a switch on each datapath, and "x without" the ratio to the
same without policies, or as a flowspace slice.
"""

import argparse
import json
import shutil
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs

# As a script, it finds the checkout that it lies in.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.load import Figures, Shape, load
from tests.bench.subjects import (
    POLICIES,
    Subject,
    on_a_core_of_its_own,
    start_flowvisor,
    start_forwarder,
    start_haproxy,
)
from tests.system.support.tools import PATH

BUSY = {"datapaths": 16, "outstanding": 32}
QUIET = {"datapaths": 1, "outstanding": 1}
FORWARDER, HAPROXY, FLOWVISOR = "forwarder", "HAProxy", "flowvisor"
VIRTUAL = "virtual"
WITH_POLICIES = "+ policies"
COLUMNS = (
    f"{'':10} {'OpenFlow':8} {'slices':>6} {'rules':>5}  {'round trips/s':>13} {'p50 us':>8} {'p99 us':>8}"
    f"  {'CPU us':>7} {'x forwarder':>11} {'x without':>9} {'core':>5}  {'KiB/switch':>10}"
)


@attrs.frozen
class Case:
    """One line of the report."""

    subject: str
    shape: Shape


def shape(load_shape: dict[str, int], south: str, north: str, *, slices: int, rules: int) -> Shape:
    return Shape(**load_shape, switches_version=south, tenants_version=north, slices=slices, rules=rules)


def cases(quick: bool) -> Iterator[Case]:
    """In the order in which they are compared: forwarders first."""
    for how in (BUSY, QUIET):
        for version in ("1.0", "1.3"):
            plain = shape(how, version, version, slices=2, rules=10)
            yield Case(FORWARDER, plain)
            yield Case(HAPROXY, plain)
            yield Case(FLOWVISOR, plain)
            if how is BUSY and version == "1.3":
                alone = shape(how, version, version, slices=1, rules=1)
                yield Case(FLOWVISOR, alone)
                yield Case(FLOWVISOR, attrs.evolve(alone, is_virtual=True))
            if how is BUSY:
                yield Case(FLOWVISOR, attrs.evolve(plain, has_policies=True))
                yield Case(FLOWVISOR, shape(how, version, version, slices=2, rules=1000))
            if how is BUSY and not quick:
                other = {"1.0": "1.3", "1.3": "1.0"}[version]
                yield Case(FLOWVISOR, shape(how, version, version, slices=8, rules=1000))
                yield Case(FLOWVISOR, shape(how, version, other, slices=2, rules=10))


def measure(case: Case, seconds: float) -> Figures:
    forwards = case.subject != FLOWVISOR
    with (
        tempfile.TemporaryDirectory(prefix="flowvisor-bench-") as folder,
        load(case.shape, tenants=1 if forwards else case.shape.slices) as made,
    ):
        with on_a_core_of_its_own():
            subject = start(case, Path(folder), [tenant.port for tenant in made.tenants])
        try:
            made.connect(subject, has_classifier=not forwards)
            return made.measure(subject, seconds)
        finally:
            subject.close()


def start(case: Case, folder: Path, controllers: list[int]) -> Subject:
    if case.subject == FORWARDER:
        return start_forwarder(folder, controllers[0])
    if case.subject == HAPROXY:
        return start_haproxy(folder, controllers[0], shutil.which("haproxy", path=PATH) or "haproxy")
    return start_flowvisor(
        folder,
        controllers,
        rules_per_slice=case.shape.rules // case.shape.slices,
        policies=POLICIES if case.shape.has_policies else (),
        datapaths_of_network=case.shape.datapaths if case.shape.is_virtual else 0,
    )


def median(runs: list[Figures]) -> Figures:
    """Of each figure by itself."""
    names = [field.name for field in attrs.fields(Figures)]
    return Figures(**{name: statistics.median(getattr(run, name) for run in runs) for name in names})


def line(case: Case, figures: Figures, baseline: Figures | None, without: Figures | None) -> str:
    ratio, ratio_without = (
        f"{figures.cpu_us / other.cpu_us:.2f}x" if other else "" for other in (baseline, without)
    )
    described = case.shape if case.subject == FLOWVISOR else None
    slices, rules = (described.slices, described.rules) if described else ("", "")
    subject = WITH_POLICIES if case.shape.has_policies else case.subject
    subject = VIRTUAL if case.shape.is_virtual else subject
    text = (
        f"{subject:10} {case.shape.versions:8} {slices:>6} {rules:>5}  {figures.round_trips_per_second:>13,.0f}"
        f" {figures.p50_us:>8.0f} {figures.p99_us:>8.0f}  {figures.cpu_us:>7.2f} {ratio:>11}"
        f" {ratio_without:>9}"
        f" {figures.cpu_share:>5.0%}  {figures.kib_per_virtual_switch:>10.0f}"
    )
    if figures.unanswered or figures.errors:
        text += f"  {figures.unanswered:.0f} unanswered, {figures.errors:.0f} errors"
    return text


def report(selected: list[Case], seconds: float, repeats: int, *, quiet: bool) -> list[dict]:
    """Measure and print as it goes; each line also as a dictionary."""
    results, baselines, bare, heading = [], {}, {}, None
    for case in selected:
        key = (case.shape.datapaths, case.shape.outstanding)
        if key != heading and not quiet:
            heading = key
            print(f"\n{key[0]} datapaths, {key[1]} packet-ins outstanding at each\n{COLUMNS}", flush=True)
        figures = median([measure(case, seconds) for _ in range(repeats)])
        baseline_key = (*key, case.shape.switches_version)
        if case.subject == FORWARDER:
            baselines[baseline_key] = figures
        baseline = baselines.get(baseline_key)
        plain = attrs.evolve(case.shape, has_policies=False, is_virtual=False)
        if case.shape == plain:
            bare[case.subject, case.shape] = figures
        without = bare.get((case.subject, plain)) if case.shape != plain else None
        if not quiet:
            print(line(case, figures, baseline, without), flush=True)
        result = {"subject": case.subject, **attrs.asdict(case.shape), **attrs.asdict(figures)}
        if baseline:
            result["cpu_ratio"] = figures.cpu_us / baseline.cpu_us
            result["p50_ratio"] = figures.p50_us / baseline.p50_us
        if without:
            result["cpu_ratio_without_policies"] = figures.cpu_us / without.cpu_us
        results.append(result)
    return results


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer cases, shorter, once")
    parser.add_argument("--json", action="store_true", help="print figures as JSON alone")
    parser.add_argument("--only", choices=(FORWARDER, HAPROXY, FLOWVISOR), action="append")
    parser.add_argument("--seconds", type=float, help="how long each case is measured")
    parser.add_argument("--repeats", type=int, help="how often; the medians are printed")
    arguments = parser.parse_args()
    selected = [
        case
        for case in cases(arguments.quick)
        if (not arguments.only or case.subject in arguments.only)
        and (case.subject != HAPROXY or shutil.which("haproxy", path=PATH))
    ]
    seconds = arguments.seconds or (1.0 if arguments.quick else 3.0)
    repeats = arguments.repeats or (1 if arguments.quick else 3)
    results = report(selected, seconds, repeats, quiet=arguments.json)
    if arguments.json:
        print(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
