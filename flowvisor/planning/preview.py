"""What other files would do to datapaths and channels, said before it is done."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple

from attrs import evolve, field, frozen

from flowvisor.configuration.changes import Changes, changes, live
from flowvisor.configuration.match_values import format_value
from flowvisor.configuration.snapshot import Configuration
from flowvisor.openflow.actions import ApplyActions, GotoTable, Group, Meter, Output, WriteMetadata
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.ports import CONTROLLER, FLOOD, IN_PORT, LOCAL, NORMAL
from flowvisor.planning.ahead import Ahead, Facts
from flowvisor.planning.allocation import LAST_TABLE, Allocations
from flowvisor.planning.claims import Claims, claims_of
from flowvisor.planning.embedding_ahead import embedded
from flowvisor.planning.entries import BASE_PRIORITY, CLASSIFIER_TABLE, PROBE_PRIORITY
from flowvisor.planning.lines_ahead import lines_ahead
from flowvisor.planning.meters import meter_ids
from flowvisor.planning.network_preview import (
    CLOSED,
    KEPT,
    OPENED,
    REOPENED,
    Laid,
    NetworkChanges,
    differing_datapaths,
    network_changes,
)
from flowvisor.planning.own_state import own_entries
from flowvisor.planning.plan import Compiled, DatapathPlan, compile_plan
from flowvisor.planning.share import IN_PORT_BITS, port_of_group
from flowvisor.planning.touched import Touched
from flowvisor.planning.view import View
from flowvisor.policies.bandwidth import Bandwidth
from flowvisor.slices.flowspace_slice import ALL_DATAPATHS
from flowvisor.slices.virtual_network import slice_of_share

OTHER_DATAPATHS: Final = "all other datapaths"
OTHER_PORTS: Final = "others"  # that no rule names
PROBES: Final = "probes for links"
MOVES: Final = "us, for a port has moved"
DROP: Final = "drop"
_PORTS: Final = {LOCAL: "local", NORMAL: "normal", FLOOD: "flood"}

# A 1.3 datapath with as many tables as there may be, which stands for one that is not connected.
LIKELY: Final = Facts(version=4, n_tables=LAST_TABLE)


class Entry(NamedTuple):
    """One of the hypervisor's own flow entries: for which packets it is, and whose they become."""

    priority: int
    packets: str
    to: str

    def __str__(self) -> str:
        return f"priority {self.priority}: {self.packets} -> {self.to}"


@frozen
class EntryChanges:
    """Of entries; one that `changed` has the same packets and gives them to somebody else."""

    added: tuple[Entry, ...] = ()
    changed: tuple[tuple[Entry, Entry], ...] = ()
    removed: tuple[Entry, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.changed or self.removed)


@frozen
class SliceChanges:
    """Of one virtual switch: what becomes of its channels, who is hung up on or called, and its ports."""

    channels: str = KEPT
    hung_up_on: tuple[str, ...] = ()
    called: tuple[str, ...] = ()
    ports_gained: tuple[str, ...] = ()
    ports_lost: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self != UNCHANGED


UNCHANGED: Final = SliceChanges()


@frozen
class DatapathChanges:
    """Of one datapath; `enforcement` is how slices were kept apart there and how they will be, if that is another."""

    name: str
    entries: EntryChanges
    slices: Mapping[str, SliceChanges]
    enforcement: tuple[str, str] | None = None

    def __bool__(self) -> bool:
        return bool(self.entries or self.slices or self.enforcement)


@frozen
class Preview:
    """Everything that changes, in the files and because of them."""

    files: Changes
    datapaths: tuple[DatapathChanges, ...] = field(default=())
    networks: tuple[NetworkChanges, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.files or self.datapaths or self.networks)


