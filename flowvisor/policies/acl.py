"""An ACL: packets that are kept from a slice although its flowspace names them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, NamedTuple

from attrs import field, frozen

from flowvisor.errors import Place
from flowvisor.flowspace.box import Box
from flowvisor.flowspace.layout import boxes_of
from flowvisor.flowspace.region import Region, TooManyPieces
from flowvisor.openflow.match import Match

MAX_DENIED_BOXES: Final = (
    4096  # of one ACL at one datapath, exceptions taken off; files with more are refused
)


@frozen
class AclRule:
    """Packets of any of `matches`, at `datapaths` (None is all): denied, or excepted from what is denied below.

    Of them only those from and to groups of the virtual network that has the ACL, if it names such.
    """

    is_denied: bool
    datapaths: frozenset[int] | None
    matches: tuple[Match, ...]
    place: Place = field(eq=False)  # where the admin wrote it
    from_group: str | None = None
    to_group: str | None = None

    def is_at(self, dpid: int) -> bool:
        """Does the rule say anything about this datapath?"""
        return self.datapaths is None or dpid in self.datapaths

    @property
    def region(self) -> Region:
        """The packets that it names."""
        return Region(tuple(box for match in self.matches for box in boxes_of(match)))


class Denial(NamedTuple):
    """A rule that denies, and the exceptions that stand before it."""

    rule: AclRule
    excepted: Region

    def boxes(self) -> tuple[Box, ...]:
        """The packets that it denies; raises TooManyPieces past MAX_DENIED_BOXES."""
        return self.rule.region.subtract(self.excepted, max_pieces=MAX_DENIED_BOXES).boxes


@frozen
class Acl:
    """The first rule that matches a packet decides; what none matches is not denied."""

    name: str
    rules: tuple[AclRule, ...]

    @property
    def names_groups(self) -> bool:
        """Whether it means something only in a network that has groups of these names."""
        return any(rule.from_group is not None or rule.to_group is not None for rule in self.rules)

    def denied_at(self, dpid: int) -> tuple[Box, ...]:
        """The packets that are denied at a datapath; raises TooManyPieces past MAX_DENIED_BOXES."""
        denied = tuple(dict.fromkeys(box for denial in self.denials_at(dpid) for box in denial.boxes()))
        if len(denied) > MAX_DENIED_BOXES:
            raise TooManyPieces(f"more than {MAX_DENIED_BOXES} sets of packets")
        return denied

    def denials_at(self, dpid: int) -> Iterator[Denial]:
        """The rules of a datapath that deny, in the order of the file."""
        excepted = Region()
        for rule in self.rules:
            if rule.is_at(dpid):
                if rule.is_denied:
                    yield Denial(rule, excepted)
                else:
                    excepted = excepted.union(rule.region)
