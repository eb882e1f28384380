"""A virtual switch's controllers come, go and send, and its shares come, go and answer.

Whatever calls the lower storey for a datapath that may have shares of virtual switches calls `heard` afterwards.
"""

from __future__ import annotations

from flowvisor.hypervisor import waiting
from flowvisor.hypervisor.big.big_switch import BigChannel, BigSwitch, Leg
from flowvisor.hypervisor.channels import close_channel, open_channel
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
from flowvisor.openflow.versions import codec


def share_joined(big: BigSwitch, share: VirtualSwitch, effects: Effects) -> None:
    """A datapath is set up, and this is the virtual switch's share of it; with the first, controllers are called."""
    assert share.name.dpid in big.edges
    big.shares[share.name.dpid] = share
    if len(big.shares) == 1:
        effects.commands.append(OpenChannels(big.name))


def share_left(big: BigSwitch, dpid: int, reason: str, effects: Effects) -> None:
    """A datapath has left, or the share of it is taken away; with the last, the channels close."""
    if big.shares.pop(dpid, None) is None:
        return
    for channel in big.channels:
        leg = channel.legs.pop(dpid, None)
        if leg is not None:
            close_channel(leg.channel, effects)
    if not big.shares:
        for channel in big.channels:
            channel.has_left = True
        big.channels.clear()
        big.generation_id = None
        effects.commands.append(CloseChannels(big.name, reason))


def join(big: BigSwitch, controller: str, version: int, effects: Effects) -> BigChannel:
    """A controller's channel is up. Raises KeyError when the virtual switch has no share of any datapath now."""
    if not big.shares:
        raise KeyError(f"{big.name} lies on no datapath")
    channel = BigChannel(
        switch=big,
        controller=controller,
        version=version,
        codec=codec(version),
        counters=big.tenant.counters[version],
    )
    for share in big.shares.values():
        _add_leg(channel, share, effects)
    big.channels.append(channel)
    heard(effects)
    return channel


def _add_leg(channel: BigChannel, share: VirtualSwitch, effects: Effects) -> None:
    dpid = share.name.dpid
    leg = Leg(channel, dpid, open_channel(share, channel.controller, channel.version, effects))
    leg.channel.leg = leg
    channel.legs[dpid] = leg


def leave(channel: BigChannel, effects: Effects) -> None:
    """A controller's channel is gone."""
    if channel.has_left:
        return
    channel.has_left = True
    channel.switch.channels.remove(channel)
    for leg in channel.legs.values():
        close_channel(leg.channel, effects)
    channel.legs.clear()
    heard(effects)


def from_controller(channel: BigChannel, frames: list[bytes], effects: Effects) -> None:
    """What a controller has sent, in order."""
    if channel.has_left:
        return
    for leg in channel.legs.values():
        waiting.take(leg.channel, frames, effects)
    heard(effects)


def heard(effects: Effects) -> None:
    """Take what the lower storey has to say to legs out of its effects, and say it to their controllers."""
    legs = [peer for peer in effects.frames if _leg_of(peer) is not None]
    for peer in legs:
        leg = _leg_of(peer)
        assert leg is not None
        frames = effects.frames.pop(peer)
        if not leg.owner.has_left:
            effects.frames.setdefault(leg.owner, []).extend(frames)
    if effects.commands:
        effects.commands = [_of_owner(command) for command in effects.commands]


def _leg_of(peer: Peer) -> Leg | None:
    return peer.leg if isinstance(peer, TenantChannel) else None


def _of_owner(command: Command) -> Command:
    """What is to be done with a leg is to be done with the channel that it is of."""
    if isinstance(command, (HangUp, PauseReading, ResumeReading)):
        leg = _leg_of(command.peer)
        if leg is not None:
            if isinstance(command, HangUp):
                return HangUp(leg.owner, command.reason)
            return type(command)(leg.owner)
    return command
