"""Discovery of links: a probe goes out of every port, and where it comes back a link ends (LLDP, IEEE 802.1AB).

Strategy: time and chance are arguments, what is to be sent is returned. A probe tells where it left in the TLVs that
people know, and proves it in one of our own: a sequence number and a MAC under a key that only this process has, so
that nobody can make one up. One that was kept and is sent again later is stale, because only the last two of
each port count. What no proof can tell is a probe that somebody carries elsewhere at once: that is a link as good
as a cable. An admin who needs to rule it out declares the links, and switches this off.

The destination is one of those that no bridge forwards (802.1Q, table 8-1), and not LLDP's own, which hosts use.
Whatever carries it is kept from all slices, so that a match on this one field tells probes from all else.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Iterable
from heapq import heappop, heappush
from struct import Struct
from typing import Final, NamedTuple

from attrs import Factory, define

from flowvisor.network.topology import MAX_FAR_ENDS, End

PROBE_ADDRESS: Final = 0x0180C200000F  # "reserved for future standardization"
PROBE_ADDRESS_BYTES: Final = PROBE_ADDRESS.to_bytes(6, "big")

PROBE_INTERVAL_SECONDS: Final = 5.0
JITTER: Final = 0.1  # of the interval, either way: ports that came together do not stay together
# Of one call; with the shell's ten calls a second, 200 datapaths of 48 ports are probed in 10 seconds instead of 5.
MAX_PROBES_AT_ONCE: Final = 100
# Of ports by which labels leave, so that a link that is lost in silence is known to be within a second. With the
# shell's ten calls a second it is one probe in every second call, whatever the jitter.
WATCHED_INTERVAL_SECONDS: Final = 0.18
MAX_WATCHED_PROBES_PER_SECOND: Final = 500  # of all of them together; where they are more, each has fewer
MAX_MISSED: Final = 3  # probes of a port that did not come back where they did before; then the link is gone

KEY_BYTES: Final = 32
_MAC_BYTES: Final = 16
# Chassis ID and port ID, locally assigned: a dpid and a port number that people can read in a capture.
_CHASSIS: Final = (1 << 9 | 17).to_bytes(2, "big") + b"\x07"
_PORT: Final = (2 << 9 | 11).to_bytes(2, "big") + b"\x07"
_TTL: Final = (3 << 9 | 2).to_bytes(2, "big") + (20).to_bytes(2, "big")
# Organisationally specific; f2 has the bit that says "assigned by nobody".
_OURS: Final = (127 << 9 | 28).to_bytes(2, "big") + b"\xf2\x0f\x01\x00"
_END: Final = b"\x00\x00"
_LLDP: Final = b"\x88\xcc"
_PROBE: Final = Struct("!6s 6s 2s 3s 16s 3s 10s 4s 6s Q 16s 2s")
_NO_ADDRESS: Final = bytes(6)
_SOME_ADDRESS: Final = bytes.fromhex("f20f01000000")


class Probe(NamedTuple):
    """A packet to be sent out of a port."""

    end: End
    packet: bytes


class Link(NamedTuple):
    """A direction of a cable."""

    near: End
    far: End


@define(eq=False)
class _Probed:
    """What is known of a port: `missed` counts, for each far end, the probes sent since one arrived there."""

    hw_addr: bytes
    generation: int  # of the entry in the queue that counts
    sequence: int = 0
    earlier: int = 0  # the sequence number before that
    missed: dict[End, int] = Factory(dict)


class Discovery:
    """All ports that are probed, and the links that were found between them."""

    def __init__(self, *, key: bytes, random: Callable[[], float]) -> None:
        """`key` is secret and new for each process, `random` gives numbers from 0 to 1."""
        assert len(key) >= KEY_BYTES
        self._key = key
        self._random = random
        self._ends: dict[End, _Probed] = {}
        self._leading_to: dict[End, set[End]] = {}  # near ends by far ends
        self._presumed: dict[End, set[End]] = {}  # far ends by near ends that have not come yet
        self._queue: list[tuple[float, int, End]] = []
        self._watched: frozenset[End] = frozenset()
        self._watched_interval = WATCHED_INTERVAL_SECONDS
        self._sequence = 0
        self._generation = 0

    def port_came(self, end: End, hw_addr: bytes, now: float) -> None:
        """A port is up: it is probed at once, and from then on."""
        if end in self._ends:
            return
        probed = self._ends[end] = _Probed(hw_addr if hw_addr != _NO_ADDRESS else _SOME_ADDRESS, 0)
        for far in self._presumed.pop(end, ()):
            probed.missed[far] = 0
        self._enqueue(end, now)

    def presume(self, links: Iterable[Link]) -> None:
        """An earlier process knew these links: they are there until they are looked for in vain."""
        for near, far in links:
            self._presumed.setdefault(near, set()).add(far)
            self._leading_to.setdefault(far, set()).add(near)

    def presume_no_more(self) -> list[Link]:
        """Of presumed links those are no more of which an end has not come; return them."""
        lost = [Link(near, far) for near, far_ends in self._presumed.items() for far in far_ends]
        lost += [
            Link(near, far)
            for near, probed in self._ends.items()
            for far in probed.missed
            if far not in self._ends
        ]
        for link in lost:
            self._forget(link)
        return lost

    def watch(self, ends: Collection[End], now: float) -> None:
        """From now on these ports, and no others, are probed so often that the loss of a link is known soon."""
        before, self._watched = self._watched, frozenset(ends)
        fastest = len(self._watched) / MAX_WATCHED_PROBES_PER_SECOND
        self._watched_interval = max(WATCHED_INTERVAL_SECONDS, fastest)
        for end in self._watched - before:
            if end in self._ends:
                self._enqueue(end, now)

    def port_went(self, end: End) -> list[Link]:
        """A port is down or gone; return the links that are no more."""
        probed = self._ends.pop(end, None)
        far_ends = self._presumed.get(end, ()) if probed is None else probed.missed
        lost = [Link(end, far) for far in far_ends]
        lost += [Link(near, end) for near in self._leading_to.get(end, ()) if near != end]
        for link in lost:
            self._forget(link)
        return lost

    def datapath_went(self, dpid: int) -> list[Link]:
        """A datapath has left; return the links that are no more."""
        return [
            link for end in [end for end in self._ends if end.dpid == dpid] for link in self.port_went(end)
        ]

    def due(self, now: float) -> tuple[list[Probe], list[Link]]:
        """The probes to send now, and the links that are given up because nothing arrives by them any more."""
        probes: list[Probe] = []
        lost: list[Link] = []
        while self._queue and self._queue[0][0] <= now and len(probes) < MAX_PROBES_AT_ONCE:
            _, generation, end = heappop(self._queue)
            probed = self._ends.get(end)
            if probed is None or probed.generation != generation:
                continue
            for far, missed in list(probed.missed.items()):
                if far not in self._ends:
                    continue  # it is presumed, and what it ends at has not come yet
                probed.missed[far] = missed + 1
                if missed >= MAX_MISSED:
                    lost.append(Link(end, far))
                    self._forget(lost[-1])
            probes.append(Probe(end, self._packet(end, probed)))
            interval = self._watched_interval if end in self._watched else PROBE_INTERVAL_SECONDS
            self._enqueue(end, now + interval * (1 + JITTER * (2 * self._random() - 1)))
        return probes, lost

    def arrived(self, far: End, packet: bytes, now: float) -> Link | None:
        """What a packet that arrived at a port proves: None if nothing.

        A port that is found to be an end is itself probed at once, so that the other direction is known soon.
        """
        near = self._sender_of(packet)
        probed = self._ends.get(near) if near is not None else None
        if near is None or probed is None or far not in self._ends:
            return None
        if far not in probed.missed:
            if len(probed.missed) >= MAX_FAR_ENDS:
                return None
            self._leading_to.setdefault(far, set()).add(near)
            if near not in self._ends[far].missed:
                self._enqueue(far, now)
        probed.missed[far] = 0
        return Link(near, far)

    def _enqueue(self, end: End, at: float) -> None:
        self._generation += 1
        self._ends[end].generation = self._generation
        heappush(self._queue, (at, self._generation, end))

    def _forget(self, link: Link) -> None:
        probed = self._ends.get(link.near)
        if probed is not None:
            probed.missed.pop(link.far, None)
        presumed = self._presumed.get(link.near)
        if presumed is not None:
            presumed.discard(link.far)
            if not presumed:
                del self._presumed[link.near]
        leading = self._leading_to.get(link.far)
        if leading is not None:
            leading.discard(link.near)
            if not leading:
                del self._leading_to[link.far]

    def _packet(self, end: End, probed: _Probed) -> bytes:
        self._sequence += 1
        probed.sequence, probed.earlier = self._sequence, probed.sequence
        chassis, port = f"{end.dpid:016x}".encode(), f"{end.port:010d}".encode()
        proof = self._proof(chassis, port, self._sequence)
        return _PROBE.pack(
            *(PROBE_ADDRESS_BYTES, probed.hw_addr, _LLDP, _CHASSIS, chassis, _PORT, port),
            *(_TTL, _OURS, self._sequence, proof, _END),
        )

    def _proof(self, chassis: bytes, port: bytes, sequence: int) -> bytes:
        told = b"".join((chassis, port, sequence.to_bytes(8, "big")))
        return hmac.digest(self._key, told, "sha256")[:_MAC_BYTES]

    def _sender_of(self, packet: bytes) -> End | None:
        """Where a probe of ours has left; None if it is none, or not one of the last two of its port."""
        if len(packet) < _PROBE.size:
            return None
        _, _, kind, chassis_head, chassis, port_head, port, _, ours, sequence, proof, _ = _PROBE.unpack_from(
            packet
        )
        if (kind, chassis_head, port_head, ours) != (_LLDP, _CHASSIS, _PORT, _OURS):
            return None
        if not hmac.compare_digest(proof, self._proof(chassis, port, sequence)):
            return None
        end = End(int(chassis, 16), int(port))
        probed = self._ends.get(end)
        return end if probed is not None and sequence in (probed.sequence, probed.earlier) else None


def addresses_a_probe(packet: bytes) -> bool:
    """Whether a packet goes where probes go, and so is nobody's."""
    return packet[:6] == PROBE_ADDRESS_BYTES


__all__ = [
    "KEY_BYTES",
    "MAX_MISSED",
    "MAX_PROBES_AT_ONCE",
    "MAX_WATCHED_PROBES_PER_SECOND",
    "PROBE_ADDRESS",
    "PROBE_ADDRESS_BYTES",
    "PROBE_INTERVAL_SECONDS",
    "WATCHED_INTERVAL_SECONDS",
    "Discovery",
    "Link",
    "Probe",
    "addresses_a_probe",
]
