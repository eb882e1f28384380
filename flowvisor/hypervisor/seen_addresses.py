"""Who was seen to have which address, by what hosts say themselves, and for how long that is believed.

Strategy: table 0 has let in by then only what may say so. An address of which a file says at which port it is was not
seen anywhere else; one that is said at two ports in turn is believed of neither for some time. What was seen is known
at all of a virtual switch's datapaths at once, is in nobody's memory but this process's, and ends there by itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from attrs import Factory, define

from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import Fabric, VirtualSwitch
from flowvisor.hypervisor.requests import send_own
from flowvisor.network.neighbours import Neighbour, neighbour_in
from flowvisor.openflow.messages import FlowMod, PacketIn
from flowvisor.planning.answer_entries import LISTENING_COOKIE
from flowvisor.planning.placement import PortState
from flowvisor.planning.seen_entries import (
    FAMILIAR_SECONDS,
    NOT_HEARD_SECONDS,
    SEEN_SECONDS,
    Seen,
    familiar_entries,
    not_heard_entries,
    removals_of_seen,
    seen_entries,
)
from flowvisor.policies.token_bucket import TokenBucket
from flowvisor.slices.slice import PortName
from flowvisor.slices.virtual_switch import LogicalSwitch

MAX_SEEN: Final = 1024  # of one virtual switch; of further ones everybody is asked, as before
MAX_SEEN_AT_PORT: Final = 64
SEEN_PER_SECOND: Final = 50  # of one virtual switch: each is some entries at each of its datapaths
SAID_PER_SECOND: Final = 20  # at one port; it is not listened to for some time where more is said
DISPUTED_SECONDS: Final = 10.0  # that nothing is believed of an address

Key = tuple[int, int]  # the type of packets that an address is for, and the address


@define(eq=False)
class _OfSwitch:
    """What was seen of one virtual switch, by address, with when that ends; what ends first is first.

    At ports that said too much nothing is heard until some time.
    """

    learning: TokenBucket = Factory(lambda: TokenBucket(SEEN_PER_SECOND))
    seen: dict[Key, tuple[float, Seen]] = Factory(dict)
    disputed: dict[Key, float] = Factory(dict)
    said: dict[int, TokenBucket] = Factory(dict)  # by port
    not_heard: dict[int, float] = Factory(dict)

    def has_room(self, port: int) -> bool:
        at_port = sum(seen.port == port for _, seen in self.seen.values())
        return len(self.seen) < MAX_SEEN and at_port < MAX_SEEN_AT_PORT

    def forget_old(self, now: float) -> None:
        for key, (ends_at, _) in list(self.seen.items()):
            if ends_at > now:
                break
            del self.seen[key]
        for key, until in list(self.disputed.items()):
            if until > now:
                break
            del self.disputed[key]


@define(eq=False)
class SeenAddresses:
    """Of all virtual switches, by the names of their shares."""

    _switches: dict[str, _OfSwitch] = Factory(dict)

    def count(self, share: str) -> int:
        """How many are known."""
        one = self._switches.get(share)
        return 0 if one is None else len(one.seen)

    def where(self, share: str, key: Key, now: float) -> tuple[int, int] | None:
        """The port at which an address was seen, and its MAC address."""
        known = self._switches[share].seen.get(key) if share in self._switches else None
        return None if known is None or known[0] <= now else (known[1].port, known[1].neighbour.mac)

    def heard(
        self, switch: VirtualSwitch, logical: LogicalSwitch, in_port: int, message: PacketIn, effects: Effects
    ) -> None:
        """A packet has come in that may tell who has an address."""
        share, now = switch.view.share, effects.now
        assert share is not None
        one = self._switches.setdefault(share.name, _OfSwitch())
        if in_port not in share.ports or one.not_heard.get(in_port, now) > now:
            return
        if not one.said.setdefault(in_port, TokenBucket(SAID_PER_SECOND)).take(now):
            one.not_heard[in_port] = now + NOT_HEARD_SECONDS
            _send(switch, not_heard_entries(share, in_port), effects)
            return
        neighbour = neighbour_in(message.data)
        if neighbour is None or not _may_be(logical, neighbour, in_port):
            return
        one.forget_old(now)
        seen = Seen(neighbour, in_port, switch.datapath.dpid)
        is_new = self._put(one, switch, seen, effects)
        if is_new or (message.cookie == LISTENING_COOKIE and self.where(share.name, neighbour[:2], now)):
            _send(switch, familiar_entries(share, seen), effects)

    def _put(self, one: _OfSwitch, switch: VirtualSwitch, seen: Seen, effects: Effects) -> bool:
        """Believe what was seen, if there is no reason not to; whether it has to be told to datapaths."""
        key, now, fabric = seen.neighbour[:2], effects.now, switch.datapath.fabric
        if key in one.disputed:
            return False
        ends_at, known = one.seen.get(key, (now, None))
        if known is not None and known != seen:
            del one.seen[key]
            one.disputed[key] = now + DISPUTED_SECONDS
            _forget(fabric, switch.name.slice_name, known, effects)
            return False
        is_fresh = known is not None and ends_at - now > SEEN_SECONDS - FAMILIAR_SECONDS
        has_room = known is not None or one.has_room(seen.port)
        if is_fresh or not has_room or not one.learning.take(now):
            return False
        one.seen.pop(key, None)
        one.seen[key] = (now + SEEN_SECONDS, seen)
        for other in _shares(fabric, switch.name.slice_name):
            _tell(other, seen, SEEN_SECONDS, effects)
        return True

    def set_up(self, switch: VirtualSwitch, effects: Effects) -> None:
        """A datapath has been read and has no entries any more that are not by the files."""
        one = self._switches.get(switch.name.slice_name)
        if one is not None and _answers(switch):
            one.forget_old(effects.now)
            for ends_at, seen in one.seen.values():
                _tell(switch, seen, max(1, int(ends_at - effects.now)), effects)

    def embedded(
        self,
        answering: Mapping[str, LogicalSwitch],
        ports: Mapping[PortName, PortState],
        fabric: Fabric,
        effects: Effects,
    ) -> None:
        """Other files may count, and ports lie elsewhere: forget what was seen where it cannot be any more."""
        for share in [name for name in self._switches if name not in answering]:
            del self._switches[share]
        for share, one in self._switches.items():
            for key, (_, seen) in list(one.seen.items()):
                state = ports.get(PortName(share, seen.port))
                is_there = state is not None and state.is_up and state.anchor == seen.dpid
                if not is_there or not _may_be(answering[share], seen.neighbour, seen.port):
                    del one.seen[key]
                    _forget(fabric, share, seen, effects)

    def forget_old(self, now: float) -> None:
        """It is some time later."""
        for one in self._switches.values():
            one.forget_old(now)
            one.said = {port: bucket for port, bucket in one.said.items() if not bucket.is_full(now)}
            one.not_heard = {port: until for port, until in one.not_heard.items() if until > now}


def _may_be(logical: LogicalSwitch, neighbour: Neighbour, port: int) -> bool:
    """Whether files leave it open who has an address."""
    named = logical.named_addresses.get(neighbour.address)
    known = logical.known_addresses.get(port)
    is_known = known is not None and neighbour.address in (*known.ipv4, *known.ipv6)
    return (named is None or named == (port,)) and not is_known


def _shares(fabric: Fabric, share: str) -> Iterator[VirtualSwitch]:
    """Those of a virtual switch that are set up."""
    for datapath in fabric.datapaths.values():
        switch = datapath.switches.get(share)
        if switch is not None and datapath.is_ready and _answers(switch):
            yield switch


def _answers(switch: VirtualSwitch) -> bool:
    return switch.view.share is not None and switch.view.share.answer_table is not None


def _tell(switch: VirtualSwitch, seen: Seen, seconds: int, effects: Effects) -> None:
    assert switch.view.share is not None
    _send(switch, seen_entries(switch.datapath.plan, switch.view.share, seen, seconds=seconds), effects)


def _forget(fabric: Fabric, share: str, seen: Seen, effects: Effects) -> None:
    for switch in _shares(fabric, share):
        assert switch.view.share is not None
        _send(switch, removals_of_seen(switch.view.share, seen.neighbour), effects)


def _send(switch: VirtualSwitch, entries: Iterator[FlowMod], effects: Effects) -> None:
    for one in entries:
        send_own(switch.datapath, one, "entry of an address that was seen", effects)
