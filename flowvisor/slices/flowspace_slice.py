"""A flowspace slice: the real datapaths, and on them the packets that its rules name."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from attrs import evolve, field, frozen

from flowvisor.errors import Place
from flowvisor.openflow.match import Match
from flowvisor.policies.when import When, in_force
from flowvisor.slices.slice import Slice

ALL_DATAPATHS: Final = None

# The classifier in table 0 needs priorities of its own: one below the rules, for each rule a second one for what is
# denied to its owner, as many again above them for rules that name LOCAL, and the highest for what is nobody's to
# claim. All of them have to fit into the 16 bits of a flow entry's priority.
MAX_PRIORITY: Final = 0x3FFC


@frozen
class FlowspaceRule:
    """Packets that are the slice's: those of any of `matches`, at `datapaths`.

    Where rules of several slices have a packet, the highest priority owns it. `permissions` are "read" and
    "write"; a rule without "write" owns nothing, it lets the slice see what others own. `place` is where the admin
    wrote it; it makes no difference. `when` is the times at which it counts; none is always.
    """

    datapaths: frozenset[int] | None
    priority: int
    matches: tuple[Match, ...]
    permissions: frozenset[str]
    place: Place = field(eq=False)
    when: tuple[When, ...] = ()

    @property
    def may_write(self) -> bool:
        """Is what the rule names the slice's own, where no other wins over it?"""
        return "write" in self.permissions

    def is_at(self, dpid: int) -> bool:
        """Does the rule say anything about this datapath?"""
        return self.datapaths is ALL_DATAPATHS or dpid in self.datapaths


@frozen
class FlowspaceSlice(Slice):
    """A share of the real network."""

    rules: tuple[FlowspaceRule, ...]

    def has_switch(self, dpid: int) -> bool:
        return any(rule.is_at(dpid) for rule in self.rules)

    @property
    def has_one_switch(self) -> bool:
        """Whether all rules are about one datapath."""
        named = {dpid for rule in self.rules for dpid in rule.datapaths or ()}
        return len(named) == 1 and not any(rule.datapaths is ALL_DATAPATHS for rule in self.rules)

    def rules_at(self, dpid: int) -> tuple[FlowspaceRule, ...]:
        """The rules about this datapath, in the order of the file."""
        return tuple(rule for rule in self.rules if rule.is_at(dpid))

    def at(self, instant: datetime) -> FlowspaceSlice:
        """The slice with those of its rules that count at a moment."""
        rules = tuple(rule for rule in self.rules if in_force(rule.when, instant))
        return self if len(rules) == len(self.rules) else evolve(self, rules=rules)

    @property
    def whens(self) -> frozenset[When]:
        """All times that anything in it goes by."""
        return super().whens.union(*(rule.when for rule in self.rules))

    @property
    def may_write(self) -> bool:
        """Does any rule, anywhere, give it packets of its own?"""
        return any(rule.may_write for rule in self.rules)
