"""A share that joins is made what its virtual switch is: groups, meters and entries, before any controller sees it.

Strategy: it is read first, and given only the difference, so that what it has kept while it was away goes on counting.
What the tenant had written before we began nobody else knows: the first time that a share is read, what it has is
taken over into the tables, unless it was deleted meanwhile. From then on the tables say what is right.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from attrs import evolve

from flowvisor.hypervisor.big.big_switch import BigSwitch, Errand, Joining, Leg
from flowvisor.hypervisor.big.copies import command, own_leg, put
from flowvisor.hypervisor.big.entries import Entry, key_of
from flowvisor.hypervisor.big.errands import ask, begin, send_in_time
from flowvisor.hypervisor.big.modifications import names_of
from flowvisor.hypervisor.effects import Effects
from flowvisor.openflow import ports, v13
from flowvisor.openflow.messages import (
    DELETE_STRICT,
    GROUP_ADD,
    GROUP_DELETE,
    GROUP_MODIFY,
    METER_ADD,
    METER_DELETE,
    METER_MODIFY,
    SEND_FLOW_REM,
    BarrierRequest,
    FlowMod,
    GroupMod,
    Message,
    MeterMod,
    PortMod,
)
from flowvisor.openflow.multipart import (
    FlowStats,
    FlowStatsRequest,
    GroupDescRequest,
    MeterConfigRequest,
)
from flowvisor.openflow.traits import TRAITS

_REQUESTS: Final = (FlowStatsRequest(), GroupDescRequest(), MeterConfigRequest())
_LISTS: Final = ("flows", "groups", "meters")
_NANO: Final = 1e-9
# What can be configured in each version, of which the second says less.
_CONFIG: Final = {
    1: ports.PORT_DOWN
    | ports.NO_RECV
    | ports.NO_RECV_STP
    | ports.NO_FLOOD
    | ports.NO_FWD
    | ports.NO_PACKET_IN,
    4: ports.PORT_DOWN | ports.NO_RECV | ports.NO_FWD | ports.NO_PACKET_IN,
}

Ready = Callable[[Effects], None]
Found = dict[str, list[Any]]


def begin_replay(big: BigSwitch, joining: Joining, leg: Leg, ready: Ready, effects: Effects) -> None:
    """Read a share over the switch's own leg, make it right, and go on when it is."""
    found: Found = {name: [] for name in _LISTS}
    joining.waits = len(_REQUESTS)

    def told(errand: Errand, effects: Effects) -> None:
        for reply in map(v13.decode, errand.replies.get(leg.dpid, ())):
            for name in _LISTS:
                found[name].extend(getattr(reply, name, ()))
        joining.waits -= 1
        if not joining.waits and not joining.is_over:
            _make_right(big, leg, found, joining, ready, effects)

    for request in _REQUESTS:
        frame = v13.encode(request)
        ask(leg, frame, begin(leg.owner, frame, told), effects)


def _make_right(
    big: BigSwitch, leg: Leg, found: Found, joining: Joining, ready: Ready, effects: Effects
) -> None:
    big.replaying += 1
    is_first = leg.dpid not in big.known
    big.shares[leg.dpid] = joining.share  # from now on entries belong here, too
    if is_first and big.deletions is not None:
        _take_over(big, leg.dpid, found, effects)
    big.known.add(leg.dpid)
    _groups(big, leg, found["groups"], effects)
    _meters(big, leg, found["meters"], effects)
    _entries(big, leg, found["flows"], effects)
    frame = v13.encode(BarrierRequest())

    def done(_errand: Errand, effects: Effects) -> None:
        big.replaying -= 1
        if not joining.is_over:
            ready(effects)

    send_in_time(leg, frame, begin(leg.owner, frame, done), effects, is_asked=True)


def _take_over(big: BigSwitch, dpid: int, found: Found, effects: Effects) -> None:
    for port, config in big.shares[dpid].port_configs.bits.items():
        big.configs.put(port, big.configs.bits.get(port, config))
    for desc in found["groups"]:
        group = GroupMod(
            command=GROUP_ADD, group_type=desc.group_type, group_id=desc.group_id, buckets=desc.buckets
        )
        big.groups.setdefault(desc.group_id, group)
    for config in found["meters"]:
        meter = MeterMod(command=METER_ADD, flags=config.flags, meter_id=config.meter_id, bands=config.bands)
        big.meters.setdefault(config.meter_id, meter)
    for flow in found["flows"]:
        key = key_of(flow.table_id, flow.priority, flow.match)
        if big.entries.find(key) is None and big.entries.room_for(key) and not _was_deleted(big, flow):
            entry = _entry_of(flow, effects.now)
            big.entries.put(entry)
            entry.copies[dpid] = 1


def _entry_of(flow: FlowStats, now: float) -> Entry:
    written = FlowMod(
        cookie=flow.cookie,
        table_id=flow.table_id,
        idle_timeout=flow.idle_timeout,
        hard_timeout=flow.hard_timeout,
        priority=flow.priority,
        flags=flow.flags,
        match=flow.match,
        instructions=flow.instructions,
    )
    return Entry(
        key=key_of(flow.table_id, flow.priority, flow.match),
        version=v13.VERSION,
        request=v13.encode(written),
        cookie=flow.cookie,
        flags=flow.flags,
        in_port=flow.match.exact("in_port"),
        idle_timeout=flow.idle_timeout,
        hard_timeout=flow.hard_timeout,
        began_at=now - flow.duration_sec - flow.duration_nsec * _NANO,
    )


