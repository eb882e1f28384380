"""A virtual switch's controllers come, go and send, and its shares come, go and answer.

Whatever calls the lower storey for a datapath that may have shares of virtual switches calls `heard` afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flowvisor.hypervisor import waiting
from flowvisor.hypervisor.big import backlog, errands, flow_removed, moves, replay
from flowvisor.hypervisor.big.big_switch import BigChannel, BigSwitch, Joining, Leg
from flowvisor.hypervisor.big.entries import Entries
from flowvisor.hypervisor.big.errands import NO_ANSWER
from flowvisor.hypervisor.big.settings import OWN_MASKS, UNHEARD, put_settings
from flowvisor.hypervisor.channels import CONTROLLER_LEFT, close_channel, open_channel
from flowvisor.hypervisor.counters import MessageCounters
from flowvisor.hypervisor.effects import (
    CloseChannels,
    Command,
    Effects,
    HangUp,
    OpenChannels,
    PauseReading,
    Peer,
    ResumeReading,
)
from flowvisor.hypervisor.peers import TenantChannel, VirtualSwitch
from flowvisor.hypervisor.port_configs import PortConfigs
from flowvisor.hypervisor.refusal import refuse
from flowvisor.hypervisor.translation.switch_messages import answer
from flowvisor.openflow import v13
from flowvisor.openflow.frame import FLOW_REMOVED, PACKET_IN, PORT_STATUS, xid_of
from flowvisor.openflow.messages import BarrierReply, FlowRemoved
from flowvisor.openflow.versions import codec

MAX_BUFFERS: Final = 256  # that tenants were shown; of older ones it is forgotten where they are

_BUFFER: Final = slice(8, 12)  # in a PACKET_IN of either version
_NO_BUFFER: Final = b"\xff\xff\xff\xff"


# Shares


def share_joined(big: BigSwitch, share: VirtualSwitch, effects: Effects) -> None:
    """A datapath is set up, and this is the virtual switch's share of it; with the first, controllers are called.

    Nothing happens if it is known already. Controllers have to come anew if the virtual switch lay on one datapath.
    """
    dpid = share.name.dpid
    assert dpid in big.edges
    if has_share(big, share):
        return
    share_left(big, dpid, "the datapath has another share", effects)
    others = list(big.shares.values())
    if not (others or big.joining) or (len(big.edges) > 1 and not big.is_spread):
        for other in others:
            share_left(big, other.name.dpid, "it lies on several datapaths from now on", effects)
        _begin(big)
    for one in (*others, share) if not big.shares and not big.joining else (share,):
        _join(big, one, effects)
    heard(effects)


def has_share(big: BigSwitch, share: VirtualSwitch) -> bool:
    """Whether it is one of the virtual switch's, or is about to be."""
    dpid = share.name.dpid
    joining = big.joining.get(dpid)
    return big.shares.get(dpid) is share or (joining is not None and joining.share is share)


def _begin(big: BigSwitch) -> None:
    """No datapath is there: what the virtual switch is may change."""
    was_spread, big.is_spread = big.is_spread, len(big.edges) > 1
    if was_spread != big.is_spread:
        big.configs, big.entries, big.deletions = PortConfigs(), Entries(), []
        big.groups.clear()
        big.meters.clear()
        big.known.clear()


def _join(big: BigSwitch, share: VirtualSwitch, effects: Effects) -> None:
    dpid = share.name.dpid
    if not big.is_spread:
        big.shares[dpid] = share
        _open(big, effects)
        return
    if big.own is None:
        big.own = BigChannel(
            switch=big,
            controller="",
            version=v13.VERSION,
            codec=codec(v13.VERSION),
            counters=MessageCounters(),
            masks=OWN_MASKS,
        )
    leg = _add_leg(big.own, share, effects)
    leg.channel.masks = OWN_MASKS
    joining = big.joining[dpid] = Joining(share)

    def ready(effects: Effects) -> None:
        del big.joining[dpid]
        for channel in big.channels:
            put_settings(_add_leg(channel, share, effects))
        replay.configure_ports(big, dpid, effects)
        _open(big, effects)

    replay.begin_replay(big, joining, leg, ready, effects)


