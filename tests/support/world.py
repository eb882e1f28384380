"""A whole network without a socket: the hypervisor, emulated datapaths, and tenants that tests speak for."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar

from attrs import evolve

from flowvisor.configuration.snapshot import Configuration, Settings
from flowvisor.emulation.datapath import EmulatedDatapath, Tell
from flowvisor.emulation.pipeline import Transmit
from flowvisor.errors import Place
from flowvisor.hypervisor.effects import (
    CloseChannels,
    Command,
    Effects,
    HangUp,
    OpenChannels,
    VirtualSwitchName,
    Wake,
)
from flowvisor.hypervisor.hypervisor import Hypervisor
from flowvisor.hypervisor.journal import encode_batch, encode_header, replay
from flowvisor.hypervisor.peers import Datapath, TenantChannel, VirtualSwitch
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.network.discovery import KEY_BYTES, PROBE_INTERVAL_SECONDS, Discovery
from flowvisor.network.topology import End
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import Error, FeaturesReply, FeaturesRequest, Message
from flowvisor.openflow.versions import codec
from flowvisor.planning.allocation import Allocations
from flowvisor.policies.policy import Policy
from flowvisor.slices.flowspace_slice import FlowspaceRule, FlowspaceSlice

M = TypeVar("M", bound=Message)
LOOK_SECONDS = 0.1
MAX_TRANSMITTED = 50_000  # packets of one test
NOWHERE = Place("slices/test.yaml", 1, 1)


def rule(
    *matches: Match, priority: int = 100, at: Iterable[int] | None = None, may_write: bool = True
) -> FlowspaceRule:
    """A rule at some datapaths (all, unless said)."""
    return FlowspaceRule(
        datapaths=None if at is None else frozenset(at),
        priority=priority,
        matches=matches,
        permissions=frozenset({"read", "write"} if may_write else {"read"}),
        place=NOWHERE,
    )


def ports(*numbers: int, **more: Any) -> FlowspaceRule:
    """A rule that owns whole ports."""
    return rule(*(Match.of(in_port=number) for number in numbers), **more)


def a_slice(
    name: str, *rules: FlowspaceRule, tables: int = 4, policies: Iterable[str] = ()
) -> FlowspaceSlice:
    """A slice with these rules."""
    return FlowspaceSlice(
        name=name,
        controllers=(parse_connection_method("tcp:127.0.0.1:6801"),),
        versions=frozenset({1, 4}),
        tables=tables,
        policies=tuple(policies),
        place=NOWHERE,
        rules=rules,
    )


def configuration(
    *slices: FlowspaceSlice, policies: Iterable[Policy] = (), sharing_seconds: float = 0.0
) -> Configuration:
    """A configuration of these slices and policies, and nothing else; each statistics request is asked by itself."""
    settings = Settings(
        listen=(parse_connection_method("ptcp:6653"),),
        admin=(parse_connection_method("ptcp:8080"),),
        state="state",
        slices="slices",
        policies="policies",
        datapaths={},
        admission="open",
        statistics_sharing_seconds=sharing_seconds,
    )
    ordered = tuple(sorted(slices, key=lambda one: one.name))
    return Configuration(settings=settings, slices=ordered, policies={one.name: one for one in policies})


class Controller:
    """A tenant's controller on one virtual switch: what it was sent, decoded, in order."""

    def __init__(self, world: World, name: VirtualSwitchName, version: int) -> None:
        self.world = world
        self.version = version
        self.inbox: list[Message] = []
        self.frames: list[bytes] = []
        self.channel, effects = world.hypervisor.controller_joined(name, "tcp:test", version, world.now)
        world.controllers[self.channel] = self
        world.perform(effects)

    @property
    def switch(self) -> VirtualSwitch:
        return self.channel.switch

    def receive(self, frame: bytes) -> None:
        self.frames.append(bytes(frame))
        self.inbox.append(codec(self.version).decode(bytes(frame)))

    def send(self, *messages: Message | bytes) -> list[Message]:
        """Send, let everything settle, and return what came back."""
        before = len(self.inbox)
        frames = [one if isinstance(one, bytes) else codec(self.version).encode(one) for one in messages]
        self.world.perform(self.world.hypervisor.from_controller(self.channel, frames, self.world.now))
        return self.inbox[before:]

    def ask(self, message: Message, kind: type[M]) -> M:
        """Send a request and return its only answer, which must be of this kind."""
        answers = self.send(message)
        assert len(answers) == 1, answers
        (answer,) = answers
        assert isinstance(answer, kind), answer
        assert answer.xid == message.xid
        return answer

    def refused(self, message: Message | bytes) -> tuple[int, int]:
        """Send a message that must be refused and return the error's type and code."""
        answers = self.send(message)
        assert len(answers) == 1, answers
        (answer,) = answers
        assert isinstance(answer, Error), answer
        frame = message if isinstance(message, bytes) else codec(self.version).encode(message)
        assert answer.data == frame[:64]
        return answer.error

    def heard(self, kind: type[M]) -> list[M]:
        """All messages of a kind so far."""
        return [one for one in self.inbox if isinstance(one, kind)]

    def leave(self) -> None:
        """Hang up."""
        del self.world.controllers[self.channel]
        self.world.perform(self.world.hypervisor.controller_left(self.channel, self.world.now))


