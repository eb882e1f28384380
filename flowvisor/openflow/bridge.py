"""What OpenFlow 1.0 and 1.3 say differently, turned from one into the other on neutral objects.

Strategy: 1.0's VLAN actions add or remove a tag as the packet needs it; 1.3's want to know. So translating goes
by what the match says of the tag, and where it says nothing one 1.0 flow becomes two 1.3 flows, of which a
packet can match one only. A 1.0 action that has no effect on the matched packets (nw_src of ARP) is left out.
Where the match does not tell whether it has one, there is no 1.3 action for it: `Inexpressible`.
"""

from __future__ import annotations

from typing import Final

from flowvisor.errors import Inexpressible
from flowvisor.openflow import actions as a
from flowvisor.openflow import error_codes as ec
from flowvisor.openflow.fields import (
    ETH_TYPE_IPV4,
    ETH_TYPE_IPV6,
    ETH_TYPE_VLAN,
    IP_PROTO_TCP,
    IP_PROTO_UDP,
    VLAN_NONE,
    VLAN_PRESENT,
)
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import CONTROLLER, IN_PORT, MAX_PORT

DEFAULT_QUEUE: Final = (
    0  # a packet that no action gave a queue is in this one (Open vSwitch, Linux HTB and HFSC)
)
VLAN_ID_BITS: Final = 0xFFF

_TRANSPORT_SOURCE: Final = {IP_PROTO_TCP: "tcp_src", IP_PROTO_UDP: "udp_src"}
_TRANSPORT_DESTINATION: Final = {IP_PROTO_TCP: "tcp_dst", IP_PROTO_UDP: "udp_dst"}
_IP: Final = (ETH_TYPE_IPV4, ETH_TYPE_IPV6)
_IPV4_FIELDS: Final = frozenset({"ipv4_src", "ipv4_dst", "ip_dscp"})
_VLAN_ACTIONS: Final = (a.SetVlanVid, a.SetVlanPcp, a.StripVlan)


def is_tagged(match: Match) -> bool | None:
    """Whether the packets that match carry a VLAN tag; None if some may and some may not."""
    value, mask = match.fields.get("vlan_vid", (0, 0))
    return bool(value & VLAN_PRESENT) if mask & VLAN_PRESENT else None


def tag_variants(match: Match) -> list[Match]:
    """Matches that say whether there is a tag: together they match what `match` does, no two the same packet.

    To change or delete strictly what `flow_to_13` may have made of a 1.0 flow, these are the entries.
    """
    if is_tagged(match) is not None:
        return [match]
    value, mask = match.fields.get("vlan_vid", (0, 0))
    tagged = match.having(vlan_vid=(value | VLAN_PRESENT, mask | VLAN_PRESENT))
    untagged = match.without("vlan_pcp").having(vlan_vid=VLAN_NONE)
    return [tagged] if value or "vlan_pcp" in match.fields else [tagged, untagged]


def flow_to_13(match: Match, actions: a.Actions) -> list[tuple[Match, a.Actions]]:
    """The 1.3 flows that do what one 1.0 flow does: one, or one for tagged and one for untagged packets."""
    needs_tag = any(isinstance(action, _VLAN_ACTIONS) for action in actions)
    variants = tag_variants(match) if needs_tag else [match]
    return [(variant, actions_to_13(actions, variant)) for variant in variants]


def actions_to_13(actions: a.Actions, match: Match) -> a.Actions:
    """What 1.0's actions do to the packets that match, in 1.3's actions; those that 1.3 has stay as they are."""
    translation = _To13(match)
    for action in actions:
        translation.add(action)
    return tuple(translation.actions)


