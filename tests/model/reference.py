"""A private datapath for each slice: it does what the slice would see if it were alone.

It is given the requests that the hypervisor admitted and the packets that are the slice's, and nothing else.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from attrs import asdict, evolve

from flowvisor.emulation.datapath import Effect, EmulatedDatapath, Tell
from flowvisor.emulation.flow_table import FlowTable
from flowvisor.emulation.legality import Legality
from flowvisor.emulation.pipeline import Transmit
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.actions import Action
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import Port
from flowvisor.openflow.versions import codec


class _Lenient(Legality):
    """Does not ask whether actions fit a match: the versions do not agree on that."""

    def check_actions(
        self, listed: Iterable[Action], *, match: Match | None, is_packet_out: bool = False
    ) -> None:
        super().check_actions(listed, match=None, is_packet_out=is_packet_out)


class Reference:
    """What one slice should see of one datapath, in the version that its controllers speak.

    `is_lenient` where the datapath itself speaks another version, or is given narrower matches.
    """

    def __init__(
        self, dpid: int, version: int, ports: Iterable[Port], *, n_tables: int, is_lenient: bool
    ) -> None:
        self.version = version
        self.configs: dict[
            int, int
        ] = {}  # of ports that have gone: they come back as the slice has configured them
        self.datapath = EmulatedDatapath(dpid, version, ports, n_tables=n_tables)
        self.datapath.connect()
        self._told: list[m.Message] = []
        self._asked_for: set[tuple[int, str]] = set()  # entries of which it wanted to hear when they go
        if is_lenient:
            modifications = self.datapath._modifications
            lenient = _Lenient(**asdict(modifications.legality, recurse=False))
            object.__setattr__(modifications, "legality", lenient)

    def admit(self, message: m.Message, now: float) -> tuple[list[tuple[int, int]], list[tuple[int, bytes]]]:
        """Do what was admitted; return the errors that this would be answered with, and what is sent."""
        effects = self.datapath.from_controller(codec(self.version).encode(message), now)
        told = self._note(effects)
        if isinstance(message, m.FlowMod) and message.flags & m.SEND_FLOW_REM:
            self._asked_for.add((message.priority, str(message.match)))
        errors = [message.error for message in told if isinstance(message, m.Error)]
        return errors, [(one.port, one.packet) for one in effects if isinstance(one, Transmit)]

    def receive(self, port: int, packet: bytes, now: float) -> list[tuple[int, bytes]]:
        """A packet of the slice's comes in; return where it leaves."""
        if port not in self.datapath.pipeline.ports:
            return []
        effects = self.datapath.from_port(port, packet, now)
        self._note(effects)
        return sorted((one.port, one.packet) for one in effects if isinstance(one, Transmit))

    def tick(self, now: float) -> None:
        """Time passes."""
        self._note(self.datapath.tick(now))

    def _note(self, effects: Iterable[Effect]) -> list[m.Message]:
        told = [effect.message for effect in effects if isinstance(effect, Tell)]
        self._told += told
        return told

    def take_told(self) -> tuple[list[m.Message], list[m.Message]]:
        """What it has told since the last time: of packets, and of entries that went."""
        told, self._told = self._told, []
        wire = codec(self.version)
        heard = [
            wire.decode(wire.encode(one)) for one in told if isinstance(one, (m.PacketIn, m.FlowRemoved))
        ]
        return [one for one in heard if isinstance(one, m.PacketIn)], [
            one for one in heard if isinstance(one, m.FlowRemoved)
        ]

    def asked_for(self, removed: m.FlowRemoved) -> bool:
        """Whether the slice wanted to hear that such an entry goes."""
        return (removed.priority, str(removed.match)) in self._asked_for

    @property
    def tables(self) -> list[FlowTable]:
        """What it holds."""
        return self.datapath.pipeline.tables

    def has(self, message: m.FlowMod) -> bool:
        """Whether an addition would only take the place of an entry."""
        return any(
            (entry.priority, entry.match.fields) == (message.priority, message.match.fields)
            for entry in self.tables[message.table_id]
        )

    @property
    def ports(self) -> set[int]:
        """The numbers of the ports that are there."""
        return set(self.datapath.pipeline.ports)

    def put_port(self, port: Port, now: float) -> None:
        """A port comes, from wherever."""
        self.datapath.add_port(evolve(port, config=port.config | self.configs.pop(port.number, 0)), now)

    def take_port(self, number: int) -> None:
        """A port goes."""
        self.configs[number] = self.datapath.pipeline.ports[number].config
        self.datapath.remove_port(number)

    def take_over_configs(self, other: Reference, now: float) -> None:
        """Ports are configured as they were there."""
        pipelines = (self.datapath.pipeline, other.datapath.pipeline)
        self.configs = other.configs | {number: port.config for number, port in pipelines[1].ports.items()}
        for port in list(pipelines[0].ports.values()):
            self.put_port(port, now)

    def reopen(self, told: Port, bits: int) -> None:
        """A port has of these bits only those that the slice is told."""
        known = self.datapath.pipeline.ports.get(told.number)
        if known is not None:
            config = known.config & (told.config | ~bits)
            self.datapath.pipeline.ports[told.number] = evolve(known, config=config)

    def additions(self, now: float) -> list[m.FlowMod]:
        """The messages that add the entries that are there; these count anew, as 1.0 datapaths do whatever is said."""
        flags = m.RESET_COUNTS if self.version >= 4 else 0
        known = [as_addition(flow) for flow in flows_of(self.answer(mp.FlowStatsRequest(), now))]
        return [evolve(one, flags=one.flags | flags) for one in known]

    def recount(self, flows: Iterable[mp.FlowStats]) -> None:
        """Entries have met as many packets as these say."""
        counted = {(flow.table_id, flow.priority, str(flow.match)): flow for flow in flows}
        for table in self.datapath.pipeline.tables:
            for entry in table:
                flow = counted.get((table.table_id, entry.priority, str(entry.match)))
                if flow is not None:
                    entry.packet_count, entry.byte_count = flow.packet_count, flow.byte_count

    def keep_groups(self, ids: Collection[int]) -> None:
        """All other groups are gone."""
        groups = self.datapath.pipeline.groups
        for group_id in [group.group_id for group in groups if group.group_id not in ids]:
            del groups._groups[group_id]

    def forget_entries(self) -> None:
        """The tables are emptied."""
        for table in self.datapath.pipeline.tables:
            table.remove(list(table))

    def answer(self, request: mp.MultipartRequest, now: float) -> list[Any]:
        """What a request for statistics is answered with, as it comes over the wire."""
        wire = codec(self.version)
        effects = self.datapath.from_controller(request, now)
        return [wire.decode(wire.encode(one.message)) for one in effects if isinstance(one, Tell)]


