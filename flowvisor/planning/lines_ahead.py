"""Who is hung up on and who is called when other files count: the controllers of a virtual switch that goes on."""

from __future__ import annotations

from flowvisor.configuration.snapshot import Settings
from flowvisor.configuration.tls_kinds import kind_of_switch
from flowvisor.slices.slice import Slice


def lines_ahead(
    old: Slice | None, new: Slice | None, dpid: int, before: Settings, after: Settings
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The controllers that are hung up on, and those that are called, where both slices are there."""
    if old is None or new is None:
        return (), ()
    terms = [
        {
            str(method): (
                one.versions,
                one.controller_certificates,
                kind_of_switch(one, dpid, settings) if method.uses_tls else None,
            )
            for method in one.controllers_of(dpid)
        }
        for one, settings in ((old, before), (new, after))
    ]
    gone = tuple(method for method, one in terms[0].items() if terms[1].get(method) != one)
    return gone, tuple(method for method, one in terms[1].items() if terms[0].get(method) != one)
