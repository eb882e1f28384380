"""What a virtual switch over several datapaths offers: what each of them does."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from attrs import evolve

from flowvisor.hypervisor.big.big_switch import BigChannel
from flowvisor.hypervisor.big.fan_out import ask_legs, first_leg
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.refusal import Refusal
from flowvisor.hypervisor.translation.statistics import send_reply
from flowvisor.hypervisor.translation.switch_messages import answer
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import FeaturesReply, Message
from flowvisor.openflow.multipart import (
    GroupFeaturesReply,
    GroupFeaturesRequest,
    MeterFeaturesReply,
    MeterFeaturesRequest,
    PortDescReply,
    PortDescRequest,
    TableFeatures,
    TableFeaturesReply,
    TableFeaturesRequest,
    TableProperty,
)
from flowvisor.openflow.traits import TRAITS

Replies = dict[int, list[Message]]


def features(channel: BigChannel, frame: bytes, request: Message, effects: Effects) -> Refusal | None:
    """FEATURES: what a share says of itself, but for whose it is and which ports it has."""
    big = channel.switch

    def merge(replies: Replies, effects: Effects) -> None:
        told = _only(replies, FeaturesReply)
        capabilities = told[0].capabilities
        for one in told[1:]:
            capabilities &= one.capabilities
        shown = tuple(map(big.shown, big.ports.values())) if TRAITS[channel.version].ports_in_features else ()
        reply = evolve(told[0], xid=request.xid, dpid=big.name.dpid, capabilities=capabilities, ports=shown)
        answer(channel, reply, effects)

    ask_legs(channel, frame, frame, channel.legs.values(), merge, effects)
    return None


def ports(channel: BigChannel, _frame: bytes, request: PortDescRequest, effects: Effects) -> Refusal | None:
    """PORT_DESC."""
    shown = [channel.switch.shown(port) for _, port in sorted(channel.switch.ports.items())]
    send_reply(channel, PortDescReply(xid=request.xid), "ports", shown, effects)
    return None


def groups(
    channel: BigChannel, frame: bytes, request: GroupFeaturesRequest, effects: Effects
) -> Refusal | None:
    """GROUP_FEATURES."""

    def merge(replies: Replies, effects: Effects) -> None:
        first, *others = _only(replies, GroupFeaturesReply)
        for one in others:
            first = evolve(
                first,
                types=first.types & one.types,
                capabilities=first.capabilities & one.capabilities,
                max_groups=tuple(map(min, first.max_groups, one.max_groups)),
                actions=tuple(a & b for a, b in zip(first.actions, one.actions, strict=True)),
            )
        answer(channel, evolve(first, xid=request.xid), effects)

    ask_legs(channel, frame, frame, channel.legs.values(), merge, effects)
    return None


def meters(
    channel: BigChannel, frame: bytes, request: MeterFeaturesRequest, effects: Effects
) -> Refusal | None:
    """METER_FEATURES."""

    def merge(replies: Replies, effects: Effects) -> None:
        first, *others = _only(replies, MeterFeaturesReply)
        for one in others:
            first = evolve(
                first,
                max_meter=min(first.max_meter, one.max_meter),
                band_types=first.band_types & one.band_types,
                capabilities=first.capabilities & one.capabilities,
                max_bands=min(first.max_bands, one.max_bands),
                max_color=min(first.max_color, one.max_color),
            )
        answer(channel, evolve(first, xid=request.xid), effects)

    ask_legs(channel, frame, frame, channel.legs.values(), merge, effects)
    return None


def tables(
    channel: BigChannel, frame: bytes, request: TableFeaturesRequest, effects: Effects
) -> Refusal | None:
    """TABLE_FEATURES."""
    if request.tables or request.more:
        return Refusal(codes.TABLE_FEATURES_EPERM, "table-features")

    def merge(replies: Replies, effects: Effects) -> None:
        told = [
            {one.table_id: one for part in parts for one in _tables_of(part)} for parts in replies.values()
        ]
        shown = [
            common(one, [other[number] for other in told[1:]])
            for number, one in told[0].items()
            if all(number in other for other in told)
        ]
        send_reply(channel, TableFeaturesReply(xid=request.xid), "tables", shown, effects)

    ask_legs(channel, frame, frame, channel.legs.values(), merge, effects)
    return None


def _tables_of(part: Message) -> Iterator[TableFeatures]:
    if isinstance(part, TableFeaturesReply):
        yield from part.tables


def common(one: TableFeatures, others: Iterable[TableFeatures]) -> TableFeatures:
    """What several tables can do."""
    for other in others:
        one = evolve(
            one,
            metadata_match=one.metadata_match & other.metadata_match,
            metadata_write=one.metadata_write & other.metadata_write,
            max_entries=min(one.max_entries, other.max_entries),
            properties=tuple(
                TableProperty(mine.kind, tuple(each for each in mine.ids if each in theirs))
                for mine in one.properties
                if isinstance(mine, TableProperty) and (theirs := _ids_of(other, mine.kind)) is not None
            ),
        )
    return one


def _ids_of(table: TableFeatures, kind: int) -> frozenset[int] | None:
    """What a property lists; what is left out of table-miss entries is as of others (1.3.5, section 7.3.5.5.2)."""
    found = {one.kind: one.ids for one in table.properties if isinstance(one, TableProperty)}
    ids = found.get(kind, found.get(kind & ~1))
    return None if ids is None else frozenset(ids)


def passed_on(channel: BigChannel, frame: bytes, _request: Message, effects: Effects) -> Refusal | None:
    """What each share says alike, asked of one."""

    def merge(replies: Replies, effects: Effects) -> None:
        for parts in replies.values():
            for part in parts:
                answer(channel, evolve(part, xid=_request.xid), effects)

    ask_legs(channel, frame, frame, first_leg(channel), merge, effects)
    return None


def _only(replies: Replies, kind: type[Any]) -> list[Any]:
    return [one for parts in replies.values() for one in parts if isinstance(one, kind)]
