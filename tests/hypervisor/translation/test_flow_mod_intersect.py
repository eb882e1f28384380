"""Flow-mods where matches are intersected: what reaches the datapath, and what comes back of it."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flowvisor.hypervisor import verdicts
from flowvisor.hypervisor.translation import flow_mod_intersect
from flowvisor.hypervisor.translation import pieces as pieces_of
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.actions import ApplyActions, Output, SetField, SetVlanVid, WriteMetadata
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import (
    DELETE,
    DELETE_STRICT,
    MODIFY,
    MODIFY_STRICT,
    NO_BYTE_COUNTS,
    NO_PACKET_COUNTS,
    REASON_NO_MATCH,
    RESET_COUNTS,
    SEND_FLOW_REM,
    Error,
    FlowMod,
    FlowRemoved,
    Message,
    PacketIn,
)
from flowvisor.openflow.multipart import FlowStats, FlowStatsReply, FlowStatsRequest
from flowvisor.openflow.ports import CONTROLLER, FLOOD, IN_PORT, LOCAL, NO_FLOOD, Port
from flowvisor.openflow.versions import codec
from tests.support.kinds import ON_10, ON_FEW_TABLES, Kind, as_told
from tests.support.slices import A, B, output, tag, udp
from tests.support.world import Controller, World, a_slice, ports, rule

PORT_1 = Match.of(in_port=1)
INTERSECTED = pytest.mark.parametrize("kind", [ON_10, ON_FEW_TABLES], ids=str)
# The entries of "a" are cut into one piece for each of its ports.
TWO_PORTS = (A, B)


def pieces(world: World) -> list[tuple[int, Match]]:
    """What stands on the datapath for tenants' entries."""
    return sorted(
        (
            (entry.priority, entry.match)
            for entry in world.emulated[1].pipeline.tables[0]
            if entry.cookie >> 32 == 0xF10F_0151
        ),
        key=str,
    )


def shown(controller: Controller) -> list[FlowStats]:
    return list(controller.ask(FlowStatsRequest(), FlowStatsReply).flows)


class Slow:
    """A datapath that answers when it is told to."""

    def __init__(self, kind: Kind, version: int) -> None:
        self.world = kind.world(*TWO_PORTS)
        self.controller = self.world.controller("a", 1, version)
        (self.peer,) = self.world.peers

    def send(self, *messages: Message) -> list[bytes]:
        """The frames that the datapath would get."""
        frames = [codec(self.controller.version).encode(message) for message in messages]
        effects = self.world.hypervisor.from_controller(self.controller.channel, frames, self.world.now)
        for answer in effects.frames.get(self.controller.channel, ()):
            self.controller.receive(answer)
        return effects.frames.get(self.peer, [])

    def arrive(self, *frames: bytes) -> None:
        """The datapath gets them after all."""
        for frame in frames:
            self.world._queue.append(("frame", self.peer, frame))
        self.world._run()

    def refuse(self, frame: bytes, error: tuple[int, int] = codes.TABLE_FULL) -> list[bytes]:
        """The datapath refuses one; return what it is sent then."""
        told = Error(xid=int.from_bytes(frame[4:8], "big"), error=error, data=frame[:64])
        effects = self.world.hypervisor.from_datapath(
            self.peer, [self.peer.codec.encode(told)], self.world.now
        )
        for answer in effects.frames.get(self.controller.channel, ()):
            self.controller.receive(answer)
        return effects.frames.get(self.peer, [])


slow_ones = pytest.mark.parametrize(
    "slow",
    [
        lambda kind=kind, version=version: Slow(kind, version)
        for kind in (ON_10, ON_FEW_TABLES)
        for version in (1, 4)
    ],
    ids=[f"{kind}-{version}" for kind in (ON_10, ON_FEW_TABLES) for version in (1, 4)],
)
MakeSlow = Callable[[], Slow]


# ---------------------------------------------------------------------------------------------------- cutting


