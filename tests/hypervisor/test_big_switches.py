"""A virtual switch that lies on three datapaths, over the shares that it has there, is like one datapath of its own."""

from __future__ import annotations

from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.openflow import messages as msg
from flowvisor.openflow import multipart as multi
from tests.support.big_requests import (
    PORTS,
    REQUESTS,
    Twins,
    additions,
    addresses,
    flow_mods,
    group_mods,
    meter_mods,
    packet_outs,
)
from tests.support.slices import udp
from tests.support.virtual import a_network
from tests.support.virtual_world import VirtualWorld
from tests.support.world import World, a_slice, ports

PLACES = {1: (1, 1), 2: (2, 1), 3: (3, 1), 4: (1, 2)}  # datapath and port, by virtual port
NUMBERS = {place: number for number, place in PLACES.items()}
CABLES = ((1, 12), (2, 23), (1, 13))
# A share offers other groups, meters and tables than a slice.
ALIKE = [
    one
    for one in REQUESTS
    if not isinstance(
        one, (multi.GroupFeaturesRequest, multi.MeterFeaturesRequest, multi.TableFeaturesRequest)
    )
]


class OverShares(Twins, RuleBasedStateMachine):
    """One tenant has a big switch of a virtual network, the other a datapath that is its own."""

    @initialize(version=st.sampled_from((4, 4, 1)))
    def begin(self, version: int) -> None:
        self.version = version
        where = {number: f"{dpid}/{port}" for number, (dpid, port) in PLACES.items()}
        self.big = VirtualWorld([a_network("blue", {"big": where}, tables=4)])
        self.alone = World([a_slice("a", ports(*PORTS))], [EmulatedDatapath(1, ports=PORTS)])
        self.tenants = (
            self.big.controller("blue", 0xA0, version),
            self.alone.controller("a", 1, version),
        )
        self.away: int | None = None
        self.cut: tuple[int, int] | None = None
        assert set(self.tenants[0].channel.legs) == {1, 2, 3}

    @rule(mods=st.lists(additions, min_size=1, max_size=3))
    def add(self, mods: list[msg.FlowMod]) -> None:
        for mod in mods:
            self.both(evolve(mod, hard_timeout=0))  # to find links takes time, at one of both only

    @rule(mod=st.one_of(flow_mods, flow_mods, group_mods, meter_mods, packet_outs))
    def change(self, mod: msg.Message) -> None:
        self.both(evolve(mod, hard_timeout=0) if isinstance(mod, msg.FlowMod) else mod)

    @rule(request=st.sampled_from(ALIKE))
    def ask(self, request: msg.Message) -> None:
        if self.away is None:
            self.both(request)

    @rule(which=st.sampled_from(CABLES))
    def a_link_fails_or_comes_back(self, which: tuple[int, int]) -> None:
        if self.away is not None:
            return
        if self.cut is None:
            self.cut = which
            self.big.cut(*which)
        else:
            self.big.mend(*self.cut)
            self.cut = None
            self.big.look_for_links()

    @rule(dpid=st.sampled_from((1, 2, 3)))
    def a_datapath_goes_or_comes_back(self, dpid: int) -> None:
        if self.cut is not None:
            return
        self.forget()
        if self.away is None:
            self.away, self.is_uncounted = dpid, True
            self.big.leave(dpid)
        else:
            self.big.join(self.big.emulated[self.away])
            self.away = None
            self.big.look_for_links()
        self.compare()

    @rule(destination=addresses)
    def packets_come_in_everywhere(self, destination: int) -> None:
        gone = {number for number, (dpid, _) in PLACES.items() if dpid == self.away}
        data = udp(dst=destination)
        for number in sorted(PLACES.keys() - gone):
            self.forget()
            arrived = [(NUMBERS[at, port], one) for at, port, one in self.big.arrivals(*PLACES[number], data)]
            wanted = [one for one in self.alone.packet(1, number, data) if one[0] not in gone]
            assert sorted(arrived) == sorted(wanted)
            self.compare()

    @invariant()
    def entries_are_the_same(self) -> None:
        if hasattr(self, "tenants") and self.away is None:
            self.both(multi.FlowStatsRequest())

    def compare(self) -> None:
        for one in self.tenants:
            one.inbox[:] = [_ageless(message) for message in one.inbox]
        super().compare()


def _ageless(message: msg.Message) -> msg.Message:
    """Without what tells how old things are."""
    if isinstance(message, msg.FlowRemoved):
        return evolve(message, duration_sec=0, duration_nsec=0)
    for name in ("flows", "groups", "meters"):
        if hasattr(message, name):
            told = [
                evolve(one, duration_sec=0, duration_nsec=0) if hasattr(one, "duration_sec") else one
                for one in getattr(message, name)
            ]
            return evolve(message, **{name: tuple(told)})
    return message


OverShares.TestCase.settings = settings(max_examples=12, stateful_step_count=15, deadline=None)
test_a_big_switch_over_shares_answers_like_one_datapath = OverShares.TestCase
