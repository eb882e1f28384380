"""A virtual switch's flow entries for people who look from outside: as its tenant wrote them, each once.

Each share is asked as it is for a slice; what they tell is put together by the entries that are kept here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial

from attrs import evolve

from flowvisor.hypervisor.big.big_switch import BigSwitch
from flowvisor.hypervisor.big.entries import Entry, key_of
from flowvisor.hypervisor.big.statistics import as_written, of_absent, sum_of_flows
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.translation.flow_listing import Making, list_flows
from flowvisor.openflow.multipart import FlowStats


def list_entries(big: BigSwitch, listed: Callable[[Making | None, Effects], None], effects: Effects) -> None:
    """Ask all its datapaths; `listed` is given the entries, or None if one of them does not answer.

    It is never called if a datapath leaves meanwhile. An entry that none of them has counts nothing more, and is told.
    """
    if not big.is_spread:
        for share in big.shares.values():
            list_flows(share, listed, effects)
        if not big.shares:
            listed(None, effects)
        return
    shares = dict(big.shares)
    waits = set(shares)
    told: list[Making] = []

    def heard(dpid: int, made: Making | None, effects: Effects) -> None:
        if dpid not in waits:
            return  # another one has not answered, which was told
        waits.remove(dpid)
        if made is None:
            waits.clear()
            listed(None, effects)
            return
        told.append(made)
        if not waits:
            _end(big, told, listed, effects)

    if not waits:
        _end(big, told, listed, effects)
    for dpid, share in shares.items():
        list_flows(share, partial(heard, dpid), effects)


def _end(
    big: BigSwitch, told: list[Making], listed: Callable[[Making | None, Effects], None], effects: Effects
) -> None:
    now = effects.now
    found = _united(big, (stats for made in told for stats in made()), now)
    listed(lambda: (_in_its_words(entry, stats, now) for entry, stats in found), effects)


def _united(big: BigSwitch, told: Iterable[FlowStats], now: float) -> list[tuple[Entry, FlowStats | None]]:
    """The tenant's entries, each with what its copies have counted; what is about to go is in none of its tables."""
    found: dict[Entry, FlowStats] = {}
    for one in told:
        entry = big.entries.find(key_of(one.table_id, one.priority, one.match))
        if entry is not None:
            before = found.get(entry)
            found[entry] = one if before is None else sum_of_flows(before, one)
    return [
        (entry, as_written(entry, found[entry], now) if entry in found else None) for entry in big.entries
    ]


def _in_its_words(entry: Entry, counted: FlowStats | None, now: float) -> FlowStats:
    written = entry.flow_mod()
    stats = of_absent(entry, now) if counted is None else counted
    return evolve(stats, cookie=entry.cookie, match=written.match, instructions=written.instructions)
