"""A virtual port that follows an address moves to where that is seen, among the places that the admin allows.

Strategy: at each of the other places an entry sends us what comes from the address; the first such packet moves the
port, and then goes the way that it would have gone. Whoever is at an allowed place can send from the address, which is
what the admin allows by naming it; but a port stays where it is for a stated time, so that nobody makes it flap, and
until that is over the place is not listened to.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from math import ceil
from operator import itemgetter
from struct import Struct
from typing import Final

from attrs import Factory, define

from flowvisor.flowspace.box import covers
from flowvisor.flowspace.layout import boxes_of, point_of
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.journal import MOVED_PORT
from flowvisor.hypervisor.memory import Memory
from flowvisor.hypervisor.peers import Datapath
from flowvisor.hypervisor.requests import send_own
from flowvisor.network.topology import End
from flowvisor.openflow.actions import Output
from flowvisor.openflow.messages import FlowMod, PacketOut
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import TABLE
from flowvisor.planning.entries import CLASSIFIER_TABLE, COOKIE, OWN_PRIORITY
from flowvisor.planning.share import Watch
from flowvisor.slices.slice import PortName
from flowvisor.slices.virtual_switch import Attachment

STAY_SECONDS: Final = 2.0  # that a port stays where it is at least

_NUMBER: Final = Struct("!I")
_MOVED: Final = Struct("!QIH")
_WHOLE: Final = 0xFFFF  # in a VLAN's place: the port is whole


@define(eq=False)
class Moves:
    """Where ports have been seen last, and when. `last` numbers all moves ever, `count` those since we began."""

    places: dict[PortName, Attachment] = Factory(dict)
    seen_at: dict[PortName, float] = Factory(dict)
    last: int = 0
    count: int = 0

    def seen(self, datapath: Datapath, in_port: int, packet: bytes, effects: Effects) -> None:
        """A packet has come in where a port that follows its sender does not lie."""
        watch = _watch_of(datapath, in_port, packet)
        if watch is None:
            datapath.unowned_packet_ins += 1
            return
        left = self.seen_at.get(watch.port, effects.now - STAY_SECONDS) + STAY_SECONDS - effects.now
        if left > 0:
            send_own(datapath, _silence(watch, ceil(left)), "own entry", effects)
            return
        self.count += 1
        self.last += 1
        self.seen_at[watch.port] = effects.now
        self.places[watch.port] = watch.place
        _remember(datapath.memory, watch, self.last, effects)
        effects.note("info", "virtual_port_moved", port=str(watch.port), place=str(watch.place))

        def go_on(effects: Effects) -> None:
            out = PacketOut(in_port=in_port, actions=(Output(TABLE),), data=packet)
            send_own(datapath, out, "packet of a port that has moved", effects)

        datapath.fabric.reembed(effects)
        datapath.fabric.when_embedded(go_on, effects)

    def forget_shares_but(self, shares: Collection[str]) -> None:
        """There are no other ports any more."""
        self.places = {name: place for name, place in self.places.items() if name.share in shares}
        self.seen_at = {name: at for name, at in self.seen_at.items() if name.share in shares}

    def recall(self, memories: Iterable[Memory], shares: Collection[str]) -> None:
        """Let ports lie where an earlier process has seen them last."""
        latest: dict[PortName, tuple[int, Attachment]] = {}
        for memory in memories:
            for share in shares:
                for key, value in memory.of(MOVED_PORT, share).items():
                    name = PortName(share, *_NUMBER.unpack(key))
                    number, port, vlan = _MOVED.unpack(value)
                    place = Attachment(End(memory.dpid, port), None if vlan == _WHOLE else vlan)
                    latest[name] = max(latest.get(name, (0, place)), (number, place), key=itemgetter(0))
        for name, (number, place) in latest.items():
            self.places[name] = place
            self.last = max(self.last, number)


def _watch_of(datapath: Datapath, in_port: int, packet: bytes) -> Watch | None:
    point = point_of(parse(packet, in_port))
    for watch in datapath.plan.part.watches:
        if any(covers(box, point) for box in boxes_of(watch.match)):
            return watch
    return None


def _silence(watch: Watch, seconds: int) -> FlowMod:
    """What keeps a place from telling us for some time; nobody else has what it drops."""
    return FlowMod(
        cookie=COOKIE,
        table_id=CLASSIFIER_TABLE,
        priority=OWN_PRIORITY,
        hard_timeout=seconds,
        match=watch.match,
    )


def _remember(memory: Memory, watch: Watch, number: int, effects: Effects) -> None:
    """Of what is written down of a port anywhere that with the highest number counts."""
    vlan = _WHOLE if watch.place.vlan is None else watch.place.vlan
    value = _MOVED.pack(number, watch.place.end.port, vlan)
    memory.remember(MOVED_PORT, watch.port.share, _NUMBER.pack(watch.port.number), value, effects)
