"""GROUP_MOD, METER_MOD and PORT_MOD: on all legs or on none, and kept for shares that join later."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, TypeVar

from attrs import evolve

from flowvisor.hypervisor.big.big_switch import BigChannel, BigSwitch
from flowvisor.hypervisor.big.changes import Undo, begin_change
from flowvisor.hypervisor.big.copies import command, own_leg
from flowvisor.hypervisor.big.entries import Entry
from flowvisor.hypervisor.big.errands import finish_if_unsent, send
from flowvisor.hypervisor.big.flow_mod import end, revive
from flowvisor.hypervisor.big.flow_removed import finish_ending, tell
from flowvisor.hypervisor.big.port_status import tell_port
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import Group, Meter
from flowvisor.openflow.messages import (
    ALL_GROUPS,
    ALL_METERS,
    GROUP_ADD,
    GROUP_DELETE,
    GROUP_MODIFY,
    METER_ADD,
    METER_DELETE,
    METER_MODIFY,
    PORT_MODIFY,
    REMOVED_BY_DELETE,
    REMOVED_BY_GROUP_DELETE,
    GroupMod,
    Message,
    MeterMod,
    PortMod,
)
from flowvisor.openflow.ports import PORT_DOWN

# The same numbers for groups and for meters.
_ADD: Final = GROUP_ADD
_MODIFY: Final = GROUP_MODIFY
_DELETE: Final = GROUP_DELETE
assert (_ADD, _MODIFY, _DELETE) == (METER_ADD, METER_MODIFY, METER_DELETE)

Mod = TypeVar("Mod", GroupMod, MeterMod)
Touched = dict[int, tuple[Mod | None, Mod | None]]  # by number: what it was, and what it was made


def group_mod(channel: BigChannel, frame: bytes, message: GroupMod, effects: Effects) -> Refusal | None:
    """A GROUP_MOD."""
    big, number = channel.switch, message.group_id
    gone = list(big.groups) if number == ALL_GROUPS else [number]
    touched = _rewrite(big.groups, number, gone, message)
    ended = _users(big, message, [Group(one) for one in gone])

    def undo(took: set[int], effects: Effects) -> None:
        _say(big, took, _back(big.groups, touched), effects)
        revive(big, ended, took, effects)

    _change(channel, frame, ended, REMOVED_BY_GROUP_DELETE, undo, effects)
    return None


def meter_mod(channel: BigChannel, frame: bytes, message: MeterMod, effects: Effects) -> Refusal | None:
    """A METER_MOD."""
    big, number = channel.switch, message.meter_id
    gone = list(big.meters) if number == ALL_METERS else [number]
    touched = _rewrite(big.meters, number, gone, message)
    ended = _users(big, message, [Meter(one) for one in gone])

    def undo(took: set[int], effects: Effects) -> None:
        _say(big, took, _back(big.meters, touched), effects)
        revive(big, ended, took, effects)

    _change(channel, frame, ended, REMOVED_BY_DELETE, undo, effects)
    return None


def _rewrite(kept: dict[int, Mod], number: int, gone: list[int], mod: Mod) -> Touched[Mod]:
    """Write down what a modification makes; return what it has changed. A refusal is the shares' to say."""
    if mod.command == _DELETE:
        return {one: (kept.pop(one), None) for one in gone if one in kept}
    if mod.command not in (_ADD, _MODIFY) or (mod.command == _ADD) == (number in kept):
        return {}
    before = kept.get(number)
    kept[number] = evolve(mod, xid=0, command=_ADD)
    return {number: (before, kept[number])}


def _back(kept: dict[int, Mod], touched: Touched[Mod]) -> list[Message]:
    """Put back what it was before, unless it is another one by now; what is to be said where it was taken."""
    again: list[Message] = []
    for number, (before, made) in touched.items():
        if kept.get(number) is not made:
            continue
        if before is not None:
            kept[number] = before
            again.append(evolve(before, command=_ADD if made is None else _MODIFY))
        else:
            assert made is not None
            del kept[number]
            again.append(evolve(made, command=_DELETE))
    return again


def names_of(mod: GroupMod) -> set[int]:
    """The groups that a group's buckets lead to."""
    return {one.group_id for bucket in mod.buckets for one in bucket.actions if isinstance(one, Group)}


def _users(big: BigSwitch, mod: GroupMod | MeterMod, gone: Iterable[Group | Meter]) -> list[Entry]:
    """The entries that a deletion takes along."""
    if mod.command != _DELETE:
        return []
    return [entry for one in gone for entry in big.entries.users_of(one)]


def port_mod(channel: BigChannel, frame: bytes, message: PortMod, effects: Effects) -> Refusal | None:
    """A PORT_MOD: the other controllers are told of what has become of the port."""
    big = channel.switch
    port = big.ports.get(message.port)
    if port is None:
        return Refusal(codes.PORT_MOD_BAD_PORT, "foreign-port")
    if message.hw_addr != port.hw_addr:
        return Refusal(codes.PORT_MOD_BAD_HW_ADDR, "hw-addr")
    before = big.configs.bits.get(port.number, 0)
    config = before & ~message.mask | message.config & message.mask
    big.configs.put(port.number, config)

    def undo(took: set[int], effects: Effects) -> None:
        if big.configs.bits.get(port.number, 0) == config:
            big.configs.put(port.number, before)
            _say(big, took, [evolve(message, xid=0, config=before)], effects)

    def confirm(effects: Effects) -> None:
        now = big.ports.get(port.number)
        if now is not None and before != config:
            # Who asked knows already, as Open vSwitch has it, unless the state has changed with it.
            is_down = bool((before ^ config) & PORT_DOWN)
            tell_port(big, PORT_MODIFY, now, effects, but=None if is_down else channel)

    change = begin_change(channel, frame, undo, confirm)
    for leg in channel.legs.values():
        send(leg, frame, change, effects)
    finish_if_unsent(change, effects)
    return None


def _change(
    channel: BigChannel, frame: bytes, ended: list[Entry], reason: int, undo: Undo, effects: Effects
) -> None:
    big = channel.switch
    silent = end(big, ended, reason)

    def confirm(effects: Effects) -> None:
        for entry in silent:
            tell(big, entry, effects)
        finish_ending(big, ended, effects)

    change = begin_change(channel, frame, undo, confirm)
    for leg in channel.legs.values():
        send(leg, frame, change, effects)
    finish_if_unsent(change, effects)


def _say(big: BigSwitch, dpids: set[int], messages: list[Message], effects: Effects) -> None:
    for dpid in sorted(dpids):
        leg = own_leg(big, dpid)
        for message in messages if leg is not None else ():
            assert leg is not None
            command(leg, message, "undoing", effects)
