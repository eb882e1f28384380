"""PORT_MOD: a slice configures its ports for its own traffic; the physical port only where it alone has it and may.

Strategy: what the datapath must do for the slice follows from `closed_ports`, so that a change is the difference of
what should be there before and after. On `tables`, entries that output to a port which is shut or opened are read
back and sent again; until that is done the slice's channels wait, because any of their messages could change them.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from itertools import chain
from typing import Final

from attrs import evolve, frozen

from flowvisor.errors import Inexpressible
from flowvisor.flowspace.region import TooManyPieces
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import TenantChannel, VirtualSwitch
from flowvisor.hypervisor.port_configs import remember
from flowvisor.hypervisor.refusal import Refusal, refuse
from flowvisor.hypervisor.rejudging import stop
from flowvisor.hypervisor.requests import ask, send_own, send_to_datapath
from flowvisor.hypervisor.translation.actions import instructions_to_virtual, judge_for
from flowvisor.hypervisor.translation.consequences import may_be_shut
from flowvisor.hypervisor.translation.groups import port_configured
from flowvisor.hypervisor.translation.pieces import ports_changed
from flowvisor.hypervisor.translation.port_status import heard, tell
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import ports
from flowvisor.openflow.messages import (
    DELETE_STRICT,
    GROUP_DELETE,
    GROUP_MODIFY,
    MODIFY_STRICT,
    PORT_MODIFY,
    FeaturesReply,
    FeaturesRequest,
    FlowMod,
    GroupMod,
    Message,
    PortMod,
    PortStatus,
)
from flowvisor.openflow.multipart import (
    FlowStats,
    FlowStatsReply,
    FlowStatsRequest,
    PortDescReply,
    PortDescRequest,
)
from flowvisor.openflow.ports import Port
from flowvisor.openflow.traits import TRAITS
from flowvisor.planning.closed_ports import closed_group, has_closed_group
from flowvisor.planning.entries import SHUT
from flowvisor.planning.own_state import entries_by_ports, own_groups
from flowvisor.planning.share_entries import groups_of_floods, groups_of_port, ways_in

# Configuration bits by version (1.0.1, section 5.2.1; 1.3.5, section 7.2.1).
_CONFIG: Final = {
    1: ports.PORT_DOWN | ports.NO_STP | ports.NO_RECV | ports.NO_RECV_STP | ports.NO_FLOOD | ports.NO_FWD
    | ports.NO_PACKET_IN,
    4: ports.PORT_DOWN | ports.NO_RECV | ports.NO_FWD | ports.NO_PACKET_IN,
}  # fmt: skip


def southbound(channel: TenantChannel, frame: bytes, request: PortMod, effects: Effects) -> Refusal | None:
    """PORT_MOD."""
    switch = channel.switch
    port = switch.known_ports[request.port] if switch.has_port(request.port) else None
    if port is None:
        return Refusal(codes.PORT_MOD_BAD_PORT, "foreign-port")
    refusal = _refused(channel, port, request)
    if refusal is not None:
        return refusal
    is_physical = switch.tenant.policy.may_configure_ports and switch.view.has_port_alone(port.number)
    if request.advertise not in (0, port.advertised) and not is_physical:
        return Refusal(codes.PORT_MOD_EPERM, "port-mod")
    config, mask = request.config, request.mask
    if (
        channel.version != 1 and mask & ports.NO_RECV
    ):  # 1.3 means all packets, 1.0 all but the spanning tree's
        mask |= ports.NO_RECV_STP
        config |= ports.NO_RECV_STP if config & ports.NO_RECV else 0
    physical = mask & _CONFIG[switch.datapath.version] if is_physical else 0
    virtual = mask & _CONFIG[1] & ~physical
    before = switch.port_configs.bits.get(port.number, 0)
    after = before & ~virtual | config & virtual
    if after != before:
        refusal = _configure(channel, frame, port, after, effects)
    if refusal is None and is_physical:
        _pass_on(channel, frame, evolve(request, config=config, mask=physical), effects)
    elif refusal is None:
        channel.counters.answered[frame[1]] += 1
    return refusal


def _refused(channel: TenantChannel, port: Port, request: PortMod) -> Refusal | None:
    if request.hw_addr != port.hw_addr:
        return Refusal(codes.PORT_MOD_BAD_HW_ADDR, "hw-addr")
    # To clear a bit that there is not asks for nothing; controllers do so with masks that they took from 1.0.
    if request.config & request.mask & ~_CONFIG[channel.version]:
        return Refusal(codes.PORT_MOD_BAD_CONFIG, "port-mod")
    if request.advertise & ~(port.supported | port.advertised):
        return Refusal(codes.PORT_MOD_BAD_ADVERTISE, "port-mod")
    return None


# ------------------------------------------------------------------------------------ for the slice's traffic only


@frozen
class _Own:
    """What the hypervisor should have on the datapath at a moment, as far as a slice's ports make a difference."""

    entries: dict[Hashable, FlowMod]
    groups: dict[int, GroupMod]

    @classmethod
    def of(cls, switch: VirtualSwitch) -> _Own:
        datapath, share = switch.datapath, switch.view.share
        configs = datapath.port_configs
        if share is not None:
            bits, listed = switch.port_configs.bits, share.ports.values()
            entries = (ways_in(datapath.plan, share, one, bits.get(one.number, 0)) for one in listed)
            of_ports = (groups_of_port(share, one, bits.get(one.number, 0)) for one in listed)
            return cls(
                entries=_by_place(chain.from_iterable(entries)),
                groups={one.group_id: one for one in chain(*of_ports, groups_of_floods(share, bits))},
            )
        plan = evolve(datapath.plan, views={switch.name.slice_name: switch.view})
        return cls(
            entries=_by_place(entries_by_ports(plan, configs)),
            groups={group.group_id: group for group in own_groups(plan, datapath.ports, configs)},
        )