def comparable(replies: Iterable[m.Message], *, is_kept: bool) -> list[str]:
    """The statistics of entries in an order that does not matter, without how long they have been there.

    Where they are not kept as they were written, without what is then otherwise.
    """
    said: list[str] = []
    for reply in replies:
        if isinstance(reply, mp.FlowStatsReply):
            for flow in reply.flows:
                known = flow if is_kept else evolve(flow, instructions=(), cookie=0)
                said.append(repr(evolve(known, duration_sec=0, duration_nsec=0)))
        else:
            said.append(repr(reply.error if isinstance(reply, m.Error) else evolve(reply, xid=0)))
    return sorted(said)


def flows_of(replies: Iterable[m.Message]) -> list[mp.FlowStats]:
    """What the replies to a request tell of entries."""
    return [flow for reply in replies if isinstance(reply, mp.FlowStatsReply) for flow in reply.flows]


def as_addition(flow: mp.FlowStats) -> m.FlowMod:
    """The message that adds such an entry."""
    return m.FlowMod(
        table_id=flow.table_id,
        priority=flow.priority,
        match=flow.match,
        cookie=flow.cookie,
        hard_timeout=flow.hard_timeout,
        flags=flow.flags & ~m.CHECK_OVERLAP,
        instructions=flow.instructions,
    )
