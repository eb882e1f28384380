"""A tenant's controller that makes of one datapath a learning switch, in OpenFlow 1.0 or 1.3, sans I/O."""

from __future__ import annotations

from itertools import count
from typing import Final

from flowvisor.openflow import ports
from flowvisor.openflow.actions import NO_BUFFER_LEN, ApplyActions, Output
from flowvisor.openflow.fields import ETH_TYPE_BDDP, ETH_TYPE_LLDP
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    ADD,
    ALL_TABLES,
    DELETE,
    BarrierRequest,
    FlowMod,
    Message,
    PacketIn,
    PacketOut,
    SetConfig,
)
from flowvisor.openflow.packet import parse
from flowvisor.openflow.traits import TRAITS

IDLE_TIMEOUT_SECONDS: Final = 30
PRIORITY: Final = 100
MAX_ADDRESSES: Final = 10_000  # then it forgets all of them and learns anew
MULTICAST_BIT: Final = 1 << 40


class LearningSwitch:
    """Learns at which port which address is; floods what it does not know, and installs what it does."""

    def __init__(self, version: int, *, flood_port: int = ports.FLOOD) -> None:
        self._traits = TRAITS[version]
        self._flood_port = flood_port
        self._port_of: dict[int, int] = {}
        self._xids = count(100)

    def begin(self) -> list[Message]:
        """What is sent first: forget old entries; where the version needs it, ask for what nothing matches."""
        every_table = ALL_TABLES if self._traits.has_tables else 0
        messages: list[Message] = [
            SetConfig(xid=next(self._xids), miss_send_len=NO_BUFFER_LEN),
            FlowMod(xid=next(self._xids), command=DELETE, table_id=every_table),
        ]
        if not self._traits.unmatched_to_controller:
            to_controller = ApplyActions((Output(ports.CONTROLLER, NO_BUFFER_LEN),))
            messages.append(FlowMod(xid=next(self._xids), priority=0, instructions=(to_controller,)))
        return [*messages, BarrierRequest(xid=next(self._xids))]

    def from_datapath(self, message: Message) -> list[Message]:
        """What a message of the datapath is answered with."""
        if not isinstance(message, PacketIn):
            return []
        in_port = message.match.exact("in_port")
        fields = parse(message.data)
        if in_port is None or "eth_src" not in fields:
            return []
        if fields.get("eth_type") in (ETH_TYPE_LLDP, ETH_TYPE_BDDP):
            return []  # a link's business, not a host's
        self._learn(fields["eth_src"], in_port)
        out_port = self._port_of.get(fields["eth_dst"])
        if out_port is None:
            return [self._packet_out(message, in_port, self._flood_port)]
        if out_port == in_port:
            return []  # it is on the segment that it came from
        entry = FlowMod(
            xid=next(self._xids),
            command=ADD,
            priority=PRIORITY,
            idle_timeout=IDLE_TIMEOUT_SECONDS,
            match=Match.of(in_port=in_port, eth_src=fields["eth_src"], eth_dst=fields["eth_dst"]),
            instructions=(ApplyActions((Output(out_port),)),),
        )
        return [entry, self._packet_out(message, in_port, out_port)]

    def _learn(self, address: int, port: int) -> None:
        if address & MULTICAST_BIT:
            return
        if len(self._port_of) >= MAX_ADDRESSES:
            self._port_of.clear()
        self._port_of[address] = port

    def _packet_out(self, packet_in: PacketIn, in_port: int, out_port: int) -> PacketOut:
        return PacketOut(
            xid=next(self._xids), in_port=in_port, actions=(Output(out_port),), data=packet_in.data
        )
