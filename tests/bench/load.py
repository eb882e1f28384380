"""Load from both sides: bring switches and controllers up round a subject, keep it busy, and count."""

import contextlib
import gc
import time
from collections.abc import Iterator, Sequence

import attrs

from tests.bench.peers import Loop, Switch, Tenant
from tests.bench.subjects import Subject
from tests.bench.wire import ACTION, DIALECTS, NO_MATCH, Numbering

UP_SECONDS = 60.0
WARM_UP_SECONDS = 1.0
DRAIN_SECONDS = 1.0


@attrs.frozen
class Shape:
    """How the load looks."""

    datapaths: int
    outstanding: int  # packet-ins of each datapath
    switches_version: str
    tenants_version: str
    slices: int
    rules: int  # of all slices together
    has_policies: bool = False  # each slice has a quota, a rate-limit and an acl, none of which it meets
    is_virtual: bool = (
        False  # the slice is a virtual network, with a switch on each datapath that has all its ports
    )

    @property
    def numbering(self) -> Numbering:
        return Numbering(slices=self.slices, rules_per_slice=self.rules // self.slices)

    @property
    def reason(self) -> int:
        """Why the switches ask: a 1.3 tenant is told of a miss by an entry of its own, also on a 1.0 switch."""
        return ACTION if (self.switches_version, self.tenants_version) == ("1.0", "1.3") else NO_MATCH

    @property
    def versions(self) -> str:
        same = self.switches_version == self.tenants_version
        return self.switches_version if same else f"{self.switches_version}<{self.tenants_version}"


@attrs.frozen
class Figures:
    """What was measured."""

    round_trips_per_second: float
    p50_us: float
    p99_us: float
    cpu_us: float  # of the subject, for one round trip
    cpu_share: float  # of one core
    kib_per_virtual_switch: float
    up_seconds: float
    unanswered: int  # packet-ins that got no answer when the load ended
    errors: int  # OpenFlow errors that either side received


class Load:
    """The peers round one subject."""

    def __init__(self, loop: Loop, tenants: Sequence[Tenant], shape: Shape) -> None:
        self.loop, self.tenants, self.shape = loop, tenants, shape
        self.switches: list[Switch] = []
        self.up_seconds = 0.0

    def connect(self, subject: Subject, *, has_classifier: bool) -> None:
        """Bring every channel up; each switch with a classifier waits until it knows each slice's block."""
        begun = time.perf_counter()
        dialect = DIALECTS[self.shape.switches_version]()
        for number in range(1, self.shape.datapaths + 1):
            address = ("127.0.0.1", subject.port)
            self.switches.append(Switch(self.loop, address, dpid=number, dialect=dialect))
        blocks = self.shape.slices if has_classifier and self.shape.switches_version != "1.0" else 0

        def is_up() -> bool:
            channels = all(tenant.ready == self.shape.datapaths for tenant in self.tenants)
            return channels and all(len(switch.blocks) == blocks for switch in self.switches)

        if not self.loop.run(UP_SECONDS, until=is_up):
            up = [tenant.ready for tenant in self.tenants]
            known = [len(switch.blocks) for switch in self.switches]
            raise AssertionError(
                f"not up in {UP_SECONDS} s: channels {up}, blocks known {known}\n{subject.program.said}"
            )
        self.up_seconds = time.perf_counter() - begun

    def measure(self, subject: Subject, seconds: float) -> Figures:
        """Warm up, then count for so many seconds."""
        virtual_switches = self.shape.datapaths * len(self.tenants)
        memory = (subject.resident_bytes - subject.idle_bytes) / 1024 / virtual_switches
        for switch in self.switches:
            switch.start(
                self.shape.numbering,
                outstanding=self.shape.outstanding,
                reason=self.shape.reason,
                has_metadata=self.shape.is_virtual,
            )
        self.loop.run(WARM_UP_SECONDS)
        gc.collect()
        gc.disable()
        for switch in self.switches:
            switch.forget()
        cpu, begun = subject.cpu_seconds, time.perf_counter()
        # Never asleep: the load has a core of its own, and its waking up is not to be in the figures.
        self.loop.run(seconds, longest_sleep_seconds=0)
        cpu, taken = subject.cpu_seconds - cpu, time.perf_counter() - begun
        gc.enable()
        latencies = sorted(each for switch in self.switches for each in switch.seconds)
        round_trips = sum(switch.round_trips for switch in self.switches)
        for switch in self.switches:
            switch.stop()
        self.loop.run(DRAIN_SECONDS, until=lambda: not any(switch.outstanding for switch in self.switches))
        return Figures(
            round_trips_per_second=round_trips / taken,
            p50_us=percentile(latencies, 0.50) * 1e6,
            p99_us=percentile(latencies, 0.99) * 1e6,
            cpu_us=cpu / max(1, round_trips) * 1e6,
            cpu_share=cpu / taken,
            kib_per_virtual_switch=memory,
            up_seconds=self.up_seconds,
            unanswered=sum(switch.outstanding for switch in self.switches),
            errors=sum(len(peer.errors) for peer in [*self.switches, *self._controllers()]),
        )

    def _controllers(self) -> list:
        return [controller for tenant in self.tenants for controller in tenant.controllers]

    def close(self) -> None:
        for switch in self.switches:
            switch.close()
        for tenant in self.tenants:
            tenant.close()
        self.loop.close()


@contextlib.contextmanager
def load(shape: Shape, *, tenants: int) -> Iterator[Load]:
    """Tenants that listen; the subject that dials them is started by whoever asks."""
    loop = Loop()
    made = Load(loop, [Tenant(loop, shape.tenants_version) for _ in range(tenants)], shape)
    try:
        yield made
    finally:
        made.close()


def percentile(ordered: Sequence[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")
