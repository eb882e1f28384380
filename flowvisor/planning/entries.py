"""The flow entries and groups that the hypervisor itself installs on a datapath."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import lru_cache
from types import MappingProxyType
from typing import Final

from flowvisor.flowspace.box import Box
from flowvisor.flowspace.layout import boxes_of, match_of
from flowvisor.network.discovery import PROBE_ADDRESS
from flowvisor.network.wanted_datapath import BaseEntry
from flowvisor.openflow.actions import NO_BUFFER_LEN, ApplyActions, GotoTable, Meter, Output
from flowvisor.openflow.match import MATCH_ALL, Match
from flowvisor.openflow.messages import GROUP_ADD, GROUP_TYPE_ALL, Bucket, FlowMod, GroupMod
from flowvisor.openflow.ports import CONTROLLER, LOCAL, NO_FLOOD, NO_FWD, PORT_DOWN
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.base_entries import instructions_of, matches_of
from flowvisor.planning.exact_matches import exact_where_required
from flowvisor.planning.ownership import ATTACHMENT_RANK, BASE_RANK, Ownership, RankedBox
from flowvisor.planning.plan import DatapathPlan, Enforcement

CLASSIFIER_TABLE: Final = 0
MAX_MATCHES_REMEMBERED: Final = (
    16_384  # of boxes of rules, about 1 KB each; the one longest unused is forgotten
)
# The upper half marks an entry as the hypervisor's; cookies of tenants are theirs to choose on `tables`, so it
# is looked at only together with the place (table 0, or the table-miss entry of a block).
COOKIE: Final = 0xF10F_0150_0000_0000
COOKIE_MASK: Final = 0xFFFF_FFFF_0000_0000
# The hypervisor's own meters have the highest ids that a datapath offers: so many, but never more than half of them.
MAX_OWN_METERS: Final = 4096
MAX_TENANT_GROUP: Final = 0xEFFF_FFFF  # slices' groups are numbered from 1 up to this
# The low bits are the first table of the slice's block.
FLOOD_GROUPS: Final = 0xF000_0000
ALL_GROUPS_OF_SLICES: Final = 0xF100_0000
CLOSED_GROUPS: Final = 0xF200_0000  # what stands for ports that slices have shut, see `closed_ports`
# Above them are those of virtual networks, see `share`.
HYPERVISOR_GROUPS: Final = range(0xF000_0000, 0xF800_0000)

# By slice and port: the configuration bits that the slice has set there for itself.
PortConfigs = Mapping[str, Mapping[int, int]]
SHUT: Final = PORT_DOWN | NO_FWD  # nothing of the slice's goes out there

# The highest are for what the hypervisor keeps for itself whosever it is: the probes by which it finds links, and above
# that, ports from which somebody floods it with what looks like them.
OWN_PRIORITY: Final = 0xFFFF
PROBE_PRIORITY: Final = OWN_PRIORITY - 1
BASE_PRIORITY: Final = PROBE_PRIORITY - 1  # the admin's own entries
# Above the slices' entries where matches are intersected are the fences, and below some of those another.
FENCE_PRIORITY: Final = BASE_PRIORITY - 1
HIGHEST_OF_SLICES: Final = FENCE_PRIORITY - 2


def flood_group(block: TableBlock) -> int:
    """The group that carries a slice's output to FLOOD."""
    return FLOOD_GROUPS | block.first


def all_group(block: TableBlock) -> int:
    """The group that carries a slice's output to ALL; apart from `flood_group`, so that either reads back."""
    return ALL_GROUPS_OF_SLICES | block.first


