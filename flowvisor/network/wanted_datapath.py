"""What the admin wants a datapath to look like, whoever it is that connects as it."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from attrs import field, frozen

_NO_PORTS: Final[Mapping[int, bool]] = MappingProxyType({})


@frozen
class WantedDatapath:
    """A datapath as `datapaths:` in the main file has it. `ports` says which are to be up (True) or down."""

    description: str = ""
    is_admitted: bool = True
    ports: Mapping[int, bool] = field(default=_NO_PORTS, hash=False)


ANYHOW: Final = WantedDatapath()  # of which nothing is said
