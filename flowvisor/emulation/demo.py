"""The demo: the configured slices on an emulated network, and who really reaches whom in it.

Strategy: everything is real but the network: the hypervisor is the one that `flowvisor run` runs, datapaths and
controllers speak OpenFlow with it over loopback TCP. The service is handed in, because it is above emulation.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, Protocol

import click
from attrs import define, frozen
from twisted.internet.defer import Deferred, ensureDeferred
from twisted.internet.error import CannotListenError
from twisted.internet.task import LoopingCall, deferLater

from flowvisor.configuration.snapshot import Configuration
from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.emulation.hosts import Host
from flowvisor.emulation.network import Network
from flowvisor.emulation.promise import NO_PROMISE, Promise, promise_of
from flowvisor.emulation.shell import LearningController, RunningNetwork
from flowvisor.errors import FlowVisorError
from flowvisor.network.connection_method import ConnectionMethod
from flowvisor.slices.slice import Slice

LEAF_1, LEAF_2, SPINE_1 = 1, 2, 3
PORTS: Final = {LEAF_1: (1, 2, 3, 4, 5), LEAF_2: (1, 2, 3, 4, 5), SPINE_1: (1, 2, 3, 4, 5, 6, 7)}
LINKS: Final = (
    ((LEAF_1, 3), (SPINE_1, 1)),
    ((LEAF_1, 4), (SPINE_1, 2)),
    ((LEAF_2, 3), (SPINE_1, 3)),
    ((LEAF_2, 4), (SPINE_1, 4)),
)
PLACES_OF_HOSTS: Final = (
    *((LEAF_1, 1), (LEAF_1, 2), (LEAF_2, 1), (LEAF_2, 2), (SPINE_1, 5), (SPINE_1, 6)),
    *((LEAF_1, 5), (LEAF_2, 5), (SPINE_1, 7)),
)
OPENFLOW_1_3: Final = 4
LOOPBACK: Final = "127.0.0.1"

JOIN_SECONDS: Final = 6.0  # for all channels to come up
PING_SECONDS: Final = 5.0  # for all promised answers to come
LEAST_PING_SECONDS: Final = 1.0  # for answers to come that were not promised
RETRY_SECONDS: Final = 0.5
POLL_SECONDS: Final = 0.05
KEEP_PINGING_SECONDS: Final = 5.0  # with --keep, so that there is something to see in the metrics


class DemoError(FlowVisorError):
    """The demo cannot be shown; the text is for whoever asked for it."""


class Startable(Protocol):
    """What the demo needs of the service."""

    @property
    def datapath_port(self) -> int: ...
    @property
    def admin_port(self) -> int: ...

    def start(self) -> Deferred[None]: ...
    def stop(self) -> Deferred[None]: ...


MakeService = Callable[..., Startable]  # (configuration, *, state_directory)
Say = Callable[[str], None]


@frozen
class Sight:
    """From one host to another: what was promised and what was seen."""

    one: str
    other: str
    promised: Promise
    reached: bool
    heard: bool

    @property
    def is_leak(self) -> bool:
        return (self.reached and not self.promised.reaches) or (self.heard and not self.promised.may_be_heard)

    @property
    def is_missing(self) -> bool:
        return self.promised.reaches and not self.reached


def build_network(configuration: Configuration, now: float) -> Network:
    """A line of three datapaths with two links between neighbours, and three hosts at each."""
    network = Network()
    for dpid, ports in PORTS.items():
        network.add(EmulatedDatapath(dpid, OPENFLOW_1_3, ports, now=now))
    for one, other in LINKS:
        network.link(one, other)
    for i, (dpid, port) in enumerate(PLACES_OF_HOSTS, 1):
        name = f"{configuration.datapath_name(dpid)}/{port}"
        network.attach(Host(name, mac=0x02_00_00_00_00_00 | i, ip=0x0A_00_00_00 | i), dpid, port)
    return network


def local_controller(slice_: Slice) -> ConnectionMethod | None:
    """The first of a slice's controllers that is to be on this machine, at a known port."""
    for method in slice_.controllers:
        if method.kind == "tcp" and method.host in (LOOPBACK, "localhost") and method.port:
            return method
    return None


