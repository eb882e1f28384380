"""A slice: what all kinds of slices have, whatever their network looks like."""

from __future__ import annotations

from attrs import field, frozen

from flowvisor.errors import Place
from flowvisor.network.connection_method import ConnectionMethod


@frozen
class Slice:
    """One tenant's share: who controls it and within what bounds.

    `versions` are OpenFlow's numbers on the wire (1 is 1.0, 4 is 1.3), `tables` is the size of its block of
    flow tables where a datapath has enough, `policies` are names. `may_configure_ports` says that
    its PORT_MOD is done to a physical port which is its alone. `place` is where the admin wrote it.
    """

    name: str
    controllers: tuple[ConnectionMethod, ...]
    versions: frozenset[int]
    tables: int
    policies: tuple[str, ...]
    place: Place
    may_configure_ports: bool = field(default=False, kw_only=True)