@INTERSECTED
def test_a_match_is_cut_to_one_piece_for_each_box_that_is_left(kind: Kind, version: int) -> None:
    world = kind.world(*TWO_PORTS)
    a = world.controller("a", 1, version)
    a.send(FlowMod(cookie=9, priority=5, instructions=output(2)))
    up = 0 if kind.version == 1 else 1
    assert pieces(world) == [(5 + up, Match.of(in_port=1)), (5 + up, Match.of(in_port=2))]
    (only,) = shown(a)
    assert (only.match, only.cookie, only.priority) == (Match(), 9, 5)


@INTERSECTED
def test_a_match_that_is_the_slices_own_goes_through_whole(kind: Kind, version: int) -> None:
    world = kind.world(*TWO_PORTS)
    a = world.controller("a", 1, version)
    a.send(FlowMod(match=Match.of(in_port=1, eth_src=5), instructions=output(2)))
    assert [match for _, match in pieces(world)] == [Match.of(in_port=1, eth_src=5)]


@INTERSECTED
@pytest.mark.parametrize("match", [Match.of(in_port=3), Match.of(in_port=LOCAL), Match.of(in_port=77)])
def test_a_match_of_nothing_that_is_ones_own_is_refused(kind: Kind, version: int, match: Match) -> None:
    world = kind.world(*TWO_PORTS)
    a = world.controller("a", 1, version)
    assert a.refused(FlowMod(xid=4, match=match, instructions=output(2))) == codes.FLOW_MOD_EPERM
    assert pieces(world) == shown(a) == []


@INTERSECTED
def test_a_slice_without_ports_in_its_rules_needs_one_entry_for_one_entry(kind: Kind, version: int) -> None:
    by_vlan = a_slice("a", rule(Match.of(vlan_vid=tag(100)))), a_slice("b", rule(Match.of(vlan_vid=tag(200))))
    world = kind.world(*by_vlan, ports=(1, 2, LOCAL))
    a = world.controller("a", 1, version)
    a.send(FlowMod(priority=5, instructions=output(2)), FlowMod(priority=0xFFFF, match=Match.of(eth_src=1)))
    own = [match for _, match in pieces(world)]
    assert own.count(Match.of(vlan_vid=tag(100))) == 1
    # The fence for packets from LOCAL is above the highest priority that a tenant has.
    assert not any("in_port" in match.fields for match in own)
    assert world.packet(1, 1, udp(vlan=100)) == [(2, udp(vlan=100))]
    assert world.packet(1, LOCAL, udp(vlan=100)) == []


@INTERSECTED
def test_what_is_left_beside_anothers_port_are_the_other_ports_also_those_that_come(
    kind: Kind, version: int
) -> None:
    world = kind.world(a_slice("a", rule(Match(), priority=1)), a_slice("b", ports(3)))
    a = world.controller("a", 1, version)
    a.send(FlowMod(priority=5, cookie=7, flags=SEND_FLOW_REM, instructions=output(2)))
    assert sorted(match.fields["in_port"][0] for _, match in pieces(world)) == [1, 2, 4]
    assert world.packet(1, 3, udp()) == []
    world.change(1, world.emulated[1].add_port(5, world.now))
    assert world.packet(1, 5, udp()) == [(2, udp())]
    assert world.packet(1, 4, udp()) == [(2, udp())]
    assert [one.packet_count for one in shown(a)] == [2]
    world.change(1, world.emulated[1].remove_port(4))
    world.change(1, world.emulated[1].add_port(4, world.now))
    assert world.packet(1, 4, udp()) == [(2, udp())]
    a.send(FlowMod(command=DELETE))
    assert [one.cookie for one in a.heard(FlowRemoved)] == [7]
    assert pieces(world) == []


