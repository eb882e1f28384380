"""What each controller has chosen for itself: its role, what it wants to hear, how much of a packet.

Strategy: it is kept here, among the controllers of the virtual switch, and the legs are only told what follows from it.
So no two datapaths can be of different minds about who is master.
"""

from __future__ import annotations

from typing import Final

from attrs import evolve

from flowvisor.hypervisor.big.big_switch import BigChannel, BigSwitch, Leg
from flowvisor.openflow.messages import ROLE_SLAVE, AsyncMasks

# The switch's own channel hears only of entries that are removed, the controllers' legs never: it is told once.
OWN_MASKS: Final = AsyncMasks(packet_in=(0, 0), port_status=(0, 0), flow_removed=(0xF, 0xF))
UNHEARD: Final = AsyncMasks(packet_in=(0, 0), port_status=(0, 0), flow_removed=(0, 0))


def put_settings(leg: Leg) -> None:
    """Have a leg do as its channel's controller wants."""
    owner = leg.owner
    wanted = owner.masks.packet_in[owner.role == ROLE_SLAVE]
    leg.channel.miss_send_len = owner.miss_send_len
    leg.channel.masks = evolve(UNHEARD, packet_in=(wanted, wanted))


def settings_changed(channel: BigChannel) -> None:
    """A controller has chosen; a new master makes another one a slave."""
    big: BigSwitch = channel.switch
    for one in big.channels:
        for leg in one.legs.values():
            put_settings(leg)