@define(eq=False)
class Demo:
    """One showing. `say` gets lines of progress."""

    configuration: Configuration
    reactor: Any
    service: Startable
    say: Say
    network: Network
    running: RunningNetwork
    controllers: dict[str, LearningController]
    pinging: LoopingCall | None = None

    @classmethod
    def of(cls, configuration: Configuration, reactor: Any, service: Startable, say: Say) -> Demo:
        network = build_network(configuration, reactor.seconds())
        running = RunningNetwork(reactor, network)
        return cls(configuration, reactor, service, say, network, running, {})

    async def run(self) -> list[Sight]:
        """Start everything, let all hosts ping each other, and tell what was seen. Raises FlowVisorError."""
        await self._start_controllers()
        await self.service.start()
        methods = self.configuration.settings.listen
        host = next((method.host or LOOPBACK for method in methods if method.kind == "ptcp"), None)
        if host is None:
            raise DemoError("the demo's datapaths know no TLS: write a ptcp: under listen")
        self.say(f"flowvisor listens for datapaths on port {self.service.datapath_port}")
        self.running.start()
        for dpid in self.network.datapaths:
            self.running.connect(dpid, host, self.service.datapath_port)
        await self._wait_until_joined()
        return await self._ping()

    async def _start_controllers(self) -> None:
        for slice_ in self.configuration.slices:
            method = local_controller(slice_)
            if method is None or method.port is None:
                self.say(f"{slice_.name}: none of its controllers would be on this machine; it gets none")
                continue
            versions = frozenset({max(slice_.versions)})
            controller = LearningController(self.reactor, versions)
            try:
                await controller.listen(LOOPBACK, method.port)
            except CannotListenError as error:
                raise DemoError(
                    f"the controller of {slice_.name} cannot listen on {LOOPBACK}:{method.port}: "
                    f"{error.socketError}; is another demo running?"
                ) from error
            self.controllers[slice_.name] = controller
            self.say(f"{slice_.name}: a learning controller ({_names(versions)}) listens on {method.port}")

    def _wanted(self) -> dict[str, set[int]]:
        """The datapaths that each controller is to see."""
        datapaths = set(self.network.datapaths)
        wanted = {
            one.name: {dpid for dpid in datapaths if one.rules_at(dpid)}
            for one in self.configuration.flowspace_slices
        }
        for network in self.configuration.virtual_networks:
            switches = network.logical.values()
            wanted[network.name] = {one.dpid for one in switches if one.datapaths & datapaths}
        return {name: dpids for name, dpids in wanted.items() if name in self.controllers}

    async def _wait_until_joined(self) -> None:
        wanted = self._wanted()

        def are_joined() -> bool:
            return self.running.connected_datapaths == set(self.network.datapaths) and all(
                len(self.controllers[name].dpids) >= len(dpids) for name, dpids in wanted.items()
            )

        await self._wait(are_joined, JOIN_SECONDS)
        absent = set(self.network.datapaths) - self.running.connected_datapaths
        if absent:
            names = ", ".join(map(self.configuration.datapath_name, sorted(absent)))
            raise DemoError(f"no OpenFlow channel between flowvisor and {names}")
        for name, dpids in wanted.items():
            seen = self.controllers[name].dpids
            if len(seen) < len(dpids):
                raise DemoError(f"the controller of {name} sees {len(seen)} of {len(dpids)} switches")
            self.say(f"{name}: its controller sees {_counted(len(seen))}")

    async def _wait(self, is_done: Callable[[], bool], seconds: float) -> None:
        until = self.reactor.seconds() + seconds
        while not is_done() and self.reactor.seconds() < until:
            await deferLater(self.reactor, POLL_SECONDS)

    def promises(self) -> dict[tuple[str, str], Promise]:
        """What the files promise for every pair of hosts; without a controller nothing is forwarded."""
        hosts = self.network.hosts.values()
        found = {
            (one.name, other.name): promise_of(self.configuration, self.network, one, other)
            for one in hosts
            for other in hosts
            if one is not other
        }
        return {
            pair: each if each.slice_name in self.controllers else NO_PROMISE._replace(slice_name=each[0])
            for pair, each in found.items()
        }

    async def _ping(self) -> list[Sight]:
        promises = self.promises()
        hosts = self.network.hosts
        self.say(f"{len(hosts)} hosts ping each other")
        began = self.reactor.seconds()

        def is_seen(pair: tuple[str, str]) -> bool:
            return hosts[pair[1]].ip in hosts[pair[0]].answered

        def is_done() -> bool:
            return all(is_seen(pair) for pair, each in promises.items() if each.reaches)

        pairs = list(promises)
        while self.reactor.seconds() - began < PING_SECONDS:
            for one, other in pairs:
                self.running.send(hosts[one], hosts[one].ping(hosts[other].ip))
            await self._wait(is_done, RETRY_SECONDS)
            if is_done() and self.reactor.seconds() - began >= LEAST_PING_SECONDS:
                break
            pairs = [pair for pair in promises if promises[pair].reaches and not is_seen(pair)]
            await deferLater(self.reactor, RETRY_SECONDS if not pairs else 0)
        return [
            Sight(
                one,
                other,
                promised,
                reached=is_seen((one, other)),
                heard=hosts[one].mac in hosts[other].heard_from(),
            )
            for (one, other), promised in promises.items()
        ]

    def keep_pinging(self) -> None:
        """Let there be traffic until the end."""

        def ping() -> None:
            for host in self.network.hosts.values():
                for other in self.network.hosts.values():
                    if other is not host:
                        self.running.send(host, host.ping(other.ip))

        self.pinging = LoopingCall(ping)
        self.pinging.clock = self.reactor
        self.pinging.start(KEEP_PINGING_SECONDS, now=False)

    async def stop(self) -> None:
        """Close everything; to be called twice does no harm."""
        if self.pinging is not None and self.pinging.running:
            self.pinging.stop()
        await self.running.stop()
        await self.service.stop()
        for controller in self.controllers.values():
            await controller.stop()
        self.controllers.clear()