def preview(ahead: Ahead, written: Configuration) -> Preview:
    """What a reload would do to what runs, as `written` stands."""
    before, compiled = ahead.before, (Compiled(), Compiled())
    after = evolve(written, settings=live(written.settings, before.settings))
    allocated = ahead.allocated(after)
    touched = Touched(before, after, ahead.allocations.blocks, allocated.blocks)
    laid = (
        Laid(before, ahead.allocations, embedded(ahead, before, ahead.allocations)),
        Laid(after, allocated, embedded(ahead, after, allocated)),
    )
    dpids = touched.with_near_ends(ahead.datapaths, ahead.links)
    dpids |= differing_datapaths(laid[0].embedding, laid[1].embedding)
    claims = claims_of(before), claims_of(after)
    found = []
    for dpid, facts in sorted(ahead.datapaths.items()):
        plans = None
        if dpid in dpids:
            old = _plan(laid[0], dpid, facts, compiled[0], claims[0])
            plans = old, _plan(laid[1], dpid, facts, compiled[1], claims[1])
        one = _datapath(before, after, dpid, facts, plans)
        if one:
            found.append(one)
    return Preview(changes(before, written), tuple(found), tuple(network_changes(*laid)))


def offline(before: Configuration, after: Configuration, allocations: Allocations) -> Ahead:
    """What runs, where nobody can be asked: every datapath that either of the files names, and one for all others."""
    rules = [rule for files in (before, after) for one in files.flowspace_slices for rule in one.rules]
    dpids = {dpid for rule in rules if rule.datapaths is not ALL_DATAPATHS for dpid in rule.datapaths}
    dpids |= {dpid for files in (before, after) for dpid in files.settings.datapaths.values()}
    networks = [one for files in (before, after) for one in files.virtual_networks]
    dpids |= {dpid for one in networks for _, switch in one.shares for dpid in switch.datapaths}
    other = next(dpid for dpid in range(len(dpids) + 1) if dpid not in dpids)
    links = tuple(pair for one, far in before.settings.links for pair in ((one, far), (far, one)))
    datapaths = {**dict.fromkeys(dpids, LIKELY), other: evolve(LIKELY, stands_for_others=True)}
    allocated = allocations.allocate((one for one in before.slices if one.may_write), before.settings.labels)
    return Ahead(before, allocated, datapaths, links)


def _plan(laid: Laid, dpid: int, facts: Facts, compiled: Compiled, claims: Claims) -> DatapathPlan:
    files = laid.files
    plan = compile_plan(
        files.flowspace_slices,
        laid.allocations,
        dpid=dpid,
        version=facts.version,
        n_tables=facts.n_tables,
        acls=files.acls,
        compiled=compiled,
        claims=claims,
        part=laid.embedding.part(dpid),
    )
    bounded = {one.name for one in files.slices if files.policy_of(one, Bandwidth) is not None}
    limited = [name for name in plan.blocks if slice_of_share(name) in bounded]
    return evolve(plan, meters=meter_ids(plan.blocks, limited, facts.max_meter))


def _datapath(
    before: Configuration,
    after: Configuration,
    dpid: int,
    facts: Facts,
    plans: tuple[DatapathPlan, DatapathPlan] | None,
) -> DatapathChanges:
    name = OTHER_DATAPATHS if facts.stands_for_others else after.datapath_name(dpid)
    if plans is None:
        slices = _untouched_slices(before, after, dpid)
        return DatapathChanges(name, EntryChanges(), slices)
    old, new = plans
    return DatapathChanges(
        name,
        entry_changes(_entries(old), _entries(new)),
        _slices(before, after, dpid, facts, plans),
        None if old.enforcement is new.enforcement else (old.enforcement.value, new.enforcement.value),
    )


def entry_changes(before: Iterable[Entry], after: Iterable[Entry]) -> EntryChanges:
    """What differs; entries are the same if they are for the same packets with the same priority."""
    old = {(one.priority, one.packets): one for one in before}
    new = {(one.priority, one.packets): one for one in after}
    return EntryChanges(
        added=tuple(one for key, one in new.items() if key not in old),
        changed=tuple((old[key], one) for key, one in new.items() if key in old and old[key] != one),
        removed=tuple(one for key, one in old.items() if key not in new),
    )


def _entries(plan: DatapathPlan) -> list[Entry]:
    return [describe_entry(plan, one) for one in own_entries(plan, {}) if one.table_id == CLASSIFIER_TABLE]


def describe_entry(plan: DatapathPlan, entry: FlowMod) -> Entry:
    """One of a plan's own entries, in the admin's words."""
    to, port = DROP, ""
    for instruction in entry.instructions:
        if isinstance(instruction, GotoTable):
            to = _first_tables(plan)[instruction.table_id] + port
        elif isinstance(instruction, WriteMetadata):
            port = f", port {instruction.metadata & IN_PORT_BITS}"
        elif isinstance(instruction, ApplyActions):
            to = _sent_to(plan, entry, instruction)
    meters = [one.meter_id for one in entry.instructions if isinstance(one, Meter)]
    limited = "".join(f", limited by meter {meter_id}" for meter_id in meters)
    return Entry(entry.priority, describe_match(entry.match), to + limited)


