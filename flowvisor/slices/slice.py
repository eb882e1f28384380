"""A slice: what all kinds of slices have, whatever their network looks like."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from attrs import field, frozen

from flowvisor.errors import Place
from flowvisor.network.certificate_pin import CertificatePin
from flowvisor.network.connection_method import ConnectionMethod
from flowvisor.network.tls_files import TlsFiles
from flowvisor.policies.when import When


@frozen
class SwitchSettings:
    """What is different at one virtual switch: controllers besides the slice's, and keys of its own."""

    controllers: tuple[ConnectionMethod, ...] = ()
    tls: TlsFiles | None = None


class PortName(NamedTuple):
    """A virtual port, wherever it lies: its switch's share, and its number there."""

    share: str
    number: int


@frozen
class ScheduledPolicy:
    """A policy that a slice has at times only."""

    name: str
    when: tuple[When, ...]


@frozen
class Slice:
    """One tenant's share: who controls it and within what bounds.

    `versions` are OpenFlow's numbers on the wire (1 is 1.0, 4 is 1.3), `tables` is the size of its block of
    flow tables where a datapath has enough, `policies` are names. `may_configure_ports` says that
    its PORT_MOD is done to a physical port which is its alone. `place` is where the admin wrote it (it makes no
    difference). `switches` are virtual switches by dpid, `controller_certificates` those that its controllers may
    show; if it names none, all that its certificate authority has signed. `scheduled` are policies at times.
    """

    name: str
    controllers: tuple[ConnectionMethod, ...]
    versions: frozenset[int]
    tables: int
    policies: tuple[str, ...]
    place: Place = field(eq=False)
    may_configure_ports: bool = field(default=False, kw_only=True)
    switches: Mapping[int, SwitchSettings] = field(factory=dict, kw_only=True, hash=False)
    tls: TlsFiles | None = field(default=None, kw_only=True)
    controller_certificates: tuple[CertificatePin, ...] = field(default=(), kw_only=True)
    scheduled: tuple[ScheduledPolicy, ...] = field(default=(), kw_only=True)

    def at(self, instant: datetime) -> Slice:
        """The slice as it is at a moment, its policies aside."""
        return self

    @property
    def whens(self) -> frozenset[When]:
        """All times that anything in it goes by."""
        return frozenset(when for one in self.scheduled for when in one.when)

    @property
    def may_write(self) -> bool:
        """Has it, anywhere, packets of its own?"""
        return True

    def has_switch(self, dpid: int) -> bool:
        """Whether a virtual switch of it may have this dpid."""
        return dpid in self.switches

    @property
    def has_one_switch(self) -> bool:
        """Whether it has one virtual switch, and never another."""
        return False

    @property
    def block_sizes(self) -> Mapping[str, int]:
        """How many tables it needs, by what each block is called."""
        return {self.name: self.tables}

    @property
    def answer_tables(self) -> int:
        """How many of these are in front of its own."""
        return 0

    @property
    def labelled_ports(self) -> Iterable[PortName]:
        """Its virtual ports to which packets may have to cross the core."""
        return ()

    @property
    def is_tunnelled(self) -> bool:
        """Whether they do so in tunnels."""
        return False

    def controllers_of(self, dpid: int) -> tuple[ConnectionMethod, ...]:
        """Who controls a virtual switch: the slice's controllers, then its own."""
        own = self.switches.get(dpid)
        return self.controllers if own is None else self.controllers + own.controllers

    def tls_of(self, dpid: int, general: TlsFiles | None) -> TlsFiles | None:
        """The files for a virtual switch's connections; `general` are those for everybody."""
        own = self.switches.get(dpid)
        for files in (self.tls, own.tls if own is not None else None):
            general = files.over(general) if files is not None else general
        return general
