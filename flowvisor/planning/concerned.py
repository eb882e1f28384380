"""Whom a change of rules concerns at a datapath: what all others have there is as right by the new rules as by the old.

Strategy: rules say of a slice which packets are its own, and which are somebody else's where it sends them. So it is
concerned if boxes that have come or gone are its own, or meet what it may emit: its packets at any port, with any value
in the fields that its entries change. That is more than it does emit, and never less. Rejected: looking at what the
slices have, because where they have tables of their own only the datapath knows that.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from flowvisor.flowspace.layout import forget
from flowvisor.planning.ownership import Ownership

MAX_BOXES_LOOKED_AT: Final = 256  # of a change; one of more is taken to concern everybody

_NOT_SENT_ALONG: Final = ("in_port", "in_phy_port", "metadata", "tunnel_id")

Change = tuple[Ownership, Ownership]  # before and after


class Concerned:
    """The answer for each slice at one datapath; `beyond` are the changes at the far ends of its links."""

    def __init__(self, here: Change, beyond: Collection[Change] = ()) -> None:
        self._here = before, after = here
        denied = set(before.denied_boxes()) ^ set(after.denied_boxes())
        self._owners = {one.owner for one in (*before.differing(after), *denied)}
        changes = [here, *beyond]
        self._boxes = {one.box for change in changes for one in change[0].differing(change[1])}
        self._is_seen_otherwise = any(old.used_mask != new.used_mask for old, new in changes)
        self._meeting: dict[frozenset[str], frozenset[str]] = {}

    def includes(self, name: str, writes: Collection[str]) -> bool:
        """Whether a slice is concerned of which the entries change these fields."""
        if name in self._owners:
            return True
        if len(self._boxes) > MAX_BOXES_LOOKED_AT or (writes and self._is_seen_otherwise):
            return True
        return name in self._owners_meeting(frozenset(writes))

    def _owners_meeting(self, writes: frozenset[str]) -> frozenset[str]:
        """Those who have packets of which these changes may make some that are in a box that has come or gone."""
        known = self._meeting.get(writes)
        if known is None:
            names = (*_NOT_SENT_ALONG, *sorted(writes))
            known = self._meeting[writes] = frozenset(
                found.owner
                for box in {forget(box, *names) for box in self._boxes}
                for ownership in self._here
                for found in ownership.overlapping(box)
            )
        return known
