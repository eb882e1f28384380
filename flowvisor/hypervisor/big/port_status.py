"""PORT_STATUS: a virtual port has come, gone, or changed, told once to each controller."""

from __future__ import annotations

from flowvisor.errors import Inexpressible
from flowvisor.hypervisor.big.big_switch import BigChannel, BigSwitch
from flowvisor.hypervisor.effects import Effects
from flowvisor.hypervisor.peers import Channel
from flowvisor.openflow.frame import PORT_STATUS
from flowvisor.openflow.messages import PortStatus
from flowvisor.openflow.ports import Port


def tell_port(
    big: BigSwitch, reason: int, port: Port, effects: Effects, *, but: BigChannel | None = None
) -> None:
    """Tell the controllers that want to know, except perhaps one. `port` is as nobody has configured it."""
    for channel in big.channels:
        # Over one leg it is the leg that knows what the controller wants.
        asked: Channel = channel if big.is_spread else next(iter(channel.legs.values())).channel
        if channel is but or not asked.wants(asked.masks.port_status, reason):
            continue
        try:
            frame = channel.codec.encode(PortStatus(reason=reason, port=big.shown(port)))
        except Inexpressible:
            channel.counters.count_shed("inexpressible")
            continue
        effects.send(channel, frame)
        channel.counters.up[PORT_STATUS] += 1
        channel.counters.up_bytes += len(frame)
