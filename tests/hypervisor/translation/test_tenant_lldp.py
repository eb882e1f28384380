"""LLDP that tenants send: it appears at the far end of a link that is the slice's own, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.emulation.rewriting import rewrite
from flowvisor.hypervisor.translation.tenant_lldp import MAX_SHOWN, MAX_SHOWN_BYTES, rewritten
from flowvisor.openflow import actions as act
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import Output
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    DELETE,
    NO_COOKIE,
    REASON_ACTION,
    ROLE_SLAVE,
    AsyncMasks,
    FlowMod,
    PacketIn,
    PacketOut,
    PortMod,
    RoleRequest,
    SetAsync,
)
from flowvisor.openflow.ports import ALL, CONTROLLER, FLOOD, IN_PORT, NO_FWD, NO_RECV, NORMAL, TABLE
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.policies.policy import Policy
from flowvisor.policies.rate_limit import RateLimit
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.examples import examples
from tests.support.kinds import ON_10, ON_TABLES, Kind, as_told
from tests.support.slices import A, B, ethernet, tag
from tests.support.world import NOWHERE, Controller, World, a_slice, ports, rule

LLDP = ethernet(dst=0x0180C200000E, eth_type=0x88CC, payload=b"\x02\x07\x04" + bytes(60))
TAGGED = ethernet(dst=0x0180C200000E, vlans=(5,), eth_type=0x88CC)
BDDP = ethernet(dst=0xFFFFFFFFFFFF, eth_type=0x8942)
PACKETS = {"lldp": LLDP, "tagged": TAGGED, "bddp": BDDP}
CABLES = (((1, 1), (2, 2)), ((1, 3), (2, 3)), ((1, 2), (2, 4)))  # the slice a's, b's, and one from a to b
Cables = Iterable[tuple[tuple[int, int], tuple[int, int]]]


class Pair:
    """The controllers of a slice at two datapaths that are joined by cables."""

    def __init__(
        self,
        kind: Kind,
        version: int,
        *slices: FlowspaceSlice,
        cables: Cables = CABLES,
        policies: Iterable[Policy] = (),
    ) -> None:
        datapaths = [kind.datapath(), kind.datapath(dpid=2)]
        self.world = World(slices or (A, B), datapaths, cables=cables, policies=policies)
        self.world.look_for_links()
        self.near, self.far = (self.world.controller("a", dpid, version) for dpid in (1, 2))
        self.others = [self.world.controller("b", dpid, version) for dpid in (1, 2)]

    def send(
        self, *actions: act.Action | int, data: bytes = LLDP, in_port: int = CONTROLLER
    ) -> list[PacketIn]:
        """What the controller at the far end hears of a packet-out at the near end; nobody else hears of it."""
        before, sent = len(self.far.inbox), len(self.world.transmitted)
        spelled = tuple(Output(one) if isinstance(one, int) else one for one in actions)
        assert self.near.send(PacketOut(in_port=in_port, actions=spelled, data=data)) == []
        assert self.world.transmitted[sent:] == []
        assert all(other.inbox == [] for other in self.others)
        heard = self.far.inbox[before:]
        assert all(isinstance(one, PacketIn) for one in heard)
        return heard  # type: ignore[return-value]


@pytest.mark.parametrize("packet", PACKETS)
def test_it_appears_at_the_far_end_of_a_link_inside_the_slice(kind: Kind, version: int, packet: str) -> None:
    pair = Pair(kind, version)
    data = PACKETS[packet]
    (told,) = pair.send(1, data=data)
    assert (told.data, told.total_len) == (data, len(data))
    assert told.match == Match.of(in_port=2)
    assert (told.reason, told.table_id) == (REASON_ACTION, 0)
    assert pair.near.channel.counters.shed == {}


@pytest.mark.parametrize("version", [4])
def test_it_comes_with_the_cookie_of_the_tenants_entry_for_it(kind: Kind, version: int) -> None:
    pair = Pair(kind, version)
    for_lldp = FlowMod(
        cookie=0x5ADC,
        match=Match.of(in_port=2, eth_type=0x88CC),
        instructions=(act.ApplyActions((Output(CONTROLLER),)),),
    )
    pair.far.send(evolve(for_lldp, cookie=7, match=Match.of(in_port=2, eth_type=0x800)))
    assert [one.cookie for one in pair.send(1)] == [NO_COOKIE]
    pair.far.send(
        for_lldp, evolve(for_lldp, command=DELETE, cookie=0), evolve(for_lldp, match=Match.of(in_port=2))
    )
    assert [one.cookie for one in pair.send(1)] == [0x5ADC]


def test_it_appears_between_datapaths_and_controllers_of_all_versions() -> None:
    for near, far in ((ON_10, ON_TABLES), (ON_TABLES, ON_10)):
        world = World((A, B), [near.datapath(), far.datapath(dpid=2)], cables=CABLES)
        world.look_for_links()
        sender = world.controller("a", 1, 1)
        heard = [world.controller("a", 2, version) for version in (1, 4)]
        sender.send(PacketOut(in_port=CONTROLLER, actions=(Output(1),), data=LLDP))
        assert [[one.data for one in controller.heard(PacketIn)] for controller in heard] == [[LLDP], [LLDP]]


def test_it_goes_nowhere_where_there_is_no_link_or_its_far_end_is_anothers(kind: Kind, version: int) -> None:
    pair = Pair(kind, version)
    assert pair.send(2) == []
    assert pair.near.channel.counters.shed == {"lldp": 1}
    without = Pair(kind, version, cables=())
    assert without.send(1) == []
    assert without.near.channel.counters.shed == {"lldp": 1}


def test_it_goes_nowhere_where_the_slices_acl_denies_it(kind: Kind, version: int) -> None:
    lldp = Match.of(eth_type=0x88CC)
    for dpid, expected in ((1, 1), (2, 0)):
        acl = Acl("no", (AclRule(True, frozenset({dpid}), (lldp,), NOWHERE),))
        pair = Pair(kind, version, evolve(A, policies=("no",)), B, policies=[acl])
        assert len(pair.send(1)) == expected
        assert len(pair.send(1, data=BDDP)) == 1


def test_a_port_of_another_slice_is_refused(kind: Kind, version: int) -> None:
    pair = Pair(kind, version)
    for port in (3, 9, NORMAL):
        out = PacketOut(in_port=CONTROLLER, actions=(Output(1), Output(port)), data=LLDP)
        assert pair.near.refused(out) == as_told(codes.ACTION_BAD_OUT_PORT, version)
    assert pair.far.inbox == []


@pytest.mark.parametrize("port", [FLOOD, ALL])
def test_a_flood_goes_over_all_links_of_the_slice_but_back(kind: Kind, version: int, port: int) -> None:
    whole = a_slice("a", ports(1, 2, 3, 4)), a_slice("b", ports(9))
    cables = (((1, 1), (2, 1)), ((1, 3), (2, 3)))
    pair = Pair(kind, version, *whole, cables=cables)
    assert [one.match.exact("in_port") for one in pair.send(port)] == [1, 3]
    assert [one.match.exact("in_port") for one in pair.send(port, in_port=3)] == [1]


def test_reserved_ports_are_what_they_are_for_any_packet(kind: Kind, version: int) -> None:
    pair = Pair(kind, version)
    assert len(pair.send(IN_PORT, in_port=1)) == 1
    assert pair.send(CONTROLLER) == []
    assert pair.send(TABLE, in_port=1) == []
    assert pair.near.channel.counters.shed == {"lldp": 2}
    out = PacketOut(in_port=CONTROLLER, actions=(Output(IN_PORT),), data=LLDP)
    assert pair.near.refused(out) == as_told(codes.ACTION_BAD_OUT_PORT, version)


def test_what_stands_before_an_output_acts_on_it(kind: Kind, version: int) -> None:
    pair = Pair(kind, version)
    to_all = act.SetField("eth_dst", 0xFFFFFFFFFFFF)
    plain, changed = pair.send(1, to_all, 1)
    assert (plain.data, changed.data) == (LLDP, b"\xff" * 6 + LLDP[6:])


@pytest.mark.parametrize(
    "action", [act.PushMpls(0x8847), act.PopMpls(0x0800), act.PushPbb(0x88E7), act.PopPbb()]
)
def test_what_would_make_another_kind_of_packet_of_it_is_refused(kind: Kind, action: act.Action) -> None:
    pair = Pair(kind, 4)
    out = PacketOut(in_port=CONTROLLER, actions=(action, Output(1)), data=LLDP)
    assert pair.near.refused(out) == codes.ACTION_EPERM


def test_slices_that_share_a_link_each_see_it_whatever_they_own_of_it(kind: Kind, version: int) -> None:
    slices = (
        a_slice("a", rule(Match.of(vlan_vid=tag(100)))),
        a_slice("b", rule(Match.of(vlan_vid=tag(200)))),
    )
    pair = Pair(kind, version, *slices)
    (told,) = pair.send(1)
    assert told.data == LLDP
    near, far = pair.others
    near.send(PacketOut(in_port=CONTROLLER, actions=(Output(1),), data=LLDP))
    assert [one.data for one in far.heard(PacketIn)] == [LLDP]
    assert len(pair.far.heard(PacketIn)) == 1


def test_a_slave_and_whoever_wants_no_packet_ins_are_not_told() -> None:
    pair = Pair(ON_TABLES, 4)
    slave, deaf = (pair.world.controller("a", 2, 4) for _ in range(2))
    slave.send(RoleRequest(role=ROLE_SLAVE, generation_id=1))
    nothing = (0, 0)
    deaf.send(SetAsync(masks=AsyncMasks(packet_in=nothing, port_status=nothing, flow_removed=nothing)))
    assert len(pair.send(1)) == 1
    assert slave.heard(PacketIn) == deaf.heard(PacketIn) == []
    pair.far.leave()
    pair.near.send(PacketOut(in_port=CONTROLLER, actions=(Output(1),), data=LLDP))
    assert pair.near.channel.counters.shed == {"no-controller": 1}


def configure(controller: Controller, port: int, config: int) -> None:
    hw_addr = controller.switch.datapath.ports[port].hw_addr
    assert controller.send(PortMod(port=port, hw_addr=hw_addr, config=config, mask=config)) == []


def test_it_stops_at_ports_that_the_slice_has_closed(kind: Kind, version: int) -> None:
    for at, number, config in ((0, 1, NO_FWD), (1, 2, NO_RECV)):
        pair = Pair(kind, version)
        configure((pair.near, pair.far)[at], number, config)
        assert pair.send(1) == []


def test_it_stops_at_a_port_that_is_down_and_at_a_datapath_that_is_away(kind: Kind, version: int) -> None:
    datapaths = [kind.datapath(), kind.datapath(dpid=2)]
    world = World((A, B), datapaths, declared=CABLES[:1])
    near, far = (world.controller("a", dpid, version) for dpid in (1, 2))
    out = PacketOut(in_port=CONTROLLER, actions=(Output(1),), data=LLDP)
    near.send(out)
    assert len(far.heard(PacketIn)) == 1
    world.change(2, world.emulated[2].set_link(2, is_up=False))
    near.send(out)
    assert len(far.heard(PacketIn)) == 1
    world.leave(2)
    near.send(out)
    assert near.channel.counters.shed == {"lldp": 2}


def test_packet_ins_that_come_so_count_against_the_rate_limit(kind: Kind, version: int) -> None:
    limited = a_slice("a", ports(1, 2), policies=["steady"])
    pair = Pair(kind, version, limited, B, policies=[RateLimit("steady", packet_in=1.0)])
    heard = sum(len(pair.send(1)) for _ in range(10))
    assert 0 < heard < 10
    assert pair.near.channel.tenant.counters[kind.version].shed["rate-limited"] == 10 - heard


_rewrites = st.one_of(
    st.builds(act.SetField, st.sampled_from(("eth_dst", "eth_src")), st.integers(0, (1 << 48) - 1)),
    st.builds(act.SetField, st.just("vlan_vid"), st.integers(1, 4094).map(tag)),
    st.builds(act.SetField, st.just("vlan_pcp"), st.integers(0, 7)),
    st.builds(act.SetVlanVid, st.integers(0, 4095)),
    st.builds(act.SetVlanPcp, st.integers(0, 7)),
    st.just(act.PushVlan(0x8100)),
    st.just(act.PushVlan(0x88A8)),
    st.just(act.PopVlan()),
    st.just(act.StripVlan()),
    st.builds(act.SetField, st.just("ipv4_src"), st.integers(0, 9)),
    st.just(act.DecNwTtl()),
)


@examples(60)
@given(st.sampled_from(sorted(PACKETS)), st.lists(_rewrites, max_size=4))
def test_it_is_rewritten_as_a_datapath_would(packet: str, actions: list[act.Action]) -> None:
    data = expected = PACKETS[packet]
    for action in actions:
        data, expected = rewritten(data, action), rewrite(expected, action)
        assert data == expected


def test_no_more_is_shown_at_once_than_a_bound() -> None:
    pair = Pair(ON_TABLES, 4)
    most = (Output(1),) * MAX_SHOWN
    assert len(pair.send(*most)) == MAX_SHOWN
    long = LLDP + bytes(MAX_SHOWN_BYTES // MAX_SHOWN)
    for actions, data in (((*most, Output(1)), LLDP), (most, long)):
        assert pair.near.refused(PacketOut(actions=actions, data=data)) == codes.ACTION_TOO_MANY
    assert len(pair.far.inbox) == MAX_SHOWN
