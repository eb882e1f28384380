"""Probes: what goes out when, what a packet that comes back proves, and which links that gives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.network.discovery import (
    MAX_MISSED,
    MAX_PROBES_AT_ONCE,
    MAX_WATCHED_PROBES_PER_SECOND,
    PROBE_ADDRESS,
    PROBE_INTERVAL_SECONDS,
    Discovery,
    Link,
    Probe,
    addresses_a_probe,
)
from flowvisor.network.topology import MAX_FAR_ENDS, End
from flowvisor.openflow.fields import ETH_TYPE_LLDP
from flowvisor.openflow.packet import parse

KEY = b"k" * 32
HARDWARE = bytes.fromhex("020000000001")
A1, A2, B1, B2, C1 = End(1, 1), End(1, 2), End(2, 1), End(2, 2), End(3, 1)
STEP = 0.1  # the shell's pause between two calls


def new_discovery(*ends: End, key: bytes = KEY) -> Discovery:
    discovery = Discovery(key=key, random=lambda: 0.5)
    for end in ends:
        discovery.port_came(end, HARDWARE, 0.0)
    return discovery


class Wires:
    """Cables, and the links that are known of them; `None` of a far end is a host."""

    def __init__(self, discovery: Discovery, cables: Iterable[tuple[End, End]]) -> None:
        self.discovery = discovery
        self.cables = set(cables)
        self.links: set[Link] = set()
        self.sent: list[tuple[float, Probe]] = []
        self.now = 0.0

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end:
            self.now += STEP
            self.step()

    def step(self) -> None:
        probes, lost = self.discovery.due(self.now)
        self.links -= set(lost)
        for probe in probes:
            self.sent.append((self.now, probe))
            for near, far in self.cables:
                if near == probe.end:
                    link = self.discovery.arrived(far, probe.packet, self.now)
                    if link is not None:
                        self.links.add(link)


def test_a_probe_is_lldp_that_no_bridge_forwards() -> None:
    probes, lost = new_discovery(A1).due(0.0)
    (probe,) = probes
    fields = parse(probe.packet, 1)
    assert not lost
    assert probe.end == A1
    assert fields["eth_type"] == ETH_TYPE_LLDP
    assert fields["eth_dst"] == PROBE_ADDRESS
    assert fields["eth_src"] == 0x020000000001
    assert PROBE_ADDRESS >> 4 == 0x0180C2000000 >> 4  # the block of 802.1D and 802.1Q
    assert addresses_a_probe(probe.packet)
    assert not addresses_a_probe(bytes.fromhex("0180c200000e") + probe.packet[6:])
    assert b"0000000000000001" in probe.packet


def test_a_probe_consists_of_tlvs_that_end() -> None:
    ((probe,), _) = new_discovery(A1).due(0.0)
    kinds, at = [], 14
    while at < len(probe.packet):
        head = int.from_bytes(probe.packet[at : at + 2], "big")
        kinds.append(head >> 9)
        at += 2 + (head & 0x1FF)
    assert kinds == [1, 2, 3, 127, 0]
    assert at == len(probe.packet)
    assert len(probe.packet) >= 60


def test_a_port_without_an_address_probes_from_one_that_can_be_a_source() -> None:
    discovery = new_discovery()
    discovery.port_came(A1, bytes(6), 0.0)
    ((probe,), _) = discovery.due(0.0)
    assert probe.packet[6] & 1 == 0
    assert any(probe.packet[6:12])


def test_where_a_probe_comes_back_a_link_ends() -> None:
    discovery = new_discovery(A1, B1)
    ((first, second), _) = discovery.due(0.0)
    assert discovery.arrived(B1, first.packet, 0.0) == Link(A1, B1)
    assert discovery.arrived(A1, second.packet + bytes(7), 0.0) == Link(B1, A1)  # padding does no harm


def test_a_probe_is_not_believed_at_a_port_that_is_not_there() -> None:
    discovery = new_discovery(A1)
    ((probe,), _) = discovery.due(0.0)
    assert discovery.arrived(B1, probe.packet, 0.0) is None


@given(st.data())
def test_no_bit_of_a_probe_can_be_changed_that_says_anything(data: st.DataObject) -> None:
    discovery = new_discovery(A1, A2, B1)
    probe = discovery.due(0.0)[0][0]
    # All but the source and destination, time to live and the end, which say nothing that is acted on.
    told = [*range(12, 46), *range(50, 80)]
    place, bit = data.draw(st.sampled_from(told)), data.draw(st.integers(0, 7))
    forged = bytearray(probe.packet)
    forged[place] ^= 1 << bit
    assert discovery.arrived(B1, bytes(forged), 0.0) is None
    assert discovery.arrived(B1, probe.packet, 0.0) == Link(A1, B1)


@given(st.binary(max_size=120))
def test_any_bytes_are_looked_at_without_harm(packet: bytes) -> None:
    assert new_discovery(A1).arrived(A1, packet, 0.0) is None


@given(st.integers(0, 100))
def test_a_probe_that_was_cut_proves_nothing(length: int) -> None:
    discovery = new_discovery(A1, B1)
    packet = discovery.due(0.0)[0][0].packet
    assert (discovery.arrived(B1, packet[:length], 0.0) is not None) == (length >= len(packet))


def test_a_probe_of_another_process_proves_nothing() -> None:
    ((probe, _), _) = new_discovery(A1, B1, key=b"x" * 32).due(0.0)
    discovery = new_discovery(A1, B1)
    discovery.due(0.0)
    assert discovery.arrived(B1, probe.packet, 0.0) is None


def test_a_probe_that_somebody_kept_is_stale_after_two_more() -> None:
    discovery = new_discovery(A1, B1)
    kept = discovery.due(0.0)[0][0]
    discovery.due(6.0)
    assert discovery.arrived(B1, kept.packet, 6.0) == Link(A1, B1)  # it may have been on its way
    discovery.due(12.0)
    assert discovery.arrived(B1, kept.packet, 12.0) is None


def test_a_new_port_is_probed_at_once_and_then_at_the_stated_pace() -> None:
    wires = Wires(new_discovery(A1), [])
    wires.run(60.0)
    times = [at for at, _ in wires.sent]
    assert times[0] == pytest.approx(STEP)
    pauses = [later - earlier for earlier, later in pairwise(times)]
    assert all(abs(pause - PROBE_INTERVAL_SECONDS) <= 2 * STEP for pause in pauses)


def test_ports_that_came_together_do_not_stay_together() -> None:
    chances = iter([0.0, 1.0, 0.5])
    discovery = Discovery(key=KEY, random=lambda: next(chances))
    for end in (A1, A2):
        discovery.port_came(end, HARDWARE, 0.0)
    assert len(discovery.due(0.0)[0]) == 2
    assert [probe.end for probe in discovery.due(4.9)[0]] == [A1]


def test_many_ports_do_not_burst() -> None:
    ends = [End(dpid, port) for dpid in range(1, 51) for port in range(1, 49)]
    wires = Wires(new_discovery(*ends), [])
    wires.step()
    assert len(wires.sent) == MAX_PROBES_AT_ONCE
    wires.run(len(ends) / MAX_PROBES_AT_ONCE * STEP)
    assert {probe.end for _, probe in wires.sent} == set(ends)


def test_the_other_direction_of_a_link_is_looked_for_at_once() -> None:
    discovery = new_discovery(A1)
    discovery.due(0.0)
    discovery.port_came(B1, HARDWARE, 2.0)
    ((probe,), _) = discovery.due(2.0)
    assert probe.end == B1
    assert discovery.arrived(A1, probe.packet, 2.0) == Link(B1, A1)
    assert [probe.end for probe in discovery.due(2.0)[0]] == [A1]
    assert discovery.arrived(A1, probe.packet, 2.1) == Link(B1, A1)
    assert discovery.due(2.1) == ([], [])  # once


def test_a_link_by_which_nothing_arrives_any_more_is_given_up() -> None:
    wires = Wires(new_discovery(A1, B1), [(A1, B1), (B1, A1)])
    wires.run(1.0)
    assert wires.links == {Link(A1, B1), Link(B1, A1)}
    wires.cables = {(B1, A1)}
    wires.run(PROBE_INTERVAL_SECONDS * (MAX_MISSED - 1))
    assert Link(A1, B1) in wires.links
    wires.run(PROBE_INTERVAL_SECONDS * 3)
    assert wires.links == {Link(B1, A1)}


@given(st.randoms(use_true_random=False), st.floats(0.0, 1.0))
def test_the_silent_loss_of_a_watched_link_is_known_within_a_second(chance: Random, later: float) -> None:
    discovery = Discovery(key=KEY, random=chance.random)
    for end in (A1, B1):
        discovery.port_came(end, HARDWARE, 0.0)
    wires = Wires(discovery, [(A1, B1), (B1, A1)])
    wires.run(1.0)
    discovery.watch({A1}, wires.now)
    wires.run(later)
    wires.cables = {(B1, A1)}
    wires.run(0.5)
    assert wires.links == {Link(A1, B1), Link(B1, A1)}  # a few that are late prove nothing
    wires.run(0.4)
    assert wires.links == {Link(B1, A1)}


def test_a_port_that_is_watched_no_more_is_probed_at_the_stated_pace() -> None:
    discovery = new_discovery(A1, B1)
    wires = Wires(discovery, [])
    discovery.watch({A1}, 0.0)
    wires.run(2.0)
    assert [probe.end for _, probe in wires.sent].count(A1) == 10
    assert [probe.end for _, probe in wires.sent].count(B1) == 1
    discovery.watch({C1}, wires.now)  # which has not come yet
    wires.sent.clear()
    wires.run(2 * PROBE_INTERVAL_SECONDS)
    assert [probe.end for _, probe in wires.sent].count(A1) <= 3
    discovery.port_came(C1, HARDWARE, wires.now)
    wires.run(2.0)
    assert [probe.end for _, probe in wires.sent].count(C1) >= 10


def test_a_presumed_link_is_there_until_both_its_ends_are_and_no_probe_arrives() -> None:
    discovery = new_discovery()
    discovery.presume([Link(A1, B1), Link(A2, B2)])
    discovery.port_came(A1, HARDWARE, 0.0)
    discovery.port_came(A2, HARDWARE, 0.0)
    wires = Wires(discovery, [(A2, B2)])
    wires.links = {Link(A1, B1), Link(A2, B2)}
    wires.run(5 * PROBE_INTERVAL_SECONDS)
    assert wires.links == {Link(A1, B1), Link(A2, B2)}  # nobody could tell yet what arrives
    discovery.port_came(B1, HARDWARE, wires.now)
    discovery.port_came(B2, HARDWARE, wires.now)
    wires.run(5 * PROBE_INTERVAL_SECONDS)
    assert wires.links == {Link(A2, B2)}
    assert discovery.presume_no_more() == []


def test_presumed_links_are_given_up_of_which_an_end_does_not_come() -> None:
    discovery = new_discovery()
    links = [Link(A1, B1), Link(B1, A1), Link(A2, C1), Link(B2, C1)]
    discovery.presume(links)
    for end in (A1, A2, B1):
        discovery.port_came(end, HARDWARE, 0.0)
    assert set(discovery.presume_no_more()) == {Link(A2, C1), Link(B2, C1)}
    assert discovery.presume_no_more() == []
    assert set(discovery.port_went(A1)) == {Link(A1, B1), Link(B1, A1)}


def test_a_presumed_link_goes_with_a_port_that_comes_as_one_that_is_down() -> None:
    discovery = new_discovery(B1)
    discovery.presume([Link(A1, B1), Link(B1, A1)])
    assert set(discovery.port_went(A1)) == {Link(A1, B1), Link(B1, A1)}
    assert discovery.presume_no_more() == []


def test_many_watched_ports_leave_room_for_the_others() -> None:
    watched = [End(dpid, port) for dpid in range(1, 51) for port in range(1, 21)]
    other = End(99, 1)
    discovery = new_discovery(*watched, other)
    discovery.watch(watched, 0.0)
    wires = Wires(discovery, [])
    wires.run(20.0)
    assert len(wires.sent) <= 1.2 * MAX_WATCHED_PROBES_PER_SECOND * 20.0
    assert [probe.end for _, probe in wires.sent].count(other) >= 4
    counts = Counter(probe.end for _, probe in wires.sent)
    assert min(counts[end] for end in watched) >= 8


def test_a_link_goes_at_once_with_a_port_or_datapath_at_either_end() -> None:
    for gone in (A1, B1):
        wires = Wires(new_discovery(A1, B1, C1), [(A1, B1), (B1, A1)])
        wires.run(1.0)
        assert set(wires.discovery.port_went(gone)) == {Link(A1, B1), Link(B1, A1)}
        assert wires.discovery.port_went(gone) == []
    wires = Wires(new_discovery(A1, B1, C1), [(A1, B1), (B1, A1)])
    wires.run(1.0)
    assert set(wires.discovery.datapath_went(2)) == {Link(A1, B1), Link(B1, A1)}
    assert wires.discovery.datapath_went(2) == []


def test_a_port_that_loops_back_is_its_own_far_end() -> None:
    wires = Wires(new_discovery(A1), [(A1, A1)])
    wires.run(1.0)
    assert wires.links == {Link(A1, A1)}
    assert wires.discovery.port_went(A1) == [Link(A1, A1)]


def test_a_port_has_no_more_far_ends_than_are_stated() -> None:
    far_ends = [End(2, port) for port in range(1, MAX_FAR_ENDS + 3)]
    wires = Wires(new_discovery(A1, *far_ends), [(A1, far) for far in far_ends])
    wires.run(1.0)
    assert len(wires.links) == MAX_FAR_ENDS


ends = st.builds(End, st.integers(1, 4), st.integers(1, 3))


@given(
    st.sets(st.tuples(ends, ends), max_size=8),
    st.lists(
        st.one_of(ends, st.tuples(st.just("datapath"), st.integers(1, 4)), st.just("wait")), max_size=20
    ),
    st.randoms(use_true_random=False),
)
def test_after_a_round_exactly_the_links_are_known_that_there_are(
    cables: set[tuple[End, End]], changes: list[object], chance: object
) -> None:
    """Whatever came, went, and was probed before: each end is a port that changes to down or up."""
    discovery = Discovery(key=KEY, random=lambda: chance.random())  # type: ignore[attr-defined]
    wires = Wires(discovery, cables)
    up: set[End] = set()
    for change in changes:
        if change == "wait":
            wires.run(0.3)
        elif isinstance(change, End) and change not in up:
            up.add(change)
            discovery.port_came(change, HARDWARE, wires.now)
        else:
            assert isinstance(change, tuple)
            gone = {change} if isinstance(change, End) else {end for end in up if end.dpid == change[1]}
            lost = (
                discovery.port_went(change) if isinstance(change, End) else discovery.datapath_went(change[1])
            )
            wires.links -= set(lost)
            up -= gone
    wires.run(PROBE_INTERVAL_SECONDS * (1.1) + 3 * STEP)
    assert wires.links == {Link(near, far) for near, far in cables if near in up and far in up}
