"""All that may go wrong at once, for long: python tests/soak/run.py [--minutes N] [--seed N].

Tenants flood, stall, hang up and send more than they may; datapaths break off and stop reading; strangers trickle
and babble. Two datapaths and one tenant only do their work, and must not notice. At the end everything that was sent
is accounted for: it arrived, or it was counted as shed or refused; and memory has not grown.
"""

import argparse
import random
import re
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs

# As a script, it finds the checkout that it lies in.
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench.load import percentile
from tests.bench.peers import Loop
from tests.bench.subjects import free_port, readable, source_address
from tests.soak.peers import Crowd, Datapath, Nuisance, dialect_of
from tests.system.support.flowvisor import HOST, Flowvisor, Ports
from tests.system.support.processes import resident_bytes

MIB = 1 << 20
UP_SECONDS = 30.0
TICK_SECONDS = 0.05
DRAIN_SECONDS = 20.0
WATCH_SECONDS = 2.0  # between two looks at the memory
# Flat: the most in the last quarter of the time is no more than this above the most in the second quarter.
GROWTH_SHARE, GROWTH_BYTES = 0.05, 8 * MIB
RULES = 5
STALL_SECONDS = (2.0, 10.0)  # of a controller; after 15 s it would be given up
ASKED_PER_TICK = 10  # packet-ins of each datapath
STORM = 2000  # packet-ins at once, of the slice that has a rate limit
POURED_BY_FLOOD, POURED_BY_LIMITED = 200, 10  # flow-mods at each tick
STEADY = {"steady-10": (1, "1.0"), "steady-13": (2, "1.3")}
SHAKY = {"breaks-off": (3, "1.0"), "stops-reading": (4, "1.3")}

# The slices in the order of their numbers: the version of their controllers, and where they are.
SLICES = {
    "quiet": ("1.3", [*STEADY, *SHAKY]),
    "flood": ("1.3", [*STEADY, *SHAKY]),
    "limited": ("1.0", [*STEADY]),
    "sleepy": ("1.3", [*STEADY]),
    "flaky": ("1.0", [*STEADY]),
}
LIMIT = {"kind": "rate-limit", "name": "limit", "packet_in": "100/s", "flow_mod": "150/s"}


@attrs.define
class Finding:
    """One line of the verdict."""

    text: str
    is_good: bool


