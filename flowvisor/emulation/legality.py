"""What a datapath refuses when a controller sends it, and with which error: matches, instructions, actions.

Strategy: raised, not returned, as in the tables: a datapath turns an OpenFlowError into the error message at one
place. What a packet will find at the time (a port that is gone) is no error; Open vSwitch takes it, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from attrs import frozen

from flowvisor.emulation.pipeline import action_set_order
from flowvisor.errors import OpenFlowError
from flowvisor.openflow import actions as a
from flowvisor.openflow import error_codes, ports
from flowvisor.openflow.error_codes import ErrorCode
from flowvisor.openflow.fields import (
    ETH_TYPE_IPV4,
    ETH_TYPE_IPV6,
    ETH_TYPE_MPLS,
    ETH_TYPE_MPLS_MULTICAST,
    ETH_TYPE_PBB,
    ETH_TYPE_SERVICE_VLAN,
    ETH_TYPE_VLAN,
    FIELDS,
    VLAN_PRESENT,
    Prerequisite,
)
from flowvisor.openflow.match import Match

_IP: Final = (ETH_TYPE_IPV4, ETH_TYPE_IPV6)
_MPLS: Final = (ETH_TYPE_MPLS, ETH_TYPE_MPLS_MULTICAST)
_PUSHED: Final[dict[type, tuple[int, ...]]] = {
    a.PushVlan: (ETH_TYPE_VLAN, ETH_TYPE_SERVICE_VLAN),
    a.PushMpls: _MPLS,
    a.PushPbb: (ETH_TYPE_PBB,),
}
_RESERVED: Final = (ports.IN_PORT, ports.FLOOD, ports.ALL, ports.CONTROLLER, ports.LOCAL)

# What an action needs the packet to be.
_NEEDED_TYPES: Final[dict[type, tuple[int, ...]]] = {
    a.DecNwTtl: _IP,
    a.SetNwTtl: _IP,
    **dict.fromkeys((a.DecMplsTtl, a.SetMplsTtl, a.PopMpls, a.CopyTtlIn, a.CopyTtlOut), _MPLS),
    a.PopPbb: (ETH_TYPE_PBB,),
}


def refuse(error: ErrorCode, text: str) -> OpenFlowError:
    return OpenFlowError(error, text)


@frozen
class Legality:
    """What may be asked of one datapath. `is_extensible`: its version has instructions and set-field (1.3)."""

    is_extensible: bool
    n_tables: int
    has_group: Callable[[int], bool]
    has_meter: Callable[[int], bool]

    def check_match(self, match: Match) -> None:
        if match.opaque:
            raise refuse(error_codes.MATCH_BAD_FIELD, "a field of another class")

    def check_instructions(self, instructions: a.Instructions, *, table_id: int, match: Match) -> None:
        for instruction in instructions:
            match instruction:
                case a.GotoTable(table_id=target):
                    if not table_id < target < self.n_tables:
                        raise refuse(error_codes.INST_BAD_TABLE_ID, f"goto {target} from {table_id}")
                case a.Meter(meter_id=meter_id):
                    if not self.has_meter(meter_id):
                        raise refuse(error_codes.UNKNOWN_METER, f"no meter {meter_id}")
                case a.ApplyActions(actions=listed):
                    self.check_actions(listed, match=match)
                case a.WriteActions(actions=listed):
                    self.check_actions(action_set_order(listed), match=match)
                case a.OpaqueInstruction():
                    raise refuse(error_codes.INST_BAD_EXPERIMENTER, "an experimenter's instruction")

    def check_actions(
        self, listed: Iterable[a.Action], *, match: Match | None, is_packet_out: bool = False
    ) -> None:
        """`match` is what the packets are known to be, None if nothing is (a bucket, a packet-out)."""
        packets = None if match is None or not self.is_extensible else _KnownPackets(match)
        for action in listed:
            self._check_action(action, is_packet_out=is_packet_out)
            if packets is not None:
                packets.follow(action)

    def _check_action(self, action: a.Action, *, is_packet_out: bool) -> None:
        match action:
            case a.Output(port=port) | a.Enqueue(port=port):
                self._check_output(port, is_packet_out=is_packet_out)
            case a.Group(group_id=group_id):
                if not self.has_group(group_id):
                    raise refuse(error_codes.ACTION_BAD_OUT_GROUP, f"no group {group_id}")
            case a.SetField(name=name, value=value):
                if not FIELDS[name].settable:
                    raise refuse(error_codes.ACTION_BAD_SET_TYPE, f"{name} cannot be set")
                if name == "vlan_vid" and not value & VLAN_PRESENT:
                    raise refuse(error_codes.ACTION_BAD_SET_ARGUMENT, "a vlan_vid without OFPVID_PRESENT")
            case a.PushVlan(ethertype=ethertype) | a.PushMpls(ethertype=ethertype):
                _check_pushed(type(action), ethertype)
            case a.PushPbb(ethertype=ethertype):
                _check_pushed(type(action), ethertype)
            case a.OpaqueSetField():
                raise refuse(error_codes.ACTION_BAD_SET_TYPE, "a field of another class")
            case a.OpaqueAction():
                raise refuse(error_codes.ACTION_BAD_EXPERIMENTER, "an experimenter's action")

    def _check_output(self, port: int, *, is_packet_out: bool) -> None:
        is_physical = 0 < port <= ports.MAX_PORT
        if not (is_physical or port in _RESERVED or (is_packet_out and port == ports.TABLE)):
            raise refuse(error_codes.ACTION_BAD_OUT_PORT, f"output to {port:#x}")


def _check_pushed(kind: type, ethertype: int) -> None:
    if ethertype not in _PUSHED[kind]:
        raise refuse(error_codes.ACTION_BAD_ARGUMENT, f"{kind.__name__} of type {ethertype:#06x}")


class _KnownPackets:
    """What is known of an entry's packets, from its match and then action by action.

    An action that needs more than is known is inconsistent with the match (1.3.5, section 6.4).
    """

    def __init__(self, match: Match) -> None:
        self._known: dict[str, int | None] = {
            name: match.exact(name) for name in ("eth_type", "ip_proto", "icmpv6_type")
        }
        value, mask = match.fields.get("vlan_vid", (0, 0))
        self._is_tagged: bool = bool(value & mask & VLAN_PRESENT)

    def follow(self, action: a.Action) -> None:
        kind: Any = type(action)
        if kind in _NEEDED_TYPES:
            self._require(("eth_type", _NEEDED_TYPES[kind]), kind.__name__)
        match action:
            case a.SetField(name=name, value=value):
                self._require_field(name)
                if name in self._known:
                    self._known[name] = value
            case a.PushVlan():
                self._is_tagged = True
            case a.PopVlan():
                self._require_tag("PopVlan")
                self._is_tagged = False  # whether there is another is not known
            case a.PushMpls(ethertype=ethertype) | a.PopMpls(ethertype=ethertype):
                self._known["eth_type"] = ethertype
            case a.PushPbb(ethertype=ethertype):
                self._known["eth_type"], self._is_tagged = ethertype, False
            case a.PopPbb():
                self._known["eth_type"], self._is_tagged = None, False

    def _require_field(self, name: str) -> None:
        for prerequisite in FIELDS[name].requires:
            self._require(prerequisite, name)
        if name in ("vlan_vid", "vlan_pcp"):
            self._require_tag(name)

    def _require(self, prerequisite: Prerequisite, what: str) -> None:
        name, values = prerequisite
        if self._known[name] not in values:
            raise refuse(error_codes.ACTION_MATCH_INCONSISTENT, f"{what}, but {name} is {self._known[name]}")

    def _require_tag(self, what: str) -> None:
        if not self._is_tagged:
            raise refuse(error_codes.ACTION_MATCH_INCONSISTENT, f"{what}, but there is no tag")