def _by_place(entries: Iterable[FlowMod]) -> dict[Hashable, FlowMod]:
    return {(entry.priority, frozenset(entry.match.fields.items())): entry for entry in entries}


def _configure(
    channel: TenantChannel, frame: bytes, port: Port, config: int, effects: Effects
) -> Refusal | None:
    """Give a port of the slice's another configuration, and let everything follow from it."""
    switch = channel.switch
    number, before, own_before = port.number, switch.port_configs.bits.get(port.number, 0), _Own.of(switch)
    shuts = bool(config & SHUT)
    # To ports of a virtual network's switch outputs are groups already.
    is_resent = switch.view.block is not None and switch.view.share is None and bool(before & SHUT) != shuts
    if is_resent and not has_closed_group(number):
        return Refusal(codes.PORT_MOD_EPERM, "port-number")
    if is_resent and shuts and not may_be_shut(switch, number):
        return Refusal(codes.PORT_MOD_EPERM, "unsupported")
    switch.port_configs.put(number, config)
    try:
        unused = _apply(switch, number, own_before, effects)
    except (TooManyPieces, Inexpressible) as reason:
        switch.port_configs.put(number, before)
        is_much = isinstance(reason, TooManyPieces)
        return Refusal(codes.PORT_MOD_EPERM, "too-many-pieces" if is_much else "inexpressible")

    def done(effects: Effects) -> None:
        remember(switch.datapath.memory, switch.name.slice_name, number, config, effects)
        _send(switch, unused, effects)
        is_down = bool((before ^ config) & ports.PORT_DOWN)
        told = PortStatus(reason=PORT_MODIFY, port=switch.known_ports.get(number, port))
        # Who asked knows already, as Open vSwitch has it, unless the state has changed with it.
        tell(switch, told, effects, but=None if is_down else channel)

    def failed(error: tuple[int, int], effects: Effects) -> None:
        own = _Own.of(switch)
        switch.port_configs.put(number, before)
        _send(switch, _apply(switch, number, own, effects), effects)
        refuse(channel, frame, Refusal(error, "datapath"), effects)

    if is_resent:
        _resend(switch, number, _Steps(shuts, done, failed), effects)
    else:
        done(effects)
    return None


