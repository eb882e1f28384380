"""A virtual switch's share of one datapath, of which each kind of port is one."""

from __future__ import annotations

from typing import Any

from attrs import evolve
from hypothesis import strategies as st

from flowvisor.openflow import actions as act
from flowvisor.openflow.actions import Actions
from flowvisor.openflow.fields import ETH_TYPE_SERVICE_VLAN, ETH_TYPE_VLAN, VLAN_PRESENT
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import ALL, CONTROLLER, FLOOD, IN_PORT
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.share import Ingress, Share, SharePort
from tests.support import message_strategies as messages

BLOCK = TableBlock(3, 4)
CORE = 4  # the datapath's port towards the others
VLAN, LABEL_OF_REMOTE, LABEL_OF_END, LABEL_BEYOND = 20, 3005, 3010, 3020
WHOLE, OTHER_WHOLE, TAGGED, REMOTE, LINK_END = 1, 2, 3, 5, 10


def tagged(ethertype: int, vid: int, port: int) -> Actions:
    """An output behind a tag."""
    return (act.PushVlan(ethertype), act.SetField("vlan_vid", VLAN_PRESENT | vid), act.Output(port))


def whole(number: int, physical: int) -> SharePort:
    """A port that is a datapath's whole."""
    ingress = Ingress(Match.of(in_port=physical))
    return SharePort(number, (ingress,), (act.Output(physical),), physical)


def in_vlan(number: int, physical: int, vlan: int, **more: Any) -> SharePort:
    """A port that is one VLAN of a datapath's port."""
    ingress = Ingress(Match.of(in_port=physical, vlan_vid=VLAN_PRESENT | vlan), (act.PopVlan(),))
    return SharePort(number, (ingress,), tagged(ETH_TYPE_VLAN, vlan, physical), physical, **more)


def remote(number: int, label: int) -> SharePort:
    """A port at another datapath."""
    return SharePort(number, (), tagged(ETH_TYPE_SERVICE_VLAN, label, CORE))


def link_end(number: int, label: int, beyond: int) -> SharePort:
    """The end of a virtual link, of which this datapath is the anchor."""
    ingress = Ingress(Match.of(in_port=CORE, vlan_vid=VLAN_PRESENT | label), (act.PopVlan(),))
    egress = tagged(ETH_TYPE_SERVICE_VLAN, beyond, CORE)
    return SharePort(number, (ingress,), egress, is_turned=True)


def share(*ports: SharePort) -> Share:
    """A share that has these ports."""
    return Share(name="blue/big", dpid=0xB1, block=BLOCK, ports={port.number: port for port in ports})


# Without any port at which the way back has to be seen to here, and with one.
PLAIN = share(whole(WHOLE, 1), whole(OTHER_WHOLE, 2), remote(REMOTE, LABEL_OF_REMOTE))
FULL = evolve(
    PLAIN,
    ports={
        **PLAIN.ports,
        TAGGED: in_vlan(TAGGED, 3, VLAN),
        LINK_END: link_end(LINK_END, LABEL_OF_END, LABEL_BEYOND),
    },
)
SHARES = (PLAIN, FULL)

PORTS = (WHOLE, OTHER_WHOLE, TAGGED, REMOTE, LINK_END)
_outputs = st.sampled_from((*PORTS, FLOOD, ALL, IN_PORT, CONTROLLER)).map(act.Output)
_others = st.sampled_from((act.SetField("eth_dst", 1), act.SetField("eth_src", 9), act.Group(7)))
lists = st.lists(st.one_of(_outputs, _outputs, _others), max_size=4).map(tuple)
_upper = st.integers(0, 0xFFFF_FFFF).map(lambda bits: bits << 32)


@st.composite
def instructions(
    draw: st.DrawFn, *, table_id: int = 0, tables: int = BLOCK.size, is_legal: bool = False
) -> act.Instructions:
    """What a tenant may write, in the order in which a datapath tells it.

    Unless it `is_legal`, meters may be unknown and metadata what it may not touch.
    """
    found: list[act.Instruction] = []
    if not is_legal and draw(st.booleans()):
        found.append(act.Meter(draw(st.integers(1, 3))))
    if draw(st.booleans()):
        found.append(act.ApplyActions(draw(lists.filter(bool))))
    if draw(st.integers(0, 3)) == 0:
        found.append(act.ClearActions())
    if draw(st.booleans()):
        found.append(act.WriteActions(draw(lists.filter(bool))))
    if draw(st.booleans()):
        mask = draw(_upper if is_legal else st.one_of(_upper, _upper, st.just(1)))
        found.append(act.WriteMetadata(draw(_upper) & mask, mask))
    if table_id + 1 < tables and draw(st.booleans()):
        found.append(act.GotoTable(draw(st.integers(table_id + 1, tables - 1))))
    return tuple(found)


_ports = st.one_of(st.sampled_from((*FULL.ports, CONTROLLER, 0xFF00)), messages.u32)


@st.composite
def matches(draw: st.DrawFn) -> Match:
    """Matches, many of them of a port and of metadata."""
    match = draw(messages.matches(opaque=False))
    if draw(st.booleans()):
        match = match.having(in_port=draw(_ports))
    if draw(st.booleans()):
        mask = draw(_upper.filter(bool))
        match = match.having(metadata=(draw(_upper), mask))
    return match
