"""An emulated datapath that notes what happens in it: which entries each packet met, and where it left.

It can also buffer packets although it was asked not to, as some datapaths do; its few buffer ids come round soon.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import define, evolve, field, frozen

from flowvisor.emulation.controllers import ControllerId
from flowvisor.emulation.datapath import Effect, EmulatedDatapath, Tell
from flowvisor.emulation.flow_table import FlowEntry, FlowTable
from flowvisor.emulation.pipeline import ToController, Transmit
from flowvisor.errors import FlowVisorError
from flowvisor.hypervisor.flow_table import PIECE_COOKIE, PIECE_COOKIE_MASK
from flowvisor.openflow import messages as m
from flowvisor.openflow.actions import Output
from flowvisor.openflow.frame import xid_of
from flowvisor.openflow.messages import NO_BUFFER
from flowvisor.openflow.ports import TABLE
from flowvisor.openflow.versions import codec

N_BUFFERS = 4


@frozen
class Met:
    """A packet met an entry of a table."""

    table_id: int
    entry: FlowEntry


@frozen
class Arrival:
    """A packet that came in at a port."""

    port: int
    packet: bytes


@frozen(kw_only=True)
class Event:
    """One packet or one frame that came to a datapath, and what came of it.

    `arrival` is None for a frame; `sender` is whose frame it was, None if the hypervisor's own. `punted` are the
    packets told to the controller, `released` is the arrival of a packet that was taken out of a buffer, `shown`
    what it was when it was buffered.
    """

    dpid: int
    arrival: Arrival | None = None
    frame: bytes = b""
    sender: str | None = None
    met: tuple[Met, ...] = ()
    left: tuple[Transmit, ...] = ()
    punted: tuple[Arrival, ...] = ()
    released: Arrival | None = None
    shown: Arrival | None = None


@define(eq=False)
class WatchedTable(FlowTable):
    """A table that notes which of its entries were met."""

    met: list[Met] = field(factory=list, kw_only=True)

    def lookup(self, fields: Mapping[str, int]) -> FlowEntry | None:
        entry = super().lookup(fields)
        if entry is not None:
            self.met.append(Met(self.table_id, entry))
        return entry


class WatchedDatapath(EmulatedDatapath):
    """`events` is where everything is noted; `sender_of` says whose a frame is, by its xid."""

    def __init__(
        self,
        dpid: int,
        version: int,
        ports: Iterable[int],
        *,
        n_tables: int,
        has_buffers: bool = False,
    ) -> None:
        super().__init__(dpid, version, ports, n_tables=n_tables)
        self.events: list[Event] = []
        self.sender_of: Callable[[int, int], str | None] = lambda _dpid, _xid: None
        self.owner_by_cookie: dict[int, str] = {}
        self._met: list[Met] = []
        self._has_buffers = has_buffers
        self._buffers: dict[int, tuple[Arrival, Arrival]] = {}  # as it came in, as it was shown
        self._buffers_used = 0
        self._arrival: Arrival | None = None
        self.pipeline.tables[:] = [WatchedTable(number, met=self._met) for number in range(n_tables)]

    def from_port(self, port: int, packet: bytes, now: float) -> list[Effect]:
        self._met.clear()
        self._arrival = Arrival(port, packet)
        effects = super().from_port(port, packet, now)
        self._note(effects, arrival=self._arrival)
        self._arrival = None
        return effects

    def from_controller(
        self, request: m.Message | bytes, now: float, controller: ControllerId = 0
    ) -> list[Effect]:
        if not isinstance(request, bytes):
            return super().from_controller(request, now, controller)
        self._met.clear()
        sender = self.sender_of(self.dpid, xid_of(request))
        released: Arrival | None = None
        shown: Arrival | None = None
        try:
            message = codec(self.version).decode(request)
        except FlowVisorError:
            message = None
        buffer_id = getattr(message, "buffer_id", NO_BUFFER)
        if isinstance(message, m.PacketOut) and buffer_id in self._buffers:
            released, shown = self._buffers.pop(buffer_id)
            out = evolve(message, buffer_id=NO_BUFFER, data=shown.packet)
            effects = super().from_controller(out, now, controller)
        elif isinstance(message, m.FlowMod) and buffer_id in self._buffers:
            released, shown = self._buffers.pop(buffer_id)
            effects = super().from_controller(evolve(message, buffer_id=NO_BUFFER), now, controller)
            out = m.PacketOut(in_port=released.port, actions=(Output(TABLE),), data=shown.packet)
            effects += super().from_controller(out, now, controller)
        else:
            effects = super().from_controller(request, now, controller)
        if isinstance(message, m.FlowMod) and message.command == m.ADD and sender is not None:
            self.owner_by_cookie[message.cookie] = sender
        self._note(effects, frame=request, sender=sender, released=released, shown=shown)
        return effects

    def _note(self, effects: Iterable[Effect], **how: Any) -> None:
        left = tuple(one for one in effects if isinstance(one, Transmit))
        punted = tuple(
            Arrival(one.message.match.fields["in_port"][0], one.message.data)
            for one in effects
            if isinstance(one, Tell) and isinstance(one.message, m.PacketIn)
        )
        if left or punted or self._met or how.get("released") is not None:
            event = Event(dpid=self.dpid, met=tuple(self._met), left=left, punted=punted, **how)
            self.events.append(event)

    def _packet_in(self, punted: ToController) -> list[Effect]:
        told = super()._packet_in(punted)
        if not self._has_buffers or self._arrival is None or not told:
            return told
        self._buffers_used += 1
        buffer_id = self._buffers_used % N_BUFFERS
        self._buffers[buffer_id] = self._arrival, Arrival(punted.in_port, punted.packet)
        return [
            evolve(one, message=evolve(one.message, buffer_id=buffer_id))
            for one in told
            if isinstance(one, Tell)
        ]

    @property
    def buffers_in_use(self) -> list[int]:
        return sorted(self._buffers)

    def owner_of(self, entry: FlowEntry) -> str | None:
        """Whose a piece of an entry is: of whoever's frame brought it."""
        if entry.cookie & PIECE_COOKIE_MASK != PIECE_COOKIE:
            return None
        return self.owner_by_cookie.get(entry.cookie)
