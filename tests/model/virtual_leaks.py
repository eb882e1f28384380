"""Leaks to plant in virtual networks, one at a time. The model of them must find each."""

from __future__ import annotations

import pytest

from flowvisor.planning import claims, placement, share_entries
from flowvisor.planning.claims import Claims
from flowvisor.planning.ownership import LABEL_GUARD_RANK, RankedBox
from flowvisor.planning.share import LabelEntry


def no_label_guard(patch: pytest.MonkeyPatch) -> None:
    """Who has a link's port may send there what passes for a label."""
    patch.setattr(claims, "matches_of_labels", lambda _labels: [])


def floods_go_back(patch: pytest.MonkeyPatch) -> None:
    """What came in at a port that has forgotten it is flooded to all ports, that one too."""
    patch.setattr(share_entries, "_by_port", lambda _share, _port: iter(()))


def attachments_are_the_slices(patch: pytest.MonkeyPatch) -> None:
    """Flowspace slices may send to where virtual ports are attached."""

    def at(self: Claims, dpid: int) -> tuple[RankedBox, ...]:
        return tuple(one for one in claimed(self, dpid) if one.rank == LABEL_GUARD_RANK)

    claimed = Claims.at
    patch.setattr(Claims, "at", at)


def labels_are_left_on(patch: pytest.MonkeyPatch) -> None:
    """What is delivered over the core still has its label."""
    patch.setattr(
        placement,
        "_arriving",
        lambda label, in_port, delivering: LabelEntry(label.arrival(in_port), delivering),
    )
