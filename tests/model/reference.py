"""A private datapath for each slice: it does what the slice would see if it were alone.

It is given the requests that the hypervisor admitted and the packets that are the slice's, and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import asdict, evolve

from flowvisor.emulation.datapath import EmulatedDatapath, Tell
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
        self.datapath = EmulatedDatapath(dpid, version, ports, n_tables=n_tables)
        self.datapath.connect()
        if is_lenient:
            modifications = self.datapath._modifications
            lenient = _Lenient(**asdict(modifications.legality, recurse=False))
            object.__setattr__(modifications, "legality", lenient)

    def admit(self, message: m.Message, now: float) -> tuple[list[tuple[int, int]], list[tuple[int, bytes]]]:
        """Do what was admitted; return the errors that this would be answered with, and what is sent."""
        effects = self.datapath.from_controller(codec(self.version).encode(message), now)
        told = [effect.message for effect in effects if isinstance(effect, Tell)]
        errors = [message.error for message in told if isinstance(message, m.Error)]
        return errors, [(one.port, one.packet) for one in effects if isinstance(one, Transmit)]

    def receive(self, port: int, packet: bytes, now: float) -> list[tuple[int, bytes]]:
        """A packet of the slice's comes in; return where it leaves."""
        if port not in self.datapath.pipeline.ports:
            return []
        effects = self.datapath.from_port(port, packet, now)
        return sorted((one.port, one.packet) for one in effects if isinstance(one, Transmit))

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
