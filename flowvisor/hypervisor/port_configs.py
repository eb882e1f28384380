"""How a slice has configured its ports at one datapath: for its own traffic only, and kept while the slice lives."""

from __future__ import annotations

from struct import Struct
from typing import Final

from attrs import evolve

from flowvisor.errors import Inexpressible
from flowvisor.flowspace.box import covers
from flowvisor.flowspace.layout import boxes_of
from flowvisor.flowspace.region import TooManyPieces
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.journal import PORT
from flowvisor.hypervisor.memory import Memory
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import LINK_DOWN, LIVE, NO_PACKET_IN, PORT_DOWN, Port
from flowvisor.planning.closed_ports import UNHEARD, reception_entries, unheard
from flowvisor.planning.entries import SHUT
from flowvisor.planning.plan import DatapathPlan

_WORD: Final = Struct("!I")


class PortConfigs:
    """The configuration bits of a slice's ports, by number; a port without any is not among `bits`.

    `silenced` are the ports whose unmatched packets its controllers do not want to see; `is_deaf`: there are ports of
    which it does not receive everything.
    """

    __slots__ = ("bits", "is_deaf", "silenced")

    def __init__(self) -> None:
        self.bits: dict[int, int] = {}
        self.silenced: frozenset[int] = frozenset()
        self.is_deaf = False

    def put(self, port: int, config: int) -> None:
        """Configure a port."""
        if config:
            self.bits[port] = config
        else:
            self.bits.pop(port, None)
        self.silenced = frozenset(one for one, bits in self.bits.items() if bits & NO_PACKET_IN)
        self.is_deaf = any(bits & UNHEARD for bits in self.bits.values())

    def is_shut(self, port: int) -> bool:
        """Whether nothing of the slice's goes out there."""
        return bool(self.bits.get(port, 0) & SHUT)

    def stops(self, match: Match) -> bool:
        """Whether a match is of one port and of nothing that the slice receives there.

        Fences keep it out already, except where it counts as much as they do: entries of the highest priority, and
        on some 1.0 datapaths those that leave no field open.
        """
        config = self.bits.get(match.exact("in_port") or 0, 0)
        dropped = unheard(config) if config else ()
        return bool(dropped) and all(any(covers(one, box) for one in dropped) for box in boxes_of(match))

    def shown(self, port: Port) -> Port:
        """A port as the slice sees it: one that it has taken down has no link either."""
        config = self.bits.get(port.number)
        if config is None:
            return port
        state = port.state & ~LIVE | LINK_DOWN if config & PORT_DOWN else port.state
        return evolve(port, config=port.config | config, state=state)


def recalled(memory: Memory, plan: DatapathPlan, slice_name: str) -> PortConfigs:
    """What a slice is remembered to have configured at a datapath, as far as that can still be done."""
    configs = PortConfigs()
    for key, value in memory.of(PORT, slice_name).items():
        configs.put(_WORD.unpack(key)[0], _WORD.unpack(value)[0])
    try:
        reception_entries(plan, {slice_name: configs.bits})
    except (
        TooManyPieces,
        Inexpressible,
    ):  # the rules are others than then: what a port receives cannot be said
        for port, config in list(configs.bits.items()):
            configs.put(port, config & ~UNHEARD)
    return configs


def remember(memory: Memory, slice_name: str, port: int, config: int, effects: Effects) -> None:
    """A slice has configured a port of a datapath."""
    if config:
        memory.remember(PORT, slice_name, _WORD.pack(port), _WORD.pack(config), effects)
    else:
        memory.forget(PORT, slice_name, _WORD.pack(port), effects)