class World:
    """Everything together; every call returns when nothing moves any more."""

    def __init__(
        self,
        slices: Iterable[FlowspaceSlice],
        datapaths: Iterable[EmulatedDatapath],
        allocations: Allocations | None = None,
        policies: Iterable[Policy] = (),
        *,
        cables: Iterable[tuple[tuple[int, int], tuple[int, int]]] | None = None,
        declared: Iterable[tuple[tuple[int, int], tuple[int, int]]] = (),
        sharing_seconds: float = 0.0,
    ) -> None:
        """With `cables`, each from (dpid, port) to (dpid, port), links are looked for, even if there are none."""
        self.cables = {End(*one): End(*other) for pair in cables or () for one, other in (pair, pair[::-1])}
        self.now = 1000.0
        self._looks_for_links = cables is not None
        written = configuration(*slices, policies=policies, sharing_seconds=sharing_seconds)
        links = tuple((End(*one), End(*other)) for one, other in declared)
        written = evolve(written, settings=evolve(written.settings, links=links))
        self.hypervisor = Hypervisor(written, allocations or Allocations(), {}, self._discovery())
        self.journals: dict[int, bytes] = {}  # what the shell has written, by dpid
        self.emulated: dict[int, EmulatedDatapath] = {}
        self.peers: dict[Datapath, EmulatedDatapath] = {}
        self.controllers: dict[TenantChannel, Controller] = {}
        self.commands: list[Command] = []
        self.wakes_at: list[float] = []  # when the hypervisor wants to be called
        self.open: set[VirtualSwitchName] = set()
        self.transmitted: list[tuple[int, int, bytes]] = []  # dpid, port, packet
        self.to_datapaths: list[tuple[int, bytes]] = []  # every frame that went south
        self._queue: deque[tuple[str, Any, bytes]] = deque()
        self._is_running = False
        for datapath in datapaths:
            self.join(datapath)

    def join(self, emulated: EmulatedDatapath) -> Datapath:
        """Connect a datapath."""
        (told,) = emulated.from_controller(FeaturesRequest(), self.now)
        assert isinstance(told, Tell)
        assert isinstance(told.message, FeaturesReply)
        features = told.message
        peer, effects = self.hypervisor.datapath_joined(emulated.version, features, self.now)
        self.emulated[emulated.dpid] = emulated
        self.peers[peer] = emulated
        self.perform(effects)
        return peer

    def leave(self, dpid: int) -> None:
        """A datapath's connection breaks."""
        peer = next(one for one in self.peers if one.dpid == dpid)
        del self.peers[peer]
        self.emulated[dpid].disconnect()
        self.perform(self.hypervisor.datapath_left(peer, self.now))

    def restart(self, configured: Configuration | None = None) -> None:
        """Kill the hypervisor and start another one, with what the journals say; then the datapaths come back."""
        remembered = {dpid: replay(data, dpid).known for dpid, data in self.journals.items()}
        old = self.hypervisor
        self.hypervisor = Hypervisor(
            configured or old.configuration, old.allocations, remembered, self._discovery()
        )
        self.peers.clear()
        self.controllers.clear()
        self.open.clear()
        self._queue.clear()
        for emulated in list(self.emulated.values()):
            emulated.disconnect()
            self.join(emulated)

    def _discovery(self) -> Discovery | None:
        return Discovery(key=bytes(KEY_BYTES), random=lambda: 0.5) if self._looks_for_links else None

    def look_for_links(self, seconds: float = PROBE_INTERVAL_SECONDS + 1.0) -> None:
        """Let time pass in the steps in which the shell lets the hypervisor look for links."""
        for _ in range(round(seconds / LOOK_SECONDS)):
            self.now += LOOK_SECONDS
            self.perform(self.hypervisor.probe(self.now))

    def reload(self, configured: Configuration) -> None:
        """Other files count from now on."""
        self.perform(self.hypervisor.reload(configured, self.now))

    def controller(self, slice_name: str, dpid: int = 1, version: int = 4) -> Controller:
        """Connect a controller of a slice to its virtual switch at a datapath."""
        return Controller(self, VirtualSwitchName(slice_name, dpid), version)

    def packet(self, dpid: int, port: int, data: bytes) -> list[tuple[int, bytes]]:
        """A host sends a packet; return where it left the datapath, as (port, packet)."""
        before = len(self.transmitted)
        self._datapath_does(dpid, self.emulated[dpid].from_port(port, data, self.now))
        self._run()
        return [(port, packet) for _, port, packet in self.transmitted[before:]]

    def pass_time(self, seconds: float) -> None:
        """Let time pass for everybody."""
        self.now += seconds
        for dpid, emulated in self.emulated.items():
            self._datapath_does(dpid, emulated.tick(self.now))
        self.perform(self.hypervisor.tick(self.now))
        self._wake()

    def change(self, dpid: int, effects: Iterable[Any]) -> None:
        """Carry out what an emulated datapath did by itself (a port came, a link went)."""
        self._datapath_does(dpid, effects)
        self._run()

    def perform(self, effects: Effects) -> None:
        """What the shell does with effects."""
        for dpid, records in effects.records.items():
            self.journals[dpid] = self.journals.get(dpid, encode_header(dpid)) + encode_batch(records)
        for peer, frames in effects.frames.items():
            for frame in frames:
                self._queue.append(("frame", peer, frame))
        for command in effects.commands:
            self.commands.append(command)
            if isinstance(command, OpenChannels):
                self.open.add(command.switch)
            elif isinstance(command, CloseChannels):
                self.open.discard(command.switch)
            elif isinstance(command, HangUp) and isinstance(command.peer, Datapath):
                self.peers.pop(command.peer, None)
            elif isinstance(command, Wake):
                self.wakes_at.append(command.at)
        self._run()

    def _run(self) -> None:
        if self._is_running:
            return
        self._is_running = True
        while self._queue:
            _, peer, frame = self._queue.popleft()
            if isinstance(peer, End):
                arrived = self.emulated[peer.dpid].from_port(peer.port, frame, self.now)
                self._datapath_does(peer.dpid, arrived)
            elif isinstance(peer, Datapath):
                emulated = self.peers.get(peer)
                if emulated is not None:
                    self.to_datapaths.append((peer.dpid, bytes(frame)))
                    effects = emulated.from_controller(bytes(frame), self.now)
                    self._datapath_does(peer.dpid, effects)
            elif peer in self.controllers:
                self.controllers[peer].receive(frame)
        self._is_running = False
        self._wake()

    def _wake(self) -> None:
        """Call the hypervisor as it asked to be, if the time has come."""
        due = [at for at in self.wakes_at if at <= self.now]
        if due:
            self.wakes_at = [at for at in self.wakes_at if at > self.now]
            self.perform(self.hypervisor.wake(self.now))

    def _datapath_does(self, dpid: int, effects: Iterable[Any]) -> None:
        peer = next((one for one in self.peers if one.dpid == dpid), None)
        for effect in effects:
            if isinstance(effect, Transmit):
                self.transmitted.append((dpid, effect.port, effect.packet))
                far = self.cables.get(End(dpid, effect.port))
                if far is not None:
                    assert len(self.transmitted) < MAX_TRANSMITTED, "packets go round and round"
                    self._queue.append(("packet", far, effect.packet))
            elif peer is not None:
                frame = codec(peer.version).encode(effect.message)
                self.perform(self.hypervisor.from_datapath(peer, [frame], self.now))


def stripped(messages: Iterable[Message]) -> list[Message]:
    """Messages without their xids, for comparing."""
    return [evolve(message, xid=0) for message in messages]


def flows_of(world: World, dpid: int, table_id: int = 0) -> Mapping[int, list[Any]]:
    """The flow entries of a physical table, by priority."""
    found: dict[int, list[Any]] = {}
    for entry in world.emulated[dpid].pipeline.tables[table_id]:
        found.setdefault(entry.priority, []).append(entry)
    return found