def _was_deleted(big: BigSwitch, flow: FlowStats) -> bool:
    assert big.deletions is not None
    entry = _entry_of(flow, 0.0)
    return any(entry.is_meant_by(message) for message in big.deletions)


def _groups(big: BigSwitch, leg: Leg, found: Iterable[Any], effects: Effects) -> None:
    there = {desc.group_id: (desc.group_type, desc.buckets) for desc in found}
    for group_id in in_order({one: names_of(mod) for one, mod in big.groups.items()}):
        mod = big.groups[group_id]
        if there.get(group_id) != (mod.group_type, mod.buckets):
            how = GROUP_MODIFY if group_id in there else GROUP_ADD
            command(leg, evolve(mod, command=how), "group", effects)
    for group_id in there.keys() - big.groups.keys():
        command(leg, GroupMod(command=GROUP_DELETE, group_id=group_id), "group", effects)


def in_order(names: Mapping[int, set[int]]) -> list[int]:
    """Groups, each behind those that it names."""
    left, ordered = dict(names), dict[int, None]()
    while left:
        free = [one for one, named in left.items() if not named & left.keys()] or list(left)
        for one in free:
            ordered[one] = None
            del left[one]
    return list(ordered)


def configure_ports(big: BigSwitch, dpid: int, effects: Effects) -> None:
    """Have a share's ports configured as the tenant wants them; some bits only a 1.0 controller's leg can say."""
    share = big.shares[dpid]
    channel = next((one for one in big.channels if not TRAITS[one.version].has_tables), big.own)
    leg = None if channel is None else channel.legs.get(dpid)
    if channel is None or leg is None:
        return
    mask = _CONFIG[channel.version]
    for number, port in big.ports.items():
        wanted, there = big.configs.bits.get(number, 0), share.port_configs.bits.get(number, 0)
        if (wanted ^ there) & mask:
            mod = PortMod(port=number, hw_addr=port.hw_addr, config=wanted & mask, mask=mask)
            command(leg, mod, "port", effects)


def _meters(big: BigSwitch, leg: Leg, found: Iterable[Any], effects: Effects) -> None:
    there = {config.meter_id: (config.flags, config.bands) for config in found}
    for meter_id, mod in big.meters.items():
        if there.get(meter_id) != (mod.flags, mod.bands):
            how = METER_MODIFY if meter_id in there else METER_ADD
            command(leg, evolve(mod, command=how), "meter", effects)
    for meter_id in there.keys() - big.meters.keys():
        command(leg, MeterMod(command=METER_DELETE, meter_id=meter_id), "meter", effects)


def _entries(big: BigSwitch, leg: Leg, found: Iterable[FlowStats], effects: Effects) -> None:
    dpid = leg.dpid
    there = {key_of(one.table_id, one.priority, one.match): one for one in found}
    wanted: set[object] = set()
    for entry in big.entries:
        settle(big, entry, effects, there_at=dpid if _is_same(entry, there, effects.now) else None)
        if dpid in entry.copies:
            wanted.update(entry.parts)
    for key, flow in there.items():
        if key not in wanted:
            command(leg, _deletion_of(flow), "entry", effects)


def _is_same(entry: Entry, there: Mapping[Any, FlowStats], now: float) -> bool:
    """Whether a share has all that an entry is, as it should be."""
    return all(
        (flow := there.get(key_of(one.table_id, one.priority, one.match))) is not None
        and (flow.cookie, flow.instructions) == (one.cookie, one.instructions)
        and flow.flags & SEND_FLOW_REM == one.flags & SEND_FLOW_REM
        for one in entry.on_13(now)
    )


def _deletion_of(flow: FlowStats) -> Message:
    return FlowMod(table_id=flow.table_id, command=DELETE_STRICT, priority=flow.priority, match=flow.match)


def settle(big: BigSwitch, entry: Entry, effects: Effects, *, there_at: int | None = None) -> None:
    """Have an entry where it belongs now, and nowhere else. A datapath may have it without our knowing."""
    wanted = set(big.places_of(entry.in_port))
    if there_at is not None:
        entry.copies.setdefault(there_at, len(entry.parts))
    for dpid in sorted(wanted - entry.copies.keys()):
        put(big, dpid, entry, effects)
    for dpid in sorted(entry.copies.keys() - wanted):
        leave(big, dpid, entry, effects)


def leave(big: BigSwitch, dpid: int, entry: Entry, effects: Effects) -> None:
    """Take an entry away where it does not belong any more; what it has counted there goes on counting."""
    del entry.copies[dpid]
    leg = own_leg(big, dpid)
    if leg is None:
        return
    if entry.is_watched:
        entry.moved_from.add(dpid)
    for message in entry.deletions():
        command(leg, message, "entry", effects)