def _apply(switch: VirtualSwitch, port: int, before: _Own, effects: Effects) -> list[Message]:
    """Send what is to be there now; return the removals of groups that entries may still use."""
    after = _Own.of(switch)
    switch.verdicts.clear()
    switch.packet_outs.clear()
    _send(switch, _groups_changed(before, after), effects)
    new = [entry for key, entry in after.entries.items() if before.entries.get(key) != entry]
    old = [entry for key, entry in before.entries.items() if key not in after.entries]
    _send(switch, new, effects)
    _send(switch, (evolve(entry, command=DELETE_STRICT, instructions=()) for entry in old), effects)
    ports_changed(switch, effects, port=port)
    if switch.view.share is None:
        port_configured(switch, port, effects)
    return [GroupMod(command=GROUP_DELETE, group_id=one) for one in before.groups if one not in after.groups]


def _groups_changed(before: _Own, after: _Own) -> list[Message]:
    changed = [(before.groups.get(one), group) for one, group in after.groups.items()]
    return [
        group if old is None else evolve(group, command=GROUP_MODIFY)
        for old, group in changed
        if old != group
    ]


def _send(switch: VirtualSwitch, messages: Iterable[Message], effects: Effects) -> None:
    for message in messages:
        send_own(switch.datapath, message, "port configuration", effects)


# ------------------------------------------------------------------------------------------- entries in the tables


@frozen
class _Steps:
    """What is done when the entries have been sent again, or could not be read."""

    shuts: bool
    done: Callable[[Effects], None]
    failed: Callable[[tuple[int, int], Effects], None]


def _resend(switch: VirtualSwitch, port: int, steps: _Steps, effects: Effects) -> None:
    """Read the slice's entries that output to a port, and say them anew; its channels wait until then."""
    datapath, block = switch.datapath, switch.view.block
    assert block is not None
    release = stop(switch)

    def found(replies: list[Message], effects: Effects) -> None:
        for reply in replies:
            for flow in reply.flows if isinstance(reply, FlowStatsReply) else ():
                _send(switch, _anew(switch, flow), effects)
        steps.done(effects)
        release(effects)

    def failed(error: tuple[int, int], effects: Effects) -> None:
        steps.failed(error, effects)
        release(effects)

    meant = FlowStatsRequest(out_port=port)
    if not steps.shuts:
        meant = FlowStatsRequest(out_group=closed_group(block, port))
    wanted: list[Message] = [evolve(meant, table_id=table) for table in range(block.first, block.end)]
    ask(datapath, datapath.transactions, wanted, found, failed, effects)


def _anew(switch: VirtualSwitch, flow: FlowStats) -> list[Message]:
    """The message that brings an entry's instructions to what they should be."""
    block = switch.view.block
    assert block is not None
    instructions = instructions_to_virtual(switch, flow.instructions)
    verdict = judge_for(switch, flow.table_id - block.first, instructions, flow.match)
    if verdict.refusal is not None or verdict.instructions == flow.instructions:
        return []
    return [
        FlowMod(
            command=MODIFY_STRICT,
            table_id=flow.table_id,
            priority=flow.priority,
            match=flow.match,
            instructions=verdict.instructions,
        )
    ]


# ------------------------------------------------------------------------------------------------ the physical port


def _pass_on(channel: TenantChannel, frame: bytes, request: PortMod, effects: Effects) -> None:
    """Let the datapath configure the port, and ask it what has come of that: it does not tell who asked."""
    datapath = channel.switch.datapath
    channel.awaits_answer = True
    physical = evolve(request, xid=channel.transactions.send(frame))
    send_to_datapath(datapath, datapath.codec.encode(physical), effects)
    channel.counters.down[frame[1]] += 1
    channel.counters.down_bytes += len(frame)

    def told(replies: list[Message], effects: Effects) -> None:
        for reply in replies:
            for port in reply.ports if isinstance(reply, (FeaturesReply, PortDescReply)) else ():
                known = datapath.ports.get(port.number)
                if known is not None and known != port:
                    but = channel if known.state == port.state else None  # as `_configure` has it
                    heard(datapath, PortStatus(reason=PORT_MODIFY, port=port), effects, but=but)
        datapath.resumable.append(channel)

    def failed(_error: tuple[int, int], effects: Effects) -> None:
        told([], effects)

    in_features = TRAITS[datapath.version].ports_in_features
    question: Message = FeaturesRequest() if in_features else PortDescRequest()
    ask(datapath, datapath.transactions, [question], told, failed, effects)
