"""An OpenFlow datapath in software, sans I/O: messages and packets in, effects out.

It offers no packet buffers: a packet-in holds the whole packet, and a buffer id is answered with BUFFER_UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Union

from attrs import define, evolve, frozen

from flowvisor.emulation import capabilities
from flowvisor.emulation.controllers import ControllerId, Controllers
from flowvisor.emulation.flow_table import MAX_ENTRIES, FlowEntry, FlowTable
from flowvisor.emulation.legality import refuse
from flowvisor.emulation.modifications import Modifications, Removed
from flowvisor.emulation.pipeline import Outcome, Pipeline, ToController, Transmit
from flowvisor.emulation.statistics import PortCounters, Statistics, elapsed
from flowvisor.errors import FlowVisorError, OpenFlowError
from flowvisor.openflow import error_codes, ports
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.frame import xid_of
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import Port
from flowvisor.openflow.traits import TRAITS
from flowvisor.openflow.versions import codec

N_TABLES: Final = 254
MAX_PACKET_BYTES: Final = 0xFFFF - 256  # what a packet-in has room for
ERROR_DATA_BYTES: Final = 64  # what an error holds of the request (1.3.5, section 7.4.4)


@frozen
class Tell:
    """A message goes to one controller."""

    controller: ControllerId
    message: m.Message


Effect = Union[Transmit, Tell]  # noqa: UP007 - a runtime alias for Python 3.10's isinstance


@define(eq=False, init=False)
class EmulatedDatapath:
    """One datapath. `ports` are descriptions or bare numbers; controllers are known by numbers of the caller's."""

    dpid: int
    version: int
    pipeline: Pipeline
    statistics: Statistics
    _modifications: Modifications
    _controllers: Controllers

    def __init__(
        self,
        dpid: int,
        version: int = 4,
        ports: Iterable[Port | int] = (),
        *,
        n_tables: int | None = None,
        max_entries: int = MAX_ENTRIES,
        queues: Mapping[int, tuple[m.PacketQueue, ...]] | None = None,
        description: mp.DescReply = capabilities.DESCRIPTION,
        now: float = 0.0,
    ) -> None:
        traits = TRAITS[version]
        count = n_tables or (N_TABLES if traits.has_tables else 1)
        self.dpid = dpid
        self.version = version
        self.pipeline = Pipeline(
            [FlowTable(table_id, max_entries) for table_id in range(count)],
            {},
            misses_are_punted=traits.unmatched_to_controller,
        )
        self.statistics = Statistics(self.pipeline, queues or {}, description, started_at=now)
        self._modifications = Modifications(self.pipeline, traits)
        self._controllers = Controllers()
        for port in ports:
            self._put_port(port if isinstance(port, Port) else self._port(port), now)

    def _port(self, number: int) -> Port:
        hw_addr = bytes([2, *self.dpid.to_bytes(8, "big")[-3:], number >> 8 & 0xFF, number & 0xFF])
        return Port(
            number, hw_addr=hw_addr, name=f"port-{number}", state=ports.LIVE if self.version > 1 else 0
        )

    def _put_port(self, port: Port, now: float) -> None:
        self.pipeline.ports[port.number] = port
        self.statistics.ports.setdefault(port.number, PortCounters(since=now))

    # ------------------------------------------------------------------------------- what the world does

    def connect(self, controller: ControllerId = 0) -> None:
        """A controller's channel is up; from now on it is told what happens."""
        self._controllers.connect(controller)

    def disconnect(self, controller: ControllerId = 0) -> None:
        """A controller's channel is gone. Flow entries stay, as in fail-secure mode."""
        self._controllers.disconnect(controller)

    def from_port(self, port: int, packet: bytes, now: float) -> list[Effect]:
        """A packet arrives at a port."""
        counters = self.statistics.ports.get(port)
        if counters is None:
            return []
        if not self.pipeline.may_receive(port):
            counters.rx_dropped += 1
            return []
        counters.rx_packets += 1
        counters.rx_bytes += len(packet)
        return self._effects_of(self.pipeline.receive(packet, port, now))

    def tick(self, now: float) -> list[Effect]:
        """Time passes: entries expire."""
        expired = [
            Removed(table.table_id, entry, reason)
            for table in self.pipeline.tables
            for entry, reason in table.expire(now)
        ]
        return self._flows_removed(expired, now)

    def set_link(self, port: int, *, is_up: bool) -> list[Effect]:
        """The cable of a port is plugged in or pulled out."""
        old = self.pipeline.ports[port]
        live = ports.LIVE if self.version > 1 else 0
        state = old.state & ~ports.LINK_DOWN | live if is_up else old.state & ~live | ports.LINK_DOWN
        if state == old.state:
            return []
        return self._change_port(evolve(old, state=state))

    def add_port(self, port: Port | int, now: float) -> list[Effect]:
        """A port comes."""
        port = port if isinstance(port, Port) else self._port(port)
        self._put_port(port, now)
        return self._tell_port(m.PORT_ADD, port)

    def remove_port(self, number: int) -> list[Effect]:
        """A port goes. Entries that name it stay."""
        del self.statistics.ports[number]
        return self._tell_port(m.PORT_DELETE, self.pipeline.ports.pop(number))

    def _change_port(self, port: Port) -> list[Effect]:
        self.pipeline.ports[port.number] = port
        return self._tell_port(m.PORT_MODIFY, port)

    # -------------------------------------------------------------------------- what it tells unasked

    def _effects_of(self, outcomes: Iterable[Outcome]) -> list[Effect]:
        effects: list[Effect] = []
        for outcome in outcomes:
            if isinstance(outcome, ToController):
                effects += self._packet_in(outcome)
            else:
                self._count_transmitted(outcome)
                effects.append(outcome)
        return effects

    def _count_transmitted(self, sent: Transmit) -> None:
        counters = self.statistics.ports[sent.port]
        counters.tx_packets += 1
        counters.tx_bytes += len(sent.packet)
        self.statistics.queue_counters[sent.port, sent.queue_id] += 1
        self.statistics.queue_bytes[sent.port, sent.queue_id] += len(sent.packet)

    def _packet_in(self, punted: ToController) -> list[Effect]:
        known = {"metadata": punted.metadata, "tunnel_id": punted.tunnel_id}
        message = m.PacketIn(
            total_len=len(punted.packet),
            reason=punted.reason,
            table_id=punted.table_id,
            cookie=punted.cookie,
            # What is 0 is left out (1.3.5, section 7.4.1).
            match=Match.of(in_port=punted.in_port, **{name: each for name, each in known.items() if each}),
            data=punted.packet[:MAX_PACKET_BYTES],
        )
        return self._tell_all(message, lambda masks: masks.packet_in, punted.reason)

    def _flows_removed(self, removed: Iterable[Removed], now: float) -> list[Effect]:
        """Tell of those entries that asked for it."""
        return [
            effect
            for each in removed
            if each.entry.flags & m.SEND_FLOW_REM
            for effect in self._flow_removed(each.table_id, each.entry, each.reason, now)
        ]

    def _flow_removed(self, table_id: int, entry: FlowEntry, reason: int, now: float) -> list[Effect]:
        seconds, nanoseconds = elapsed(entry.installed_at, now)
        message = m.FlowRemoved(
            cookie=entry.cookie,
            priority=entry.priority,
            reason=reason,
            table_id=table_id,
            duration_sec=seconds,
            duration_nsec=nanoseconds,
            idle_timeout=entry.idle_timeout,
            hard_timeout=entry.hard_timeout,
            packet_count=entry.packet_count,
            byte_count=entry.byte_count,
            match=entry.match,
        )
        return self._tell_all(message, lambda masks: masks.flow_removed, reason)

    def _tell_port(self, reason: int, port: Port) -> list[Effect]:
        message = m.PortStatus(reason=reason, port=port)
        return self._tell_all(message, lambda masks: masks.port_status, reason)

    def _tell_all(
        self, message: m.Message, mask_of: Callable[[m.AsyncMasks], tuple[int, int]], reason: int
    ) -> list[Effect]:
        return [Tell(each, message) for each in self._controllers.wanting(mask_of, reason)]

    # ------------------------------------------------------------------------------ what it is told

    def from_controller(
        self, request: m.Message | bytes, now: float, controller: ControllerId = 0
    ) -> list[Effect]:
        """A controller's message, or its frame; what is wrong with it is answered with an error."""
        self.connect(controller)
        try:
            message = codec(self.version).decode(request) if isinstance(request, bytes) else request
            answer = _ANSWERS.get(type(message))
            if answer is None:
                raise refuse(error_codes.BAD_TYPE, type(message).__name__)
            return answer(self, message, now, controller)
        except OpenFlowError as error:
            return [Tell(controller, self._error(request, error))]

    def _error(self, request: m.Message | bytes, error: OpenFlowError) -> m.Error:
        pair = (error.error_type, error.error_code)
        if isinstance(request, bytes):
            return m.Error(xid=xid_of(request), error=pair, data=request[:ERROR_DATA_BYTES])
        try:
            data = codec(self.version).encode(request)[:ERROR_DATA_BYTES]
        except FlowVisorError:  # a message that this version does not have
            data = b""
        return m.Error(xid=request.xid, error=pair, data=data)

    # One method per kind of message: the message, the time, whose it is.

    def _ignore(self, message: Any, now: float, controller: ControllerId) -> list[Effect]:
        return []

    def _echo(self, message: m.EchoRequest, now: float, controller: ControllerId) -> list[Effect]:
        return [Tell(controller, m.EchoReply(xid=message.xid, data=message.data))]

    def _experimenter(self, message: m.Experimenter, now: float, controller: ControllerId) -> list[Effect]:
        raise refuse(error_codes.BAD_EXPERIMENTER, f"experimenter {message.experimenter:#x}")

    def _features(self, message: m.FeaturesRequest, now: float, controller: ControllerId) -> list[Effect]:
        traits = TRAITS[self.version]
        in_1_0 = traits.ports_in_features
        reply = m.FeaturesReply(
            xid=message.xid,
            dpid=self.dpid,
            n_buffers=0,
            n_tables=len(self.pipeline.tables),
            capabilities=capabilities.CAPABILITIES if in_1_0 else capabilities.CAPABILITIES_1_3,
            actions=capabilities.ACTIONS_1_0 if in_1_0 else 0,
            ports=tuple(port for _, port in sorted(self.pipeline.ports.items())) if in_1_0 else (),
        )
        return [Tell(controller, reply)]

    def _get_config(self, message: m.GetConfigRequest, now: float, controller: ControllerId) -> list[Effect]:
        config = self._controllers[controller].config
        reply = m.GetConfigReply(xid=message.xid, flags=config.flags, miss_send_len=config.miss_send_len)
        return [Tell(controller, reply)]

    def _set_config(self, message: m.SetConfig, now: float, controller: ControllerId) -> list[Effect]:
        if message.flags & ~0x3:
            raise refuse(error_codes.SWITCH_CONFIG_BAD_FLAGS, f"flags {message.flags:#x}")
        self._controllers[controller].config = message
        return []

    def _barrier(self, message: m.BarrierRequest, now: float, controller: ControllerId) -> list[Effect]:
        return [Tell(controller, m.BarrierReply(xid=message.xid))]

    def _role(self, message: m.RoleRequest, now: float, controller: ControllerId) -> list[Effect]:
        return [Tell(controller, self._controllers.change_role(controller, message))]

    def _get_async(self, message: m.GetAsyncRequest, now: float, controller: ControllerId) -> list[Effect]:
        return [Tell(controller, m.GetAsyncReply(xid=message.xid, masks=self._controllers[controller].masks))]

    def _set_async(self, message: m.SetAsync, now: float, controller: ControllerId) -> list[Effect]:
        self._controllers[controller].masks = message.masks
        return []

    def _multipart(self, message: mp.MultipartRequest, now: float, controller: ControllerId) -> list[Effect]:
        if isinstance(message, mp.TableFeaturesRequest) and message.tables:
            self._controllers.check_may_write(controller)
        return [Tell(controller, reply) for reply in self.statistics.answer(message, now)]

    def _queue_config(
        self, message: m.QueueGetConfigRequest, now: float, controller: ControllerId
    ) -> list[Effect]:
        known = self.pipeline.ports
        if message.port != ports.ANY and message.port not in known:
            raise refuse(error_codes.QUEUE_BAD_PORT, f"no port {message.port}")
        numbers = sorted(known) if message.port == ports.ANY else [message.port]
        queues = tuple(
            evolve(queue, port=number)
            for number in numbers
            for queue in self.statistics.queues.get(number, ())
        )
        return [Tell(controller, m.QueueGetConfigReply(xid=message.xid, port=message.port, queues=queues))]

    def _packet_out(self, message: m.PacketOut, now: float, controller: ControllerId) -> list[Effect]:
        self._controllers.check_may_write(controller)
        if message.buffer_id != m.NO_BUFFER:
            raise refuse(error_codes.BUFFER_UNKNOWN, f"buffer {message.buffer_id}")
        if message.in_port not in (ports.CONTROLLER, ports.ANY, *self.pipeline.ports):
            raise refuse(error_codes.REQUEST_BAD_PORT, f"no port {message.in_port}")
        self._modifications.legality.check_actions(message.actions, match=None, is_packet_out=True)
        outcomes = self.pipeline.send(message.data, message.in_port, message.actions, now)
        return self._effects_of(outcomes)

    def _port_mod(self, message: m.PortMod, now: float, controller: ControllerId) -> list[Effect]:
        self._controllers.check_may_write(controller)
        port = self.pipeline.ports.get(message.port)
        if port is None:
            raise refuse(error_codes.PORT_MOD_BAD_PORT, f"no port {message.port}")
        if message.hw_addr != port.hw_addr:
            raise refuse(error_codes.PORT_MOD_BAD_HW_ADDR, f"port {message.port} has another address")
        config = port.config & ~message.mask | message.config & message.mask
        return [] if config == port.config else self._change_port(evolve(port, config=config))

    def _table_mod(self, message: m.TableMod, now: float, controller: ControllerId) -> list[Effect]:
        self._controllers.check_may_write(controller)
        if message.table_id not in (m.ALL_TABLES, *range(len(self.pipeline.tables))):
            raise refuse(error_codes.TABLE_MOD_BAD_TABLE, f"no table {message.table_id}")
        return []  # section 7.3.3: the configuration bits are for the future

    def _flow_mod(self, message: m.FlowMod, now: float, controller: ControllerId) -> list[Effect]:
        self._controllers.check_may_write(controller)
        return self._flows_removed(self._modifications.flow_mod(message, now), now)

    def _group_mod(self, message: m.GroupMod, now: float, controller: ControllerId) -> list[Effect]:
        self._controllers.check_may_write(controller)
        return self._flows_removed(self._modifications.group_mod(message, now), now)

    def _meter_mod(self, message: m.MeterMod, now: float, controller: ControllerId) -> list[Effect]:
        self._controllers.check_may_write(controller)
        return self._flows_removed(self._modifications.meter_mod(message, now), now)