def _open(big: BigSwitch, effects: Effects) -> None:
    if not big.is_open:
        big.is_open = True
        effects.commands.append(OpenChannels(big.name))


def share_left(big: BigSwitch, dpid: int, reason: str, effects: Effects) -> None:
    """A datapath has left, or the share of it is taken away; with the last, the channels close."""
    joining = big.joining.pop(dpid, None)
    if joining is not None:
        joining.is_over = True
    elif dpid not in big.shares:
        return
    big.shares.pop(dpid, None)
    everyone = [*big.channels, *big.leaving, *([] if big.own is None else [big.own])]
    gone = [leg for channel in everyone if (leg := channel.legs.pop(dpid, None)) is not None]
    for leg in gone:
        close_channel(leg.channel, effects)
    moves.copies_lost(big, dpid, effects)
    if not big.shares.keys() - big.joining.keys() and big.is_open:
        _close(big, reason, effects)
    for leg in gone:
        errands.leg_left(leg, effects)
    _advance(big, effects)
    heard(effects)


def _close(big: BigSwitch, reason: str, effects: Effects) -> None:
    for channel in big.channels:
        channel.has_left = True
        backlog.forget(channel, "no-datapath", effects)
    big.channels.clear()
    big.generation_id = None
    big.is_open = False
    effects.commands.append(CloseChannels(big.name, reason))


# Controllers


def join(big: BigSwitch, controller: str, version: int, effects: Effects) -> BigChannel:
    """A controller's channel is up. Raises KeyError when the virtual switch has no share of any datapath now."""
    if not big.is_open:
        raise KeyError(f"{big.name} lies on no datapath")
    channel = BigChannel(
        switch=big,
        controller=controller,
        version=version,
        codec=codec(version),
        counters=big.tenant.counters[version],
    )
    for dpid, share in big.shares.items():
        if dpid not in big.joining:
            leg = _add_leg(channel, share, effects)
            if big.is_spread:
                put_settings(leg)
    big.channels.append(channel)
    heard(effects)
    return channel


def _add_leg(channel: BigChannel, share: VirtualSwitch, effects: Effects) -> Leg:
    dpid = share.name.dpid
    leg = Leg(channel, dpid, open_channel(share, channel.controller, channel.version, effects))
    leg.channel.leg = leg
    leg.channel.is_prepaid = channel.switch.is_spread  # else it is the only one, and pays for itself
    channel.legs[dpid] = leg
    return leg


def leave(channel: BigChannel, effects: Effects) -> None:
    """A controller's channel is gone. What it has sent is done, or undone, all the same."""
    if channel.has_left:
        return
    big = channel.switch
    channel.has_left = True
    big.channels.remove(channel)
    if not big.channels:
        big.generation_id = None
    backlog.forget(channel, CONTROLLER_LEFT, effects)
    if not big.is_spread:
        _close_legs(channel, effects)
    else:
        big.leaving.append(channel)
        for leg in channel.legs.values():
            leg.channel.masks = UNHEARD

        def settled(effects: Effects) -> None:
            big.leaving.remove(channel)
            _close_legs(channel, effects)

        errands.fence_all(channel.legs.values(), settled, effects)
    heard(effects)


def _close_legs(channel: BigChannel, effects: Effects) -> None:
    for leg in channel.legs.values():
        close_channel(leg.channel, effects)
    channel.legs.clear()


def from_controller(channel: BigChannel, frames: list[bytes], effects: Effects) -> None:
    """What a controller has sent, in order."""
    if channel.has_left:
        return
    if channel.switch.is_spread:
        backlog.keep(channel, frames, effects)
        backlog.go_on(channel, effects)
    else:
        for leg in channel.legs.values():
            waiting.take(leg.channel, frames, effects)
    heard(effects)


# Time


def wake(bigs: Iterable[BigSwitch], effects: Effects) -> None:
    """It is the time that an effect has asked for: let those go on who waited for it."""
    for big in bigs:
        _advance(big, effects)
    heard(effects)


def tick(bigs: Iterable[BigSwitch], effects: Effects) -> None:
    """To be called about once a second: entries end whose datapath is not there to say so."""
    for big in bigs:
        moves.expire(big, effects)
    heard(effects)


# What comes from below