def _counted(switches: int) -> str:
    return "1 switch" if switches == 1 else f"{switches} switches"


def _names(versions: frozenset[int]) -> str:
    return ", ".join(f"OpenFlow 1.{version - 1}" for version in sorted(versions))


def agrees(sights: list[Sight]) -> bool:
    """Whether all is as promised, and anything was."""
    return not any(each.is_leak or each.is_missing for each in sights)


def as_table(sights: list[Sight]) -> str:
    """Who reaches whom, in rows by slice."""
    slice_of = {each.one: each.promised.slice_name or "nobody's" for each in sights}
    names = sorted(slice_of, key=lambda name: (slice_of[name], name))
    by_pair = {(each.one, each.other): each for each in sights}
    first = max(len("from"), *(len(f"{slice_of[name]}  {name}") for name in names))
    width = max(len("MISSING"), *(len(name) for name in names)) + 2
    lines = ["from".ljust(first) + "".join(name.rjust(width) for name in names)]
    for one in names:
        row = f"{slice_of[one]}  {one}".ljust(first)
        for other in names:
            text, colour = _mark(by_pair.get((one, other)))
            row += click.style(text.rjust(width), fg=colour)
        lines.append(row)
    return "\n".join(lines)


def _mark(sight: Sight | None) -> tuple[str, str | None]:
    if sight is None:
        return "", None
    if sight.is_leak:
        return "LEAK", "red"
    if sight.is_missing:
        return "MISSING", "red"
    return ("yes", "green") if sight.reached else ("-", None)


def as_json_object(sights: list[Sight], seconds: float) -> dict[str, Any]:
    return {
        "ok": agrees(sights),
        "seconds": round(seconds, 3),
        "pairs": [
            {
                "from": each.one,
                "to": each.other,
                "slice": each.promised.slice_name,
                "promised": each.promised.reaches,
                "reached": each.reached,
                "heard": each.heard,
                "as_promised": not (each.is_leak or each.is_missing),
            }
            for each in sights
        ],
    }


def run_demo(configuration: Configuration, *, keep: bool, as_json: bool, make_service: MakeService) -> int:
    """Show the demo on the terminal; return the exit status, 0 if all was as promised.

    `make_service` is called with the configuration and `state_directory`.
    """
    from twisted.internet import reactor  # late, because importing it installs it

    def say(line: str) -> None:
        click.echo(line, file=sys.stderr if as_json else sys.stdout)

    status = 1
    with TemporaryDirectory(prefix="flowvisor-demo-") as folder:
        service = make_service(configuration, state_directory=Path(folder))
        demo = Demo.of(configuration, reactor, service, say)

        async def show() -> None:
            nonlocal status
            try:
                status = await _show(demo, as_json=as_json, keep=keep)
            except FlowVisorError as error:
                click.echo(f"flowvisor: {error}", err=True)
            except Exception:
                reactor.stop()
                raise
            if status or not keep:
                reactor.stop()

        def begin() -> None:
            ensureDeferred(show()).addErrback(lambda failure: click.echo(failure.getTraceback(), err=True))

        reactor.callWhenRunning(begin)
        reactor.addSystemEventTrigger("before", "shutdown", lambda: ensureDeferred(demo.stop()))
        reactor.run()
    return status


async def _show(demo: Demo, *, as_json: bool, keep: bool) -> int:
    began = demo.reactor.seconds()
    sights = await demo.run()
    seconds = demo.reactor.seconds() - began
    if as_json:
        click.echo(json.dumps(as_json_object(sights, seconds), indent=2))
    else:
        click.echo("\n" + as_table(sights) + "\n")
        if agrees(sights):
            click.echo(click.style("as promised", fg="green") + f", in {seconds:.1f} s")
        else:
            click.secho("not what the files promise", fg="red")
    if keep:
        admin = demo.configuration.settings.admin[0]
        address = f"http://{admin.host or LOOPBACK}:{demo.service.admin_port}/metrics"
        demo.say(f"running until Ctrl-C; metrics: {address}")
        demo.keep_pinging()
    return 0 if agrees(sights) else 1
