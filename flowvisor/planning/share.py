"""What a virtual switch is on one datapath: where its packets come in, and what an output to each of its ports does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Final, NamedTuple

from attrs import Factory, frozen

from flowvisor.openflow.actions import Actions
from flowvisor.openflow.fields import ETH_TYPE_ARP, ETH_TYPE_IPV6
from flowvisor.openflow.match import Match
from flowvisor.planning.allocation import TableBlock
from flowvisor.slices.slice import PortName
from flowvisor.slices.virtual_switch import Addresses, Attachment

# Metadata: the port that a packet came in by, what is to become of it in the egress table, and the tenant's half.
IN_PORT_BITS: Final = 0x0000_FFFF
MARK_SHIFT: Final = 16
MARK_BITS: Final = 0xFFFF_0000
OWN_BITS: Final = IN_PORT_BITS | MARK_BITS
TENANT_BITS: Final = 0xFFFF_FFFF_0000_0000
MARK_FLOOD: Final = 1
MARK_ALL: Final = 2
MARK_IN_PORT: Final = 3

# Groups, each with the first table of the block in bits 16 to 23 and a virtual port below.
PORT_GROUPS: Final = 0xF300_0000  # what an output to the port does
FLOOD_BUT_GROUPS: Final = 0xF400_0000  # FLOOD of what came in at the port
ALL_BUT_GROUPS: Final = 0xF500_0000
UNTAGGED_GROUPS: Final = 0xF600_0000  # what a port's group sends on to that has to take off a second tag
COPY_GROUPS: Final = 0xF700_0000  # what a copy for the port does, which comes from another port's group


def port_group(block: TableBlock, port: int) -> int:
    """The group that carries outputs to a virtual port."""
    return PORT_GROUPS | block.first << 16 | port


def port_of_group(block: TableBlock, group_id: int) -> int | None:
    """The virtual port whose group it is, None if it is no such group of the block."""
    return group_id & 0xFFFF if group_id & ~0xFFFF == PORT_GROUPS | block.first << 16 else None


@frozen
class Ingress:
    """Packets that come in at a virtual port here: which, and what is done to them before they are the tenant's."""

    match: Match
    actions: Actions = ()


def copy_group(block: TableBlock, port: int) -> int:
    """The group that carries copies to a virtual port that takes some."""
    return COPY_GROUPS | block.first << 16 | port


def depth_of_group(group_id: int) -> int:
    """How many groups may lead to it, one after the other: it can go only after they have."""
    return {PORT_GROUPS: 1, COPY_GROUPS: 2, UNTAGGED_GROUPS: 3}.get(group_id & 0xFF00_0000, 0)


class LabelEntry(NamedTuple):
    """What is done with packets that come in with a label and are only passed on, or leave the core here."""

    match: Match
    actions: Actions


LabelEntries = Mapping[int, LabelEntry]  # of one label, by the ports that it comes in by


class Watch(NamedTuple):
    """Packets that show that a virtual port, which follows a MAC address, has moved to a place here."""

    match: Match
    port: PortName
    place: Attachment


class Filter(NamedTuple):
    """Of what comes in at a port, packets that are let in, or are not."""

    match: Match
    is_let_in: bool


@frozen
class SharePort:
    """A virtual port at one datapath.

    `ingresses` are empty unless its packets enter the share here. `egress` is what an output to it does here (pushing
    what it needs, and one output); empty while nothing leads there. `physical` is the port it is attached to, if
    that is here. It is turned if what comes in has forgotten where, so that what may go back there does by its group,
    and whether it may is for entries here to see to. Of `filters` the first that matches decides what is let in. What
    comes in and goes out here is `copied_to` another port, and a port that other ones are copied to, here or
    elsewhere, `takes_copies`. Who asks here for one of the addresses that are `answered` is answered by us.
    """

    number: int
    ingresses: tuple[Ingress, ...] = ()
    egress: Actions = ()
    physical: int | None = None
    is_turned: bool = False
    filters: tuple[Filter, ...] = ()
    copied_to: int | None = None
    takes_copies: bool = False
    answered: Addresses | None = None

    @property
    def is_looked_after(self) -> bool:
        """Whether "all ports" and "the port it came from" are not for the datapath to tell, of what comes in here.

        Of what does not go back to a port that is copied, there is nothing to copy, which its group would do.
        """
        return self.is_turned or self.copied_to is not None


@frozen(eq=False)
class Share:
    """All virtual ports of a virtual switch, at one datapath. `block` is its tenant's tables.

    If it `has_answer_table`, that is in front of them.
    """

    name: str
    dpid: int  # the virtual switch's
    block: TableBlock
    ports: Mapping[int, SharePort]
    has_answer_table: bool = False

    @property
    def attached(self) -> Iterator[Match]:
        """The packets that come in here from outside the core."""
        for port in self._entered:
            if port.physical is not None:
                yield from (ingress.match for ingress in port.ingresses)

    @cached_property
    def _entered(self) -> tuple[SharePort, ...]:
        """The ports that packets come in by here, as far as that makes any difference."""
        ports = self.ports.values()
        return tuple(one for one in ports if one.ingresses or one.is_turned or one.copied_to is not None)

    @cached_property
    def answers(self) -> Mapping[tuple[int, int], tuple[int, int]]:
        """For each address that is answered for (the packets' type before it), the port where it is, and its MAC."""
        return {
            (eth_type, address): (port.number, port.answered.mac)
            for port in self.ports.values()
            if port.answered is not None and port.answered.mac is not None
            for eth_type, addresses in (
                (ETH_TYPE_ARP, port.answered.ipv4),
                (ETH_TYPE_IPV6, port.answered.ipv6),
            )
            for address in addresses
        }

    @property
    def first_table(self) -> int:
        """Where packets go that come in."""
        return self.block.first - self.has_answer_table

    @property
    def answer_table(self) -> int | None:
        """Where it is seen who asks for an address that is known."""
        return self.first_table if self.has_answer_table else None

    @property
    def own_tables(self) -> tuple[int, ...]:
        """Those that no tenant has."""
        in_front = (self.first_table,) if self.has_answer_table else ()
        return (*in_front, self.egress_table)

    @property
    def egress_table(self) -> int:
        """Where "all ports" and "the port it came from" become ports: the table behind the tenant's."""
        return self.block.end

    @property
    def has_turned_ports(self) -> bool:
        """Whether "never back" has to be seen to by entries here."""
        return any(port.is_looked_after for port in self._entered)

    @property
    def comes_back_plainly(self) -> bool:
        """Whether what comes in anywhere may leave by the datapath's own IN_PORT as it is."""
        return not self.has_turned_ports and not any(
            ingress.actions for port in self._entered for ingress in port.ingresses
        )


@frozen(eq=False)
class Part:
    """All that one datapath does for virtual networks: the shares on it, by name, and the labels that pass it."""

    shares: Mapping[str, Share] = Factory(dict)
    labels: Mapping[PortName, LabelEntries] = Factory(dict)  # by the ports that they lead to
    watches: tuple[Watch, ...] = ()

    @property
    def label_entries(self) -> tuple[LabelEntry, ...]:
        """Those of all labels."""
        return tuple(entry for entries in self.labels.values() for entry in entries.values())


NO_PART: Final = Part()
