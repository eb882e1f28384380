"""A virtual switch over several datapaths is to its tenant like one datapath of its own."""

from __future__ import annotations

from attrs import evolve
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.hypervisor.effects import HangUp
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import messages as msg
from flowvisor.openflow import multipart as multi
from tests.support.big_requests import (
    CHANGES,
    REQUESTS,
    Twins,
    additions,
    addresses,
    flow_mods,
    group_mods,
    in_10,
    meter_mods,
    packet_outs,
    port_numbers,
)
from tests.support.big_world import PORTS, big_world
from tests.support.slices import udp
from tests.support.world import World, a_slice, ports


class BigSwitchMachine(Twins, RuleBasedStateMachine):
    """Two tenants do the same: one has a big switch, the other a datapath that is its own."""

    @initialize(n=st.sampled_from((2, 3)), version=st.sampled_from((4, 4, 1)))
    def begin(self, n: int, version: int) -> None:
        self.n = n
        self.version = version
        self.big = big_world(n)
        self.alone = World([a_slice("a", ports(*PORTS))], [EmulatedDatapath(1, ports=PORTS)])
        self.tenants = (self.big.big_controller(version), self.alone.controller("a", 1, version))
        self.away: set[int] = set()

    @rule(mods=st.lists(additions, min_size=1, max_size=3))
    def add(self, mods: list[msg.Message]) -> None:
        for mod in mods:
            self.both(mod)

    @rule(mod=st.one_of(flow_mods, flow_mods, flow_mods, group_mods, meter_mods, packet_outs))
    def ask_for_a_change(self, mod: msg.Message) -> None:
        self.both(mod)

    @rule(mod=st.one_of(additions, flow_mods, flow_mods, group_mods, meter_mods), data=st.data())
    def one_datapath_refuses_a_change(self, mod: msg.Message, data: st.DataObject) -> None:
        here = sorted(set(range(1, self.n + 1)) - self.away)
        picky = self.big.emulated[data.draw(st.sampled_from(here))]
        said = mod if self.version == 4 else in_10(mod)
        if said is None or (self.version == 1 and not said.match.fields):
            return  # in the place of the table-miss entry that 1.0 controllers are given
        self.forget()
        picky.refuses = CHANGES
        answers = self.tenants[0].send(evolve(said, xid=9))
        picky.refuses = frozenset()
        if any(isinstance(one, msg.Error) for one in answers):
            assert [(type(one), one.xid) for one in answers] == [(msg.Error, 9)]
            self.is_uncounted = True  # what was taken away and put back counts anew
        else:
            self.tenants[1].send(evolve(said, xid=9))
            self.compare()

    @precondition(lambda self: not self.away)
    @rule(request=st.sampled_from(REQUESTS))
    def ask(self, request: msg.Message) -> None:
        self.both(request)

    @rule(destination=addresses)
    def packets_come_in_everywhere(self, destination: int) -> None:
        for port in PORTS:
            if self.big.big.homes[port] in self.away:
                continue
            self.forget()
            packet = udp(dst=destination)
            mine = self.big.packet(self.big.big.homes[port], port, packet)
            assert mine == self.alone.packet(1, port, packet)
            self.compare()

    @rule()
    def time_passes(self) -> None:
        self.forget()
        self.big.pass_time(1.0)
        self.alone.pass_time(1.0)
        self.compare()

    @rule(data=st.data())
    def a_datapath_goes(self, data: st.DataObject) -> None:
        here = sorted(set(range(1, self.n + 1)) - self.away)
        if len(here) > 1:
            dpid = data.draw(st.sampled_from(here))
            self.away.add(dpid)
            self.is_uncounted = True
            self.big.go(dpid)

    @precondition(lambda self: self.away)
    @rule(data=st.data())
    def a_datapath_comes_back(self, data: st.DataObject) -> None:
        dpid = data.draw(st.sampled_from(sorted(self.away)))
        self.away.discard(dpid)
        self.forget()
        self.big.come(self.big.emulated[dpid])
        self.compare()

    @rule(port=port_numbers, data=st.data())
    def a_port_moves(self, port: int, data: st.DataObject) -> None:
        self.forget()
        self.big.move(port, data.draw(st.sampled_from(range(1, self.n + 1))))
        self.compare()

    @invariant()
    def entries_are_the_same(self) -> None:
        if hasattr(self, "tenants") and not self.away:
            self.both(multi.FlowStatsRequest())

    @invariant()
    def nothing_is_left_over(self) -> None:
        if not hasattr(self, "tenants"):
            return
        channel = self.tenants[0].channel
        assert not channel.backlog
        assert not channel.undoing
        assert channel.barrier is None
        assert not self.big.big.replaying
        assert not self.big.big.joining
        entries = sum(len(table) for table in self.alone.emulated[1].pipeline.tables[1:5])
        ours = self.alone.hypervisor.datapaths[1].switches["a"].our_entries
        assert len(self.big.big.entries) == entries - ours


BigSwitchMachine.TestCase.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
test_a_big_switch_answers_like_one_datapath = BigSwitchMachine.TestCase


def test_what_is_not_understood_is_refused_by_name() -> None:
    tenant = big_world(2).big_controller()
    assert (
        tenant.refused(multi.ExperimenterMultipartRequest(xid=1, experimenter=5, body=bytes(4)))
        == codes.BAD_EXPERIMENTER
    )
    assert tenant.refused(multi.PortStatsRequest(xid=1, more=True)) == codes.MULTIPART_BUFFER_OVERFLOW
    assert tenant.refused(multi.TableFeaturesRequest(xid=1, more=True)) == codes.TABLE_FEATURES_EPERM
    assert tenant.send(msg.Error(error=(1, 1))) == []
    assert tenant.channel.counters.shed == {"error-from-controller": 1}


def test_who_breaks_the_protocol_too_often_is_hung_up_on() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    errors = tenant.send(*[b"\x04\x0e\x00\x08\0\0\0\1"] * 16)
    assert {one.error for one in errors} == {codes.BAD_LEN}
    assert [one.peer for one in world.commands if isinstance(one, HangUp)] == [tenant.channel]


def test_what_a_version_has_no_words_for_is_refused() -> None:
    tenant = big_world(2).big_controller(1)
    assert tenant.refused(msg.FlowMod(xid=2, flags=msg.EMERGENCY))
    assert tenant.ask(msg.BarrierRequest(xid=3), msg.BarrierReply)