_ANSWERS: Final[dict[type, Callable[[EmulatedDatapath, Any, float, ControllerId], list[Effect]]]] = {
    m.Hello: EmulatedDatapath._ignore,
    m.Error: EmulatedDatapath._ignore,
    m.EchoReply: EmulatedDatapath._ignore,
    m.EchoRequest: EmulatedDatapath._echo,
    m.Experimenter: EmulatedDatapath._experimenter,
    m.FeaturesRequest: EmulatedDatapath._features,
    m.GetConfigRequest: EmulatedDatapath._get_config,
    m.SetConfig: EmulatedDatapath._set_config,
    m.BarrierRequest: EmulatedDatapath._barrier,
    m.RoleRequest: EmulatedDatapath._role,
    m.GetAsyncRequest: EmulatedDatapath._get_async,
    m.SetAsync: EmulatedDatapath._set_async,
    m.QueueGetConfigRequest: EmulatedDatapath._queue_config,
    m.PacketOut: EmulatedDatapath._packet_out,
    m.PortMod: EmulatedDatapath._port_mod,
    m.TableMod: EmulatedDatapath._table_mod,
    m.GroupMod: EmulatedDatapath._group_mod,
    m.MeterMod: EmulatedDatapath._meter_mod,
    m.FlowMod: EmulatedDatapath._flow_mod,
    **dict.fromkeys(
        [request for request in vars(mp).values()
         if isinstance(request, type) and issubclass(request, mp.MultipartRequest)],
        EmulatedDatapath._multipart,
    ),
}  # fmt: skip
