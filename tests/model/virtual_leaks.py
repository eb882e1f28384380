"""Leaks to plant in virtual networks, one at a time. The model of them must find each."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

import pytest

from flowvisor.hypervisor import seen_addresses
from flowvisor.hypervisor.peers import Fabric, VirtualSwitch
from flowvisor.hypervisor.seen_addresses import SeenAddresses
from flowvisor.network.paths import Step
from flowvisor.openflow.actions import Actions
from flowvisor.planning import claims, placement, share_entries
from flowvisor.planning.claims import Claims
from flowvisor.planning.labels import Label
from flowvisor.planning.ownership import LABEL_GUARD_RANK, RankedBox
from flowvisor.planning.share import LabelEntries, LabelEntry

SHARES: Final = ("blue/big", "blue/lab", "red/hall")


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

    def entries(label: Label, step: Step, delivering: Actions, known: LabelEntries) -> LabelEntries:
        made = right(label, step, delivering, known)
        if step.out_port is not None or not delivering:
            return made
        return {in_port: LabelEntry(one.match, delivering) for in_port, one in made.items()}

    right = placement._entries
    patch.setattr(placement, "_entries", entries)


def networks_know_of_each_other(patch: pytest.MonkeyPatch) -> None:
    """An address that was seen in one network is answered for in the other, too."""

    def where(self: SeenAddresses, _share: str, key: tuple[int, int], now: float) -> tuple[int, int] | None:
        found = (seen_where(self, share, key, now) for share in SHARES)
        return next((one for one in found if one is not None), None)

    def shares(fabric: Fabric, share: str) -> Iterator[VirtualSwitch]:
        others = (other for other in SHARES if other != share)
        yield from chain(seen_shares(fabric, share), *(seen_shares(fabric, other) for other in others))

    seen_where, seen_shares = SeenAddresses.where, seen_addresses._shares
    patch.setattr(SeenAddresses, "where", where)
    patch.setattr(seen_addresses, "_shares", shares)