class Soak:
    """flowvisor, and everybody round it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.chance = random.Random(seed)
        self.loop = Loop()
        self.tenants = {name: Crowd(self.loop, version) for name, (version, _) in SLICES.items()}
        ports = Ports(datapaths=free_port(), admin=free_port())
        places = {name: dpid for name, (dpid, _) in (STEADY | SHAKY).items()}
        slices = [self._slice(number, name) for number, name in enumerate(SLICES)]
        self.flowvisor = Flowvisor(folder, slices, ports=ports, datapaths=places, policies=[LIMIT])
        self.datapaths = {name: self._connect(name) for name in STEADY | SHAKY}
        self.nuisances: list[Nuisance] = []
        self.resident: list[tuple[float, int]] = []
        self.stalls = 0
        self._due: list[tuple[float, Callable[[], None]]] = []

    def _slice(self, number: int, name: str) -> dict[str, object]:
        addresses = [readable(source_address(number, rule)) for rule in range(RULES)]
        return {
            "kind": "flowspace",
            "name": name,
            "controllers": [f"tcp:{HOST}:{self.tenants[name].port}"],
            "policies": ["limit"] if name == "limited" else [],
            "flowspace": [{"datapaths": SLICES[name][1], "priority": 100, "match": {"eth_src": addresses}}],
        }

    def _connect(self, name: str) -> Datapath:
        dpid, version = (STEADY | SHAKY)[name]
        present = {number: SLICES[of][0] for number, of in enumerate(SLICES) if name in SLICES[of][1]}
        return Datapath(
            self.loop,
            self.flowvisor.ports.datapaths,
            dpid=dpid,
            dialect=dialect_of(version),
            slices=present,
            rules=RULES,
        )

    # What goes on.

    def bring_up(self) -> None:
        wanted = sum(len(places) for _, places in SLICES.values())

        def is_up() -> bool:
            return sum(tenant.ready for tenant in self.tenants.values()) == wanted and all(
                one.is_ready for one in self.datapaths.values()
            )

        if not self.loop.run(UP_SECONDS, until=is_up):
            raise AssertionError(f"not up in {UP_SECONDS} s\n{self.flowvisor.said}")
        for delay, begin in (
            (3, self._doze),
            (5, self._leave),
            (7, self._break_off),
            (9, self._stop_reading),
        ):
            self._at(delay, begin)
        for delay, begin in ((4, self._disturb), (6, self._storm)):
            self._at(delay, begin)

    def go_on(self, seconds: float) -> None:
        """Let everybody do what they do."""
        end = time.monotonic() + seconds
        watched_at = 0.0
        while (now := time.monotonic()) < end:
            if now - watched_at > WATCH_SECONDS:
                watched_at = now
                self.resident.append((now, resident_bytes(self.flowvisor.program.pid)))
            self._tick(now)
            self.loop.run(TICK_SECONDS)

    def _tick(self, now: float) -> None:
        for datapath in self.datapaths.values():
            if datapath.is_open and datapath.is_ready:
                datapath.ask(ASKED_PER_TICK)
        for name, count in (("flood", POURED_BY_FLOOD), ("limited", POURED_BY_LIMITED)):
            for controller in self.tenants[name].open:
                controller.pour(count)
        for nuisance in self.nuisances:
            nuisance.say()
        self.nuisances = [one for one in self.nuisances if not one.is_over]
        for at, do in [one for one in self._due if one[0] <= now]:
            self._due.remove((at, do))
            do()

    def _at(self, delay: float, do: Callable[[], None]) -> None:
        self._due.append((time.monotonic() + delay, do))

    def _doze(self) -> None:
        for controller in self.tenants["sleepy"].open:
            controller.stall()
            self._at(self.chance.uniform(*STALL_SECONDS), controller.go_on)
        self._at(15, self._doze)

    def _leave(self) -> None:
        for controller in self.tenants["flaky"].open:
            controller.break_off()
        self._at(self.chance.uniform(2, 12), self._leave)

    def _break_off(self) -> None:
        self.datapaths["breaks-off"].break_off()
        self._at(self.chance.uniform(0, 3), lambda: self._come_back("breaks-off"))
        self._at(self.chance.uniform(5, 15), self._break_off)

    def _stop_reading(self) -> None:
        """Until it is hung up on: nothing else can be done with it."""
        self.stalls += 1
        stalled = self.datapaths["stops-reading"]
        stalled.stall()

        def look() -> None:
            if stalled.is_hung_up_on():
                stalled.break_off()
                self._come_back("stops-reading")
                self._at(10, self._stop_reading)
            else:
                self._at(1, look)

        look()

    def _come_back(self, name: str) -> None:
        self.datapaths[name] = self._connect(name)

    def _disturb(self) -> None:
        self.nuisances.append(Nuisance(self.flowvisor.ports.datapaths, self.chance))
        self._at(self.chance.uniform(0.2, 2), self._disturb)

    def _storm(self) -> None:
        limited = list(SLICES).index("limited")
        for name in STEADY:
            self.datapaths[name].ask(STORM, of=limited)
        self._at(self.chance.uniform(5, 10), self._storm)

    def calm_down(self) -> None:
        """Wait until all that is under way has arrived."""
        for controller in self.tenants["sleepy"].controllers:
            controller.go_on()
        for nuisance in self.nuisances:
            nuisance.close()
        self._due.clear()
        self.loop.run(DRAIN_SECONDS, until=lambda: all(finding.is_good for finding in self.accounts()))

    # What came of it.

    def metric(self, name: str, **labels: str) -> float:
        """The sum of a metric over everything but these labels."""
        total = 0.0
        for line in self._metrics.splitlines():
            found = re.fullmatch(rf"flowvisor_{name}(?:{{(.*)}})? (\S+)", line)
            if found and all(f'{label}="{value}"' in found[1] for label, value in labels.items()):
                total += float(found[2])
        return total

    def accounts(self) -> Iterator[Finding]:
        """Everything that was sent, and what became of it, at the datapaths that stay."""
        self._metrics = self.flowvisor.get("/metrics")
        for number, (name, (_, places)) in enumerate(SLICES.items()):
            steady = [self.datapaths[place] for place in STEADY]
            asked = sum(datapath.asked[number] for datapath in steady)
            if name == "quiet":
                answered = sum(datapath.answered[number] for datapath in steady)
                yield same("quiet: packet-ins asked and answered at the steady datapaths", asked, answered)
            if set(places) == set(STEADY):
                yield from self._account(name, asked)

    def _account(self, name: str, asked: int) -> Iterator[Finding]:
        tenant = self.tenants[name]
        shed = {
            reason: int(self.metric("messages_shed_total", slice=name, reason=reason))
            for reason in ("no-controller", "rate-limited", "queue-full")
        }
        up = int(self.metric("messages_total", slice=name, type="packet_in", outcome="forwarded"))
        told = up + shed["no-controller"] + shed["rate-limited"]
        yield same(f"{name}: packet-ins asked, and forwarded or shed {shed}", asked, told)
        if name == "flaky":
            return  # what was under way to a controller that hangs up is lost with it
        yield same(
            f"{name}: packet-ins forwarded and received", up - shed["queue-full"], tenant.total("packet_ins")
        )
        down = {
            outcome: int(self.metric("messages_total", slice=name, type="flow_mod", outcome=outcome))
            for outcome in ("forwarded", "denied")
        }
        yield same(f"{name}: flow-mods sent, and {down}", tenant.total("flow_mods"), sum(down.values()))
        denied = int(self.metric("messages_denied_total", slice=name))
        yield same(f"{name}: requests refused and errors received", denied, tenant.total("refused"))

    def verdict(self) -> list[Finding]:
        findings = list(self.accounts())
        begun, ended = self.resident[0][0], self.resident[-1][0]
        quarter = (ended - begun) / 4
        early = max(size for at, size in self.resident if quarter <= at - begun <= 2 * quarter)
        late = max(size for at, size in self.resident if at - begun >= 3 * quarter)
        text = f"memory: at most {early / MIB:.1f} MiB in the second quarter, {late / MIB:.1f} in the last"
        findings.append(Finding(text, late <= early * (1 + GROWTH_SHARE) + GROWTH_BYTES))
        findings.append(Finding("flowvisor still runs", self.flowvisor.program.is_running))
        errors = "own_error" in self.flowvisor.program.log.read_text()
        findings.append(Finding("no error of flowvisor's own", not errors))
        stalled = int(self.metric("switch_disconnects_total", reason="stalled"))
        text = f"datapaths that stopped reading: {self.stalls}, hung up on: {stalled}"
        findings.append(Finding(text, stalled >= self.stalls - 1))
        return findings

    @property
    def answered_in(self) -> str:
        """What the quiet slice noticed. Not judged: the load is in it, and whatever else the machine does."""
        waited = sorted(each for place in STEADY for each in self.datapaths[place].seconds)
        half, most = (percentile(waited, share) * 1e3 for share in (0.5, 0.99))
        return f"quiet: a packet-in is answered in {half:.0f} ms (median), {most:.0f} ms (99 of 100)"

    def close(self) -> None:
        self.flowvisor.close()
        self.loop.close()


def same(text: str, one: int, other: int) -> Finding:
    return Finding(
        f"{text}: {one:,} = {other:,}" if one == other else f"{text}: {one:,} and {other:,}", one == other
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="flowvisor-soak-") as folder:
        soak = Soak(Path(folder), arguments.seed)
        try:
            soak.bring_up()
            soak.go_on(arguments.minutes * 60)
            soak.calm_down()
            findings = soak.verdict()
            print(soak.answered_in)
        finally:
            soak.close()
    for finding in findings:
        print(f"{'ok  ' if finding.is_good else 'FAIL'} {finding.text}")
    return 0 if all(finding.is_good for finding in findings) else 1


if __name__ == "__main__":
    sys.exit(main())