@INTERSECTED
def test_what_would_take_too_many_entries_is_refused(kind: Kind, version: int) -> None:
    world = kind.world(
        a_slice("a", rule(Match(), priority=1)),
        a_slice(
            "b", rule(*(Match.of(eth_type=0x0806, arp_spa=number << 16 | 0xAAAA) for number in range(40)))
        ),
    )
    a = world.controller("a", 1, version)
    error = a.refused(FlowMod(xid=4, instructions=output(2)))
    assert error[0] in (codes.FLOW_MOD_FAILED, codes.BAD_MATCH)
    assert pieces(world) == shown(a) == []
    assert a.send(FlowMod(match=Match.of(eth_type=0x0800), instructions=(ApplyActions((Output(2),)),))) != [
        None
    ]


def test_a_thousand_pieces_are_not_tried() -> None:
    world = ON_FEW_TABLES.world(
        a_slice("a", rule(*(Match.of(eth_src=number) for number in range(300)))), a_slice("b", ports(3))
    )
    a = world.controller("a")
    assert a.refused(FlowMod(instructions=output(IN_PORT))) == codes.FLOW_MOD_EPERM


@INTERSECTED
def test_a_piece_that_the_datapaths_version_cannot_say_is_refused(kind: Kind) -> None:
    world = ON_10.world(*TWO_PORTS)
    a = world.controller("a", 1, 4)
    for match in (Match.of(in_port=1, eth_type=0x86DD, ipv6_src=5), Match.of(in_port=1, eth_src=(2, 2))):
        (answer,) = a.send(FlowMod(match=match, instructions=output(2)))
        assert isinstance(answer, Error)
    assert pieces(world) == shown(a) == []
    assert world.hypervisor.datapaths[1].entries == {}


@INTERSECTED
def test_metadata_is_not_there(kind: Kind) -> None:
    a = kind.world(*TWO_PORTS).controller("a")
    assert a.refused(FlowMod(match=Match.of(metadata=1))) == codes.MATCH_BAD_FIELD
    assert a.refused(FlowMod(instructions=(WriteMetadata(1, 1),))) == codes.UNSUP_METADATA


@INTERSECTED
def test_priorities_keep_their_order_below_the_hypervisors_own_entries(kind: Kind, version: int) -> None:
    world = kind.world(*TWO_PORTS)
    a = world.controller("a", 1, version)
    wanted = [0, 1, 2, 0xFFF8, 0xFFFF]
    for priority in wanted:
        assert a.send(FlowMod(priority=priority, match=PORT_1, instructions=output(2))) == []
    assert sorted(one.priority for one in shown(a)) == wanted
    assert len({priority for priority, _ in pieces(world)}) == len(wanted)
    # These it has no room for: they would be the same entry as that of the highest.
    for priority in range(0xFFFA, 0xFFFF):
        refused = a.refused(FlowMod(priority=priority, match=PORT_1))
        assert refused == as_told(codes.FLOW_MOD_EPERM, kind.version, version)


# --------------------------------------------------------------------------------------- what comes back of pieces


@INTERSECTED
def test_counters_are_those_of_all_pieces(kind: Kind, version: int) -> None:
    world = kind.world(*TWO_PORTS)
    a = world.controller("a", 1, version)
    a.send(FlowMod(instructions=output(IN_PORT)))
    for port in (1, 2, 2, 3):
        world.packet(1, port, udp())
    (only,) = shown(a)
    assert (only.packet_count, only.byte_count) == (3, 3 * len(udp()))


@INTERSECTED
def test_an_entry_that_goes_is_told_once_with_all_counters(kind: Kind, version: int) -> None:
    world = kind.world(*TWO_PORTS)
    a, b = world.controller("a", 1, version), world.controller("b", 1, version)
    a.send(FlowMod(cookie=3, priority=8, flags=SEND_FLOW_REM, hard_timeout=5, instructions=output(IN_PORT)))
    world.packet(1, 1, udp())
    world.packet(1, 2, udp())
    world.pass_time(6)
    (told,) = a.heard(FlowRemoved)
    assert (told.cookie, told.priority, told.match, told.packet_count) == (3, 8, Match(), 2)
    assert b.inbox == []
    assert shown(a) == []
    assert world.hypervisor.datapaths[1].entries == {}