def heard(effects: Effects) -> None:
    """Take what the lower storey has to say to legs out of its effects, and do what is to be done with it."""
    frames = effects.frames
    peers = [peer for peer in frames if type(peer) is TenantChannel and peer.leg is not None]
    bigs = _take_commands(effects) if effects.commands else {}
    while peers or bigs:
        spread = []
        for peer in peers:
            leg = peer.leg
            if leg.owner.switch.is_spread:
                spread.append(leg)
                bigs[leg.owner.switch] = None
            elif leg.owner.has_left:
                del frames[peer]
            elif leg.owner in frames:
                frames[leg.owner] += frames.pop(peer)
            else:
                frames[leg.owner] = frames.pop(peer)
        if not bigs:
            return
        # What the switch's own channel hears comes before any barrier that says that all of it has come.
        spread.sort(key=lambda leg: leg.owner is not leg.owner.switch.own)
        for leg in spread:
            for frame in frames.pop(leg.channel):
                _hear(leg, frame, effects)
        for big in bigs:
            _advance(big, effects)
        peers = [peer for peer in frames if type(peer) is TenantChannel and peer.leg is not None]
        bigs = _take_commands(effects)


def _leg_of(peer: Peer) -> Leg | None:
    return peer.leg if isinstance(peer, TenantChannel) else None


def _take_commands(effects: Effects) -> dict[BigSwitch, None]:
    """What is to be done with a leg is to be done with its channel; return the switches whose legs take more now."""
    bigs: dict[BigSwitch, None] = {}
    if not any(
        isinstance(one, (HangUp, PauseReading, ResumeReading)) and _leg_of(one.peer) is not None
        for one in effects.commands
    ):
        return bigs
    kept: list[Command] = []
    for command in effects.commands:
        leg = None
        if isinstance(command, (HangUp, PauseReading, ResumeReading)):
            leg = _leg_of(command.peer)
        if leg is None:
            kept.append(command)
        elif isinstance(command, HangUp):
            kept.append(HangUp(leg.owner, command.reason))
        elif not leg.owner.switch.is_spread:
            assert isinstance(command, (PauseReading, ResumeReading))
            kept.append(type(command)(leg.owner))
        elif isinstance(command, ResumeReading):
            bigs[leg.owner.switch] = None
    effects.commands = kept
    return bigs


def _hear(leg: Leg, frame: bytes, effects: Effects) -> None:
    owner, kind = leg.owner, frame[1]
    is_own = owner is owner.switch.own
    if kind == PACKET_IN:  # this and the next two in every version
        if not is_own and not owner.has_left:
            if frame[_BUFFER] != _NO_BUFFER:
                _note_buffer(owner.switch, leg.dpid, int.from_bytes(frame[_BUFFER], "big"))
            effects.send(owner, frame)
    elif kind == FLOW_REMOVED:
        message = owner.codec.decode(frame)
        if is_own and isinstance(message, FlowRemoved):
            flow_removed.heard(owner.switch, leg.dpid, message, effects)
    elif kind != PORT_STATUS:
        errands.heard(leg, frame, effects)


def _note_buffer(big: BigSwitch, dpid: int, buffer_id: int) -> None:
    big.buffers[buffer_id] = dpid
    if len(big.buffers) > MAX_BUFFERS:
        del big.buffers[next(iter(big.buffers))]


def _advance(big: BigSwitch, effects: Effects) -> None:
    """Let everything go on that may."""
    if big.own is not None:
        for leg in list(big.own.legs.values()):
            errands.drain(leg, effects)
    for channel in list(big.channels):
        _answer_barrier(channel, effects)
        if channel.backlog or channel.is_paused:
            backlog.go_on(channel, effects)


def _answer_barrier(channel: BigChannel, effects: Effects) -> None:
    """A tenant's barrier is answered when all legs have answered it, and nothing is being taken back any more."""
    barrier = channel.barrier
    if barrier is None or barrier.waits or channel.undoing:
        return
    channel.barrier = None
    if barrier.errors:
        errands.refused(barrier, barrier.errors[min(barrier.errors)], effects)
    elif not barrier.took:
        refuse(channel, barrier.frame, NO_ANSWER, effects)
    else:
        answer(channel, BarrierReply(xid=xid_of(barrier.frame)), effects)