def max_tenant_meter(max_meter: int) -> int:
    """The highest id of a slice's meter where a datapath offers ids up to `max_meter`."""
    return max_meter - min(MAX_OWN_METERS, max_meter // 2)


def classifier_entries(plan: DatapathPlan) -> list[FlowMod]:
    """Table 0: each packet goes to the block of its slice, or is dropped. Empty when intersecting."""
    if plan.enforcement is not Enforcement.TABLES:
        return []
    return [
        *denying_entries(plan),
        *goto_entries(plan, plan.ownership.ranked),
        _entry(MATCH_ALL, priority=0, block=None),
    ]


def denying_entries(plan: DatapathPlan) -> list[FlowMod]:
    """Those of them that drop what slices' ACLs deny."""
    return list(_denying_entries(plan.ownership)) if plan.enforcement is Enforcement.TABLES else []


def fence_entries(plan: DatapathPlan) -> list[FlowMod]:
    """Where matches are intersected: what is nobody's is dropped above all entries of slices.

    That is what comes from LOCAL, unless a rule names it: taking it off each of their matches instead would make each
    of them one entry per port. And it is what slices' ACLs deny, see `fences`. Below that, for it is not
    to stop what passes, it is what only the core may send.
    """
    if plan.enforcement is Enforcement.TABLES:
        return []
    local = (Match.of(in_port=LOCAL),) if plan.ownership.local_is_nobodys else ()
    return [
        *(_entry(match, priority=FENCE_PRIORITY, block=None) for match in (*local, *plan.fences)),
        *(_entry(match, priority=FENCE_PRIORITY - 1, block=None) for match in plan.core_fences),
    ]


def base_entries(plan: DatapathPlan) -> list[FlowMod]:
    """The admin's own: above all that is slices', below what finds links."""
    return [entry for one in plan.base for entry in entries_of(one)]


def entries_of(base: BaseEntry) -> list[FlowMod]:
    """What one of them is on a datapath."""
    return [
        FlowMod(
            cookie=COOKIE,
            table_id=CLASSIFIER_TABLE,
            priority=BASE_PRIORITY,
            match=match,
            instructions=instructions_of(base),
        )
        for match in matches_of(base)
    ]


def probe_entry() -> FlowMod:
    """What brings back the probes by which links are found, above all else: no slice has them."""
    return FlowMod(
        cookie=COOKIE,
        table_id=CLASSIFIER_TABLE,
        priority=PROBE_PRIORITY,
        match=Match.of(eth_dst=PROBE_ADDRESS),
        instructions=(ApplyActions((Output(CONTROLLER, NO_BUFFER_LEN),)),),
    )


def no_probes_entry(port: int, seconds: int) -> FlowMod:
    """What stops a port for some time from sending the hypervisor what looks like its probes."""
    return FlowMod(
        cookie=COOKIE,
        table_id=CLASSIFIER_TABLE,
        priority=OWN_PRIORITY,
        hard_timeout=seconds,
        match=Match.of(in_port=port, eth_dst=PROBE_ADDRESS),
    )


def groups_of(
    plan: DatapathPlan, ports: Collection[int], configs: PortConfigs = MappingProxyType({})
) -> list[GroupMod]:
    """The groups by which each slice floods over those of the datapath's ports that it has and has not closed."""
    return [
        GroupMod(
            command=GROUP_ADD,
            group_type=GROUP_TYPE_ALL,
            group_id=group_id,
            buckets=tuple(
                Bucket(actions=(Output(port),))
                for port in plan.views[name].own_ports(ports)
                if not configs.get(name, {}).get(port, 0) & without
            ),
        )
        for name, block in plan.blocks.items()
        if name not in plan.shares
        for group_id, without in ((flood_group(block), SHUT | NO_FLOOD), (all_group(block), SHUT))
    ]


def miss_entry(table_id: int) -> FlowMod:
    """What a 1.0 controller expects of a table that no entry matches: the packet comes to it whole."""
    return FlowMod(
        cookie=COOKIE,
        table_id=table_id,
        priority=0,
        instructions=(ApplyActions((Output(CONTROLLER, NO_BUFFER_LEN),)),),
    )


def _denying_entries(ownership: Ownership) -> Iterator[FlowMod]:
    for rank, box in dict.fromkeys((rank, box) for rank, box, _ in ownership.denied_boxes()):
        for match in _matches_of(box):
            yield _entry(match, priority=classifier_priority(rank), block=None)


def goto_entries(plan: DatapathPlan, ranked: Iterable[RankedBox]) -> Iterator[FlowMod]:
    """Each packet of these boxes into its owner's tables. Those of virtual switches get in elsewhere; where nothing is
    attached that may be, they are dropped.
    """
    blocks = {name: block for name, block in plan.blocks.items() if name not in plan.shares}
    attached = {box for share in plan.shares.values() for match in share.attached for box in boxes_of(match)}
    for rank, box, owner in dict.fromkeys(ranked):
        if rank == BASE_RANK or (rank == ATTACHMENT_RANK and box in attached):
            continue
        meter = plan.meters.get(owner)
        for match in _matches_of(box):
            yield _entry(match, priority=classifier_priority(rank), block=blocks.get(owner), meter_id=meter)


@lru_cache(maxsize=MAX_MATCHES_REMEMBERED)
def _matches_of(box: Box) -> tuple[Match, ...]:
    """What a box of a rule is on a datapath; many datapaths have the same rules, and a reload most of those before."""
    return tuple(exact_where_required(match_of(box)))


def classifier_priority(rank: int) -> int:
    """The priority in table 0 of what has a rank: one above it, because priority 0 is the entry that drops the rest.

    Always below OWN_PRIORITY.
    """
    return rank + 1


def _entry(match: Match, *, priority: int, block: TableBlock | None, meter_id: int | None = None) -> FlowMod:
    metered = () if meter_id is None else (Meter(meter_id),)
    return FlowMod(
        cookie=COOKIE,
        table_id=CLASSIFIER_TABLE,
        priority=priority,
        match=match,
        instructions=() if block is None else (*metered, GotoTable(block.first)),
    )
