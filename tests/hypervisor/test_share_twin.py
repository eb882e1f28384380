"""A share beside a datapath of its tenant's own: what is admitted does the same on both, wherever packets come in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.emulation.datapath import EmulatedDatapath, Tell
from flowvisor.emulation.pipeline import Transmit
from flowvisor.openflow import actions as act
from flowvisor.openflow.match import MATCH_ALL, Match
from flowvisor.openflow.messages import (
    GROUP_ADD,
    GROUP_TYPE_ALL,
    GROUP_TYPE_FAST_FAILOVER,
    Bucket,
    Error,
    FlowMod,
    GroupMod,
    Message,
    PacketIn,
    PacketOut,
)
from flowvisor.openflow.ports import ANY, CONTROLLER, FLOOD, IN_PORT
from flowvisor.openflow.versions import codec
from flowvisor.slices.virtual_network import VirtualNetwork
from tests.support.share_world import BLUE, PLAIN, ShareWorld
from tests.support.shares import LINK_END, PORTS, REMOTE, instructions, lists
from tests.support.slices import ethernet

DPID = 1
TABLES = BLUE.tables
_TARGETS = (1, 2)
_matches = st.builds(
    lambda port, target: Match.of(
        **({} if port is None else {"in_port": port}), **({} if target is None else {"eth_dst": target})
    ),
    st.sampled_from((None, None, None, *PORTS)),
    st.sampled_from((None, None, None, *_TARGETS)),
)


@st.composite
def entries(draw: st.DrawFn) -> list[FlowMod]:
    """Of each of three tables one or two, so that action sets are written by several."""
    tables = draw(st.lists(st.sampled_from((0, 0, 1, 2)), max_size=3).map(lambda more: [0, 1, 2, *more]))
    return [
        FlowMod(
            table_id=table,
            priority=draw(st.integers(0, 3)),
            match=draw(st.one_of(st.just(MATCH_ALL), st.just(MATCH_ALL), _matches)),
            instructions=draw(instructions(table_id=table, tables=3, is_legal=True).filter(bool)),
        )
        for table in tables
    ]


@st.composite
def groups(draw: st.DrawFn) -> GroupMod:
    """A group of any type but by chance."""
    kind = draw(st.sampled_from((GROUP_TYPE_ALL, GROUP_TYPE_ALL, GROUP_TYPE_FAST_FAILOVER)))
    watched = st.sampled_from(PORTS) if kind == GROUP_TYPE_FAST_FAILOVER else st.just(ANY)
    outputs = st.lists(st.sampled_from((*PORTS, CONTROLLER, FLOOD, IN_PORT)).map(act.Output), max_size=2)
    buckets = draw(st.lists(st.builds(bucket, watched, outputs), max_size=3))
    return GroupMod(command=GROUP_ADD, group_type=kind, group_id=7, buckets=tuple(buckets))


def bucket(watched: int, outputs: list[act.Output]) -> Bucket:
    return Bucket(watch_port=watched, actions=(act.SetField("eth_src", 5), *outputs))


class Twin:
    """The tenant's own datapath, with the ports of its virtual switch."""

    def __init__(self, ports: Iterable[int]) -> None:
        self.datapath = EmulatedDatapath(DPID, 4, ports, n_tables=TABLES)

    def take(self, message: Message) -> None:
        told = self.datapath.from_controller(codec(4).encode(message), 0.0)
        assert not any(isinstance(one, Tell) and isinstance(one.message, Error) for one in told), message


Seen = Counter[tuple[object, ...]]


def seen_by_twin(effects: Iterable[object], in_port: int) -> Seen:
    found: Seen = Counter()
    for one in effects:
        if isinstance(one, Transmit):
            found["out", one.port, one.packet] += 1
        elif isinstance(one, Tell) and isinstance(one.message, PacketIn):
            found[told(one.message)] += 1
    return without_way_back(found, in_port)


def told(message: PacketIn) -> tuple[object, ...]:
    return ("up", tuple(sorted(message.match.fields.items())), message.data)


def without_way_back(found: Seen, in_port: int) -> Seen:
    """OpenFlow never outputs where a packet came in; at the end of a link the way back may be meant."""
    return Counter(
        {what: n for what, n in found.items() if not (in_port == LINK_END and what[1] == LINK_END)}
    )


def seen_by_tenant(world: ShareWorld, in_port: int) -> Seen:
    """What left the first datapath, as the tenant sees it: at which port, without what carries it from there."""
    share = world.share().view.share
    assert share is not None
    ways = {}
    for port in share.ports.values():
        out = next(one.port for one in port.egress if isinstance(one, act.Output))
        tags = [one.value & 0xFFF for one in port.egress if isinstance(one, act.SetField)]
        ways[out, tags[0] if tags else None] = port.number
    found: Seen = Counter()
    tagged = {out for out, tag in ways if tag is not None}
    for dpid, out, packet in world.transmitted:
        if dpid == DPID:
            tag = int.from_bytes(packet[14:16], "big") & 0xFFF if out in tagged else None
            found["out", ways[out, tag], packet if tag is None else packet[:12] + packet[16:]] += 1
    return without_way_back(found, in_port)


def come_in(world: ShareWorld, number: int, packet: bytes) -> None:
    share = world.share().view.share
    assert share is not None
    (ingress,) = share.ports[number].ingresses
    vlan = ingress.match.exact("vlan_vid")
    tag = b"" if vlan is None else b"\x81\0" + (vlan & 0xFFF).to_bytes(2, "big")
    in_port = ingress.match.exact("in_port")
    assert in_port is not None
    world.packet(DPID, in_port, packet[:12] + tag + packet[12:])


@given(
    st.sampled_from((BLUE, PLAIN)),
    groups(),
    entries(),
    lists,
    st.sampled_from((*PORTS, CONTROLLER)),
)
def test_what_is_admitted_does_what_the_tenants_own_datapath_would(
    network: VirtualNetwork, group: GroupMod, written: list[FlowMod], sent: act.Actions, sent_from: int
) -> None:
    world = ShareWorld(network)
    leg = world.controller("blue/big", DPID)
    twin = Twin(leg.switch.logical_ports)
    for message in (group, *written):
        if not leg.send(message):
            twin.take(message)
    here = [port for port in leg.switch.view.share.ports.values() if port.ingresses]  # type: ignore[union-attr]
    for number in (port.number for port in here):
        for target in (*_TARGETS, 3):
            packet = ethernet(dst=target)
            world.transmitted.clear()
            leg.inbox.clear()
            come_in(world, number, packet)
            seen = seen_by_tenant(world, number) + Counter(told(one) for one in leg.heard(PacketIn))
            meant = seen_by_twin(twin.datapath.from_port(number, packet, 0.0), number)
            assert seen == meant, (number, target)
    if sent_from in (*(port.number for port in here), REMOTE, CONTROLLER):
        message = PacketOut(in_port=sent_from, actions=sent, data=ethernet())
        world.transmitted.clear()
        if not leg.send(message):
            effects = twin.datapath.from_controller(codec(4).encode(message), 0.0)
            left = [one for one in effects if isinstance(one, Transmit)]
            assert seen_by_tenant(world, sent_from) == seen_by_twin(left, sent_from)