def _first_tables(plan: DatapathPlan) -> dict[int, str]:
    """Whose packets come in by which table."""
    first_tables = {block.first: name for name, block in plan.blocks.items()}
    return first_tables | {share.first_table: name for name, share in plan.shares.items()}


def _sent_to(plan: DatapathPlan, entry: FlowMod, applied: ApplyActions) -> str:
    """Where an entry sends packets by itself: probes to us, and those of virtual networks on their way."""
    ports = [one.port for one in applied.actions if isinstance(one, Output)]
    if entry.priority == BASE_PRIORITY:
        return f"the admin's own: out of {', '.join(map(_port, ports))}"
    if CONTROLLER in ports:
        return PROBES if entry.priority == PROBE_PRIORITY else MOVES
    for group_id in (one.group_id for one in applied.actions if isinstance(one, Group)):
        for share in plan.shares.values():
            port = port_of_group(share.block, group_id)
            if port is not None:
                return f"out of {share.name}, port {port}"
    back = entry.match.fields["in_port"][0]
    return "".join(f"out of port {back if port == IN_PORT else port}" for port in ports)


def describe_match(match: Match) -> str:
    """A match as the admin would write it."""
    said = [f"{name} {format_value(name, *match.fields[name])}" for name in FIELDS if name in match.fields]
    return ", ".join(said) or "any packet"


def _slices(
    before: Configuration,
    after: Configuration,
    dpid: int,
    facts: Facts,
    plans: tuple[DatapathPlan, DatapathPlan],
) -> dict[str, SliceChanges]:
    old, new = plans
    names = {one.name: one for one in before.slices}, {one.name: one for one in after.slices}
    found = {}
    for name in sorted((old.views.keys() | new.views.keys()) - old.shares.keys() - new.shares.keys()):
        view, other = old.views.get(name), new.views.get(name)
        lines = lines_ahead(names[0].get(name), names[1].get(name), dpid, before.settings, after.settings)
        ports = [_ports(one, old, new, facts) for one in (view, other)]
        if view is not None and other is not None:
            is_kept = (view.block, view.may_write) == (other.block, other.may_write)
            one = SliceChanges(
                KEPT if is_kept else REOPENED,
                *(lines if is_kept else ((), ())),
                ports_gained=tuple(port for port in ports[1] if port not in ports[0]),
                ports_lost=tuple(port for port in ports[0] if port not in ports[1]),
            )
        elif other is not None:
            one = SliceChanges(OPENED, ports_gained=ports[1])
        else:
            one = SliceChanges(CLOSED, ports_lost=ports[0])
        if one:
            found[name] = one
    return found


def _untouched_slices(before: Configuration, after: Configuration, dpid: int) -> dict[str, SliceChanges]:
    """Of a datapath at which nothing changes but, it may be, who controls it."""
    old = {one.name: one for one in before.flowspace_slices}
    found = {}
    for one in after.flowspace_slices:
        if one.rules_at(dpid):
            hung_up_on, called = lines_ahead(old.get(one.name), one, dpid, before.settings, after.settings)
            if hung_up_on or called:
                found[one.name] = SliceChanges(hung_up_on=hung_up_on, called=called)
    return found


def _ports(view: View | None, old: DatapathPlan, new: DatapathPlan, facts: Facts) -> tuple[str, ...]:
    """The ports that a slice is told of: of those that the datapath has, or else of those that rules name."""
    if view is None:
        return ()
    if facts.ports is not None:
        return tuple(_port(port) for port in facts.ports if view.sees_port(port))
    named = sorted(old.ownership.named_ports | new.ownership.named_ports)
    found = [_port(port) for port in named if view.sees_port(port)]
    other = next(port for port in range(1, len(named) + 2) if port not in named)
    return (*found, OTHER_PORTS) if view.sees_port(other) else tuple(found)


def _port(port: int) -> str:
    return _PORTS.get(port, str(port))