@INTERSECTED
def test_an_entry_whose_pieces_idle_one_by_one_goes_with_the_last(kind: Kind, version: int) -> None:
    world = kind.world(*TWO_PORTS)
    a = world.controller("a", 1, version)
    a.send(FlowMod(flags=SEND_FLOW_REM, idle_timeout=5, instructions=output(IN_PORT)))
    world.packet(1, 2, udp())
    world.now += 3
    world.packet(1, 1, udp())
    world.pass_time(3)  # the piece at port 2 is gone
    assert a.heard(FlowRemoved) == []
    assert [one.packet_count for one in shown(a)] == [2]
    world.pass_time(3)
    assert [one.packet_count for one in a.heard(FlowRemoved)] == [2]


@INTERSECTED
def test_an_entry_that_goes_unasked_goes_in_silence(kind: Kind, version: int) -> None:
    world = kind.world(*TWO_PORTS)
    a = world.controller("a", 1, version)
    a.send(FlowMod(hard_timeout=5, instructions=output(2)))
    world.pass_time(6)
    assert a.inbox == []
    assert shown(a) == []


@INTERSECTED
def test_an_entry_of_a_tenant_that_left_is_kept_and_goes_by_itself(kind: Kind, version: int) -> None:
    world = kind.world(*TWO_PORTS)
    a = world.controller("a", 1, version)
    a.send(FlowMod(cookie=1, hard_timeout=5, flags=SEND_FLOW_REM, match=PORT_1, instructions=output(2)))
    a.leave()
    again = world.controller("a", 1, 5 - version)
    assert [one.cookie for one in shown(again)] == [1]
    world.pass_time(6)
    assert [one.cookie for one in again.heard(FlowRemoved)] == [1]


@INTERSECTED
def test_each_version_is_shown_what_the_other_wrote(kind: Kind) -> None:
    world = kind.world(*TWO_PORTS)
    old, new = world.controller("a", 1, 1), world.controller("a", 1, 4)
    old.send(FlowMod(cookie=1, priority=1, match=Match.of(in_port=1, vlan_vid=0), instructions=(
        ApplyActions((SetVlanVid(5), Output(2))),)))  # fmt: skip
    new.send(FlowMod(cookie=2, priority=2, match=PORT_1, instructions=output(FLOOD)))
    assert sorted(one.cookie for one in shown(old)) == [1, 2]
    by_cookie = {one.cookie: one for one in shown(new)}
    assert SetField("vlan_vid", tag(5)) in by_cookie[1].instructions[0].actions  # type: ignore[union-attr]
    new.send(FlowMod(command=MODIFY, instructions=output(IN_PORT)))
    assert {one.instructions for one in shown(old)} == {output(IN_PORT)}


def test_counting_flags_of_1_3_are_kept() -> None:
    world = ON_FEW_TABLES.world(*TWO_PORTS)
    a = world.controller("a")
    silent = NO_PACKET_COUNTS | NO_BYTE_COUNTS
    a.send(FlowMod(priority=5, flags=silent, match=PORT_1, instructions=output(2)))
    world.packet(1, 1, udp())
    assert [(one.packet_count, one.flags) for one in shown(a)] == [(0, silent)]
    a.send(FlowMod(priority=6, match=PORT_1, instructions=output(2)))
    world.packet(1, 1, udp())
    a.send(FlowMod(priority=6, match=PORT_1, instructions=output(IN_PORT)))
    assert {one.priority: one.packet_count for one in shown(a)}[6] == 1
    a.send(FlowMod(priority=6, flags=RESET_COUNTS, match=PORT_1, instructions=output(2)))
    assert {one.priority: one.packet_count for one in shown(a)}[6] == 0
    world.packet(1, 1, udp())
    a.send(FlowMod(command=MODIFY, flags=RESET_COUNTS, match=PORT_1, instructions=output(2)))
    assert {one.priority: one.packet_count for one in shown(a)}[6] == 0