class _To13:
    """A list of 1.3 actions in the making."""

    def __init__(self, match: Match) -> None:
        self.actions: list[a.Action] = []
        self._tagged = is_tagged(match)
        self._eth_type = match.exact("eth_type")
        self._ip_proto = match.exact("ip_proto")
        self._in_default_queue = True

    def add(self, action: a.Action) -> None:
        match action:
            case a.SetVlanVid(vid=vid):
                self._tag()
                self.actions.append(a.SetField("vlan_vid", VLAN_PRESENT | vid))
            case a.SetVlanPcp(pcp=pcp):
                self._tag()
                self.actions.append(a.SetField("vlan_pcp", pcp))
            case a.StripVlan():
                if self._is_tagged():
                    self.actions.append(a.PopVlan())
                self._tagged = False
            case a.SetTransportSource(port=port):
                self._set_transport(_TRANSPORT_SOURCE, port)
            case a.SetTransportDestination(port=port):
                self._set_transport(_TRANSPORT_DESTINATION, port)
            case a.SetField(name=name) if name in _IPV4_FIELDS:
                self._set_network(action)
            case a.Enqueue(port=port, queue_id=queue_id):
                self.actions += (a.SetQueue(queue_id), a.Output(port))
                self._in_default_queue = queue_id == DEFAULT_QUEUE
            case a.Output() if not self._in_default_queue:
                # 1.0's queue is that one output's; 1.3's stays with the packet.
                self.actions += (a.SetQueue(DEFAULT_QUEUE), action)
                self._in_default_queue = True
            case _:
                self._follow(action)
                self.actions.append(action)

    def _follow(self, action: a.Action) -> None:
        """1.3's own action changes what is known of the packet."""
        match action:
            case a.PushVlan():
                self._tagged = True
            case a.PopVlan():
                self._tagged = False
            case (
                a.PushMpls(ethertype=eth_type) | a.PopMpls(ethertype=eth_type) | a.PushPbb(ethertype=eth_type)
            ):
                self._eth_type = eth_type
                self._ip_proto = None

    def _is_tagged(self) -> bool:
        if self._tagged is None:
            raise _inconsistent("whether the packet has a VLAN tag")
        return self._tagged

    def _tag(self) -> None:
        if not self._is_tagged():
            self.actions.append(a.PushVlan(ETH_TYPE_VLAN))
            self._tagged = True

    def _known_eth_type(self) -> int:
        if self._eth_type is None:
            raise _inconsistent("the packet's Ethernet type")
        return self._eth_type

    def _set_network(self, action: a.SetField) -> None:
        # ip_dscp is of IPv6 too in 1.3; as to nw_tos in 1.0, Open vSwitch holds that it is.
        having = _IP if action.name == "ip_dscp" else (ETH_TYPE_IPV4,)
        if self._known_eth_type() in having:
            self.actions.append(action)

    def _set_transport(self, names: dict[int, str], port: int) -> None:
        if self._known_eth_type() not in _IP:
            return
        if self._ip_proto is None:
            raise _inconsistent("the packet's transport protocol")
        if name := names.get(self._ip_proto):
            self.actions.append(a.SetField(name, port))


def _inconsistent(what: str) -> Inexpressible:
    return Inexpressible(ec.ACTION_MATCH_INCONSISTENT, f"an action depends on {what}, the match does not say")


def actions_to_10(actions: a.Actions, match: Match) -> a.Actions:
    """What 1.3's actions do to the packets that match, in 1.0's actions; those that 1.0 has stay as they are."""
    translation = _To10(match)
    for action in actions:
        translation.add(action)
    translation.finish()
    return tuple(translation.actions)


