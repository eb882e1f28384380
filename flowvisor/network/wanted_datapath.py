"""What the admin wants a datapath to look like, whoever it is that connects as it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import field, frozen

from flowvisor.errors import Place
from flowvisor.openflow.match import Match

_NO_PORTS: Final[Mapping[int, bool]] = MappingProxyType({})


@frozen
class BaseEntry:
    """An entry of the admin's own: packets that are no slice's, and the ports that they go out of; without, nowhere."""

    matches: tuple[Match, ...]
    outputs: tuple[int, ...]
    place: Place = field(eq=False)


@frozen
class WantedDatapath:
    """A datapath as `datapaths:` in the main file has it. `ports` says which are to be up (True) or down.

    No packet is of two `entries`.
    """

    description: str = ""
    is_admitted: bool = True
    ports: Mapping[int, bool] = field(default=_NO_PORTS, hash=False)
    entries: tuple[BaseEntry, ...] = ()


ANYHOW: Final = WantedDatapath()  # of which nothing is said