def test_a_match_with_an_empty_mask_is_the_same_as_none() -> None:
    world = ON_FEW_TABLES.world(*TWO_PORTS)
    a = world.controller("a")
    a.send(FlowMod(cookie=1, match=PORT_1, instructions=output(2)))
    same = Match({"in_port": (1, 0xFFFFFFFF), "eth_src": (0, 0)})
    a.send(FlowMod(cookie=2, match=same, instructions=output(2)))
    assert [one.cookie for one in shown(a)] == [2]
    a.send(FlowMod(command=DELETE_STRICT, match=PORT_1))
    assert shown(a) == pieces(world) == []


@INTERSECTED
def test_a_1_0_modify_takes_the_new_cookie_and_a_1_3_one_does_not(kind: Kind, version: int) -> None:
    world = kind.world(*TWO_PORTS)
    a = world.controller("a", 1, version)
    a.send(FlowMod(cookie=1, match=PORT_1, instructions=output(2)))
    a.send(FlowMod(command=MODIFY, cookie=2, match=PORT_1, instructions=output(IN_PORT)))
    assert [one.cookie for one in shown(a)] == [2 if version == 1 else 1]


# ------------------------------------------------------------------------------------------------------ floods


@INTERSECTED
def test_a_port_that_wants_no_floods_gets_none_from_then_on(kind: Kind, version: int) -> None:
    if kind.version > 1:
        pytest.skip("OpenFlow 1.3 has no such bit")
    world = kind.world(a_slice("a", ports(1, 2, 3)), ports=(1, 2, 3))
    a = world.controller("a", 1, version)
    a.send(FlowMod(match=PORT_1, instructions=output(FLOOD)))
    assert [port for port, _ in world.packet(1, 1, udp())] == [2, 3]
    emulated = world.emulated[1]
    quiet = Port(3, hw_addr=emulated.pipeline.ports[3].hw_addr, name="port-3", config=NO_FLOOD)
    world.change(1, emulated._change_port(quiet))
    assert [port for port, _ in world.packet(1, 1, udp())] == [2]


@INTERSECTED
def test_a_flood_that_would_leak_at_a_port_that_came_does_not_grow(kind: Kind, version: int) -> None:
    world = kind.world(
        a_slice("a", ports(1, 2), rule(Match.of(in_port=5, vlan_vid=tag(100)))),
        a_slice("b", ports(3), rule(Match.of(in_port=5), priority=10)),
    )
    a = world.controller("a", 1, version)
    a.send(FlowMod(match=PORT_1, instructions=output(FLOOD)))
    world.change(1, world.emulated[1].add_port(5, world.now))
    assert world.packet(1, 1, udp()) == [(2, udp())]


# ------------------------------------------------------------------------------------------------------ buffers


@INTERSECTED
def test_a_buffered_packet_runs_through_the_new_entry(kind: Kind) -> None:
    world = kind.world(*TWO_PORTS)
    a = world.controller("a", 1, kind.version)
    (peer,) = world.peers
    message = PacketIn(buffer_id=7, total_len=54, reason=REASON_NO_MATCH, cookie=0, match=PORT_1, data=udp())
    world.perform(world.hypervisor.from_datapath(peer, [peer.codec.encode(message)], world.now))
    frame = a.channel.codec.encode(FlowMod(xid=5, buffer_id=7, match=PORT_1, instructions=output(2)))
    effects = world.hypervisor.from_controller(a.channel, [frame], world.now)
    entry, released = [peer.codec.decode(sent) for sent in effects.frames[peer]]
    assert isinstance(entry, FlowMod)
    assert entry.buffer_id == 0xFFFFFFFF
    # As the specification says it: the packet meets the tables, and so is checked like any that comes in.
    assert released.buffer_id == 7  # type: ignore[attr-defined]
    assert [action.port for action in released.actions] == [0xFFFFFFF9]  # type: ignore[attr-defined]
    assert released.in_port == 1  # type: ignore[attr-defined]