class _To10:
    """A list of 1.0 actions in the making."""

    def __init__(self, match: Match) -> None:
        self.actions: list[a.Action] = []
        self._tagged = is_tagged(match)
        self._eth_type = match.exact("eth_type")
        self._tag_is_due = False  # a tag was pushed, no action has made it yet
        self._queue_id = DEFAULT_QUEUE

    def add(self, action: a.Action) -> None:
        match action:
            case a.SetField():
                self._set_field(action)
                return
            case a.SetVlanVid() | a.SetVlanPcp():
                self._tagged, self._tag_is_due = True, False
                self.actions.append(action)
                return
        self.finish()
        match action:
            case a.PushVlan(ethertype=ethertype):
                if ethertype != ETH_TYPE_VLAN or self._tagged is not False:
                    raise Inexpressible(
                        ec.ACTION_BAD_TAG, "OpenFlow 1.0 tags only untagged packets, with 0x8100"
                    )
                self._tagged = self._tag_is_due = True
            case a.PopVlan() if self._tagged is False:
                raise Inexpressible(ec.ACTION_MATCH_INCONSISTENT, "there is no tag to pop")
            case a.PopVlan() | a.StripVlan():
                self._tagged = False
                self.actions.append(a.StripVlan())
            case a.SetQueue(queue_id=queue_id):
                self._queue_id = queue_id
            case a.Output():
                self._output(action)
            case a.Enqueue() | a.SetTransportSource() | a.SetTransportDestination():
                self.actions.append(action)
            case a.OpaqueAction():
                raise Inexpressible(ec.ACTION_BAD_EXPERIMENTER, f"vendor {action.experimenter:#x}'s action")
            case _:
                raise Inexpressible(ec.ACTION_BAD_TYPE, f"OpenFlow 1.0 has no {type(action).__name__}")

    def finish(self) -> None:
        """A tag that was pushed and left as it was has the id and the priority 0."""
        if self._tag_is_due:
            self._tag_is_due = False
            self.actions.append(a.SetVlanVid(0))

    def _set_field(self, action: a.SetField) -> None:
        name, value = action.name, action.value
        if name in ("vlan_vid", "vlan_pcp"):
            if not self._tagged:  # 1.0 would add one
                raise _inconsistent("whether the packet has a VLAN tag")
            self._tag_is_due = False
            self.actions.append(
                a.SetVlanVid(value & VLAN_ID_BITS) if name == "vlan_vid" else a.SetVlanPcp(value)
            )
            return
        self.finish()
        if name in ("eth_src", "eth_dst"):
            self.actions.append(action)
        elif name in _IPV4_FIELDS and self._eth_type in (ETH_TYPE_IPV4, None):
            self.actions.append(action)  # with no eth_type it is 1.0's own: no effect on what is not IPv4
        elif name in _TRANSPORT_SOURCE.values() and self._eth_type == ETH_TYPE_IPV4:
            self.actions.append(a.SetTransportSource(value))
        elif name in _TRANSPORT_DESTINATION.values() and self._eth_type == ETH_TYPE_IPV4:
            self.actions.append(a.SetTransportDestination(value))
        else:
            raise Inexpressible(ec.ACTION_BAD_SET_TYPE, f"OpenFlow 1.0 cannot set {name} of these packets")

    def _output(self, action: a.Output) -> None:
        if self._queue_id == DEFAULT_QUEUE or action.port == CONTROLLER:
            self.actions.append(action)
        elif action.port < MAX_PORT or action.port == IN_PORT:  # as ENQUEUE has it (1.0.1, section 5.2.4)
            self.actions.append(a.Enqueue(action.port, self._queue_id))
        else:
            raise Inexpressible(ec.ACTION_BAD_QUEUE, f"OpenFlow 1.0 has no queues at port {action.port:#x}")


# The order in which an action set is carried out (1.3, section 5.10); what is not named comes among the rest.
_SET_FIELDS: Final = 7
_SET_ORDER: Final[dict[type, int]] = {
    a.CopyTtlIn: 0,
    **dict.fromkeys((a.PopVlan, a.PopMpls, a.PopPbb, a.StripVlan), 1),
    a.PushMpls: 2,
    a.PushPbb: 3,
    a.PushVlan: 4,
    a.CopyTtlOut: 5,
    **dict.fromkeys((a.DecMplsTtl, a.DecNwTtl), 6),
    a.SetQueue: 8,
    a.Group: 9,
    **dict.fromkeys((a.Output, a.Enqueue), 10),
}


def as_carried_out(written: a.Actions) -> a.Actions:
    """All that is written to an action set, in the order in which a set is carried out."""
    return tuple(sorted(written, key=lambda action: _SET_ORDER.get(type(action), _SET_FIELDS)))


def action_set_in_order(actions: a.Actions) -> a.Actions:
    """An action set as the list that does the same: one action of a kind, the latest; a group instead of an output."""
    kinds = {
        (type(action), action.name if isinstance(action, a.SetField) else ""): action for action in actions
    }
    if (a.Group, "") in kinds:
        kinds.pop((a.Output, ""), None)
    return as_carried_out(tuple(kinds.values()))


def instructions_to_10(instructions: a.Instructions, match: Match) -> a.Actions:
    """What the instructions of an entry in the only table do, in 1.0's actions."""
    applied: a.Actions = ()
    written: a.Actions = ()
    for instruction in instructions:
        match instruction:
            case a.ApplyActions(actions=actions):
                applied += actions
            case a.WriteActions(actions=actions):
                written += actions
            case a.ClearActions():
                pass  # in the first table the action set is empty, and writing comes after clearing
            case a.GotoTable(table_id=table_id):
                raise Inexpressible(ec.INST_BAD_TABLE_ID, f"OpenFlow 1.0 has no table {table_id}")
            case a.WriteMetadata():
                raise Inexpressible(ec.UNSUP_METADATA, "OpenFlow 1.0 has no metadata")
            case a.OpaqueInstruction():
                raise Inexpressible(ec.INST_BAD_EXPERIMENTER, f"instruction of {instruction.experimenter:#x}")
            case _:
                raise Inexpressible(ec.UNSUP_INST, f"OpenFlow 1.0 has no {type(instruction).__name__}")
    return actions_to_10(applied + action_set_in_order(written), match)