# --------------------------------------------------------------------------------------------- all or nothing


@slow_ones
def test_an_entry_of_which_one_piece_fails_is_taken_back_whole_and_told_once(slow: MakeSlow) -> None:
    one = slow()
    sent = one.send(FlowMod(xid=5, priority=3, instructions=output(2)))
    assert len(sent) == 2
    one.arrive(sent[0])
    repairs = one.refuse(sent[1])
    one.arrive(*repairs)
    assert one.refuse(sent[0]) == []
    assert [(error.xid, error.error) for error in one.controller.heard(Error)] == [(5, codes.TABLE_FULL)]
    assert pieces(one.world) == shown(one.controller) == []
    assert one.peer.entries == {}


@slow_ones
def test_an_entry_that_was_to_be_replaced_stays_if_its_successor_fails(slow: MakeSlow) -> None:
    for match in (PORT_1, Match()):
        one = slow()
        one.arrive(*one.send(FlowMod(cookie=1, match=match, instructions=output(2))))
        sent = one.send(FlowMod(xid=5, cookie=2, match=match, instructions=output(IN_PORT)))
        if len(sent) > 1:
            one.arrive(sent[0])
        one.arrive(*one.refuse(sent[-1]))
        assert [(flow.cookie, flow.instructions) for flow in shown(one.controller)] == [(1, output(2))]
        assert one.world.packet(1, 1, udp()) == [(2, udp())]
        assert len(one.peer.entries) == 1


@slow_ones
def test_two_additions_of_one_entry_that_both_fail_leave_what_was_there(slow: MakeSlow) -> None:
    for before in ([], [FlowMod(cookie=1, match=PORT_1, instructions=output(2))]):
        one = slow()
        for change in before:
            one.arrive(*one.send(change))
        first = one.send(FlowMod(xid=5, cookie=2, match=PORT_1, instructions=output(IN_PORT)))
        second = one.send(FlowMod(xid=6, cookie=3, match=PORT_1, instructions=output(IN_PORT)))
        one.arrive(*one.refuse(first[0]))
        one.arrive(*one.refuse(second[0]))
        assert [error.xid for error in one.controller.heard(Error)] == [5, 6]
        assert [flow.cookie for flow in shown(one.controller)] == [1] * len(before)
        assert len(one.peer.entries) == len(before)
        assert len(one.controller.switch.flow_table or ()) == len(before)


@slow_ones
def test_a_failure_is_no_loss_of_what_was_written_after_it(slow: MakeSlow) -> None:
    one = slow()
    first = one.send(FlowMod(xid=5, cookie=2, match=PORT_1, instructions=output(IN_PORT)))
    second = one.send(FlowMod(xid=6, cookie=3, match=PORT_1, instructions=output(2)))
    one.arrive(*second)
    one.arrive(*one.refuse(first[0]))
    assert [flow.cookie for flow in shown(one.controller)] == [3]
    assert one.world.packet(1, 1, udp()) == [(2, udp())]
    assert len(one.peer.entries) == 1


@slow_ones
def test_an_entry_that_fails_after_it_was_deleted_leaves_nothing(slow: MakeSlow) -> None:
    one = slow()
    sent = one.send(FlowMod(xid=5, match=PORT_1, instructions=output(2)))
    one.arrive(*one.send(FlowMod(command=DELETE)))
    one.arrive(*one.refuse(sent[0]))
    assert one.peer.entries == {}
    assert shown(one.controller) == []


@slow_ones
@pytest.mark.parametrize("command", [MODIFY, MODIFY_STRICT])
def test_a_modify_that_fails_is_taken_back(slow: MakeSlow, command: int) -> None:
    one = slow()
    one.arrive(*one.send(FlowMod(cookie=1, priority=5, match=PORT_1, instructions=output(2))))
    change = FlowMod(xid=5, command=command, priority=5, cookie=2, match=PORT_1, instructions=output(IN_PORT))
    (sent,) = one.send(change)
    one.arrive(*one.refuse(sent))
    assert [(flow.cookie, flow.instructions) for flow in shown(one.controller)] == [(1, output(2))]
    assert one.world.packet(1, 1, udp()) == [(2, udp())]


@slow_ones
def test_a_modify_that_fails_takes_back_no_later_one(slow: MakeSlow) -> None:
    one = slow()
    one.arrive(*one.send(FlowMod(priority=5, match=PORT_1, instructions=output(2))))
    (first,) = one.send(FlowMod(xid=5, command=MODIFY, match=PORT_1, instructions=output(IN_PORT)))
    one.arrive(*one.send(FlowMod(xid=6, command=MODIFY, match=PORT_1, instructions=output(CONTROLLER))))
    one.arrive(*one.refuse(first))
    assert [flow.instructions for flow in shown(one.controller)] == [output(CONTROLLER)]
    assert one.world.packet(1, 1, udp()) == []


@slow_ones
def test_a_modify_that_fails_does_not_bring_back_what_was_deleted_since(slow: MakeSlow) -> None:
    one = slow()
    one.arrive(*one.send(FlowMod(priority=5, match=PORT_1, instructions=output(2))))
    (sent,) = one.send(FlowMod(xid=5, command=MODIFY, match=PORT_1, instructions=output(IN_PORT)))
    one.arrive(*one.send(FlowMod(command=DELETE)))
    one.arrive(*one.refuse(sent))
    assert pieces(one.world) == shown(one.controller) == []


@slow_ones
def test_a_failure_that_comes_after_its_tenant_has_left_is_repaired_in_silence(slow: MakeSlow) -> None:
    one = slow()
    sent = one.send(FlowMod(priority=3, instructions=output(2)))
    effects = one.world.hypervisor.controller_left(one.controller.channel, one.world.now)
    one.arrive(sent[0])
    one.arrive(*one.refuse(sent[1]))
    one.world.perform(effects)
    assert one.controller.inbox == []
    assert pieces(one.world) == []
    assert one.peer.slots == {}


# ------------------------------------------------------------------------------------------------------- bounds


def test_what_is_remembered_of_matches_and_actions_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flow_mod_intersect, "MAX_REMEMBERED_MATCHES", 8)
    monkeypatch.setattr(verdicts, "MAX_VERDICTS", 8)
    world = ON_10.world(
        a_slice(
            "a", rule(*(Match.of(in_port=port, eth_src=address) for port in (1, 2) for address in range(40)))
        ),
        B,
    )
    a = world.controller("a", 1, 1)
    for address in range(40):
        actions = ApplyActions((SetField("eth_dst", address), Output(2)))
        a.send(FlowMod(match=Match.of(in_port=1, eth_src=address), instructions=(actions,)))
    assert a.switch.flow_table is not None
    assert len(a.switch.verdicts) <= 8
    assert len(a.switch.flow_table.within) <= 8


def test_numbers_of_entries_begin_again_past_those_in_use(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces_of, "MAX_ENTRY_NUMBER", 3)
    world = ON_10.world(*TWO_PORTS)
    a = world.controller("a", 1, 1)
    for number in range(9):
        a.send(FlowMod(priority=number % 3, match=PORT_1, instructions=output(2)))
    assert len(shown(a)) == 3
    assert len({entry.number for entry in world.hypervisor.datapaths[1].entries.values()}) == 3


def test_an_action_without_effect_is_read_back_all_the_same() -> None:
    """1.0 lets an address of IPv4 be set in what is ARP, where it changes nothing."""
    world = ON_10.world(*TWO_PORTS)
    a = world.controller("a", 1, 1)
    actions = ApplyActions((SetField("ipv4_src", 5), Output(2)))
    for match in (Match.of(eth_type=0x0806), Match.of(in_port=1, eth_type=0x0806)):
        for command in (0, MODIFY):
            assert a.send(FlowMod(command=command, match=match, instructions=(actions,))) == []
    assert [one.instructions for one in shown(a)] == [(actions,)] * 2
