"""A slice's view of a datapath: its ports, and where its packets may leave."""

from __future__ import annotations

from time import process_time

import pytest

from flowvisor.flowspace.box import EVERYTHING
from flowvisor.flowspace.layout import boxes_of, field_mask, point_of
from flowvisor.openflow.match import Match
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import LOCAL
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.ownership import Ownership
from flowvisor.planning.view import FarEnd, View
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.slices import A, B, tag, udp
from tests.support.world import a_slice, ports, rule


def view(name: str, *slices: FlowspaceSlice, block: TableBlock | None = None) -> View:
    return View(slice_name=name, ownership=Ownership.at(1, slices), block=block)


MIXED = (
    a_slice("a", ports(1, 2), rule(Match.of(in_port=5, vlan_vid=tag(100)))),
    a_slice("b", ports(3), rule(Match.of(in_port=5), priority=10)),
)


def test_a_slice_has_the_ports_at_which_any_packet_is_its_own() -> None:
    assert view("a", A, B).own_ports((4, 3, 2, 1, LOCAL)) == [1, 2]
    by_vlan = view("a", a_slice("a", rule(Match.of(vlan_vid=tag(5)))), a_slice("b", ports(3, priority=200)))
    assert by_vlan.own_ports((1, 2, 3, LOCAL)) == [1, 2]
    assert view("a", a_slice("a", ports(LOCAL))).own_ports((1, LOCAL)) == [LOCAL]
    assert view("nobody", A, B).own_ports((1, 2, 3, 4)) == []


def test_a_flood_in_a_block_is_judged_by_ports_that_may_come() -> None:
    assert view("a", *MIXED).flooded_ports((1, 3)) == [1]
    assert view("a", *MIXED, block=TableBlock(1, 4)).flooded_ports((1, 3)) == [1, 2, 5]
    by_vlan = (a_slice("a", rule(Match.of(vlan_vid=tag(5)))), a_slice("b", ports(1)))
    assert view("a", *by_vlan, block=TableBlock(1, 4)).flooded_ports(()) == [1, 2]


def test_a_private_port_has_nobody_elses_packets() -> None:
    mine, theirs = view("a", *MIXED), view("b", *MIXED)
    assert [mine.port_is_private(port) for port in (1, 2, 3, 5, 9)] == [True, True, False, False, True]
    assert not theirs.port_is_private(5)
    assert mine.port_is_private(1)  # remembered


def test_at_a_safe_port_whatever_is_the_slices_may_leave() -> None:
    trunk = (a_slice("a", rule(Match.of(vlan_vid=tag(100)))), a_slice("b", rule(Match.of(vlan_vid=tag(200)))))
    assert view("a", *trunk).port_is_safe(7)
    assert not view("a", *trunk).port_is_private(7)
    assert not view("a", *MIXED).port_is_safe(5)


def test_the_region_is_the_effective_flowspace_or_nothing_where_it_is_too_large() -> None:
    assert view("a", A, B).region == tuple(box for port in (1, 2) for box in boxes_of(Match.of(in_port=port)))
    crowd = a_slice("b", *(rule(Match.of(eth_src=number * 0x10101 + 7)) for number in range(200)))
    crowded = view("a", a_slice("a", rule(Match(), priority=1)), crowd)
    assert crowded.region is None
    assert crowded.region is None
    assert crowded.own_pieces((EVERYTHING,)) is None
    assert not crowded.port_is_safe(1)
    assert crowded.owns_port(1)


def test_the_foreign_part_is_looked_for_where_the_packets_arrive() -> None:
    mine = view("a", *MIXED)
    tagged, untagged = point_of(parse(udp(vlan=100), 1)), point_of(parse(udp(), 1))
    assert mine.foreign_part((tagged,), 5) is None
    assert mine.foreign_part((tagged, untagged), 5) is not None
    assert mine.foreign_part((untagged,), 2) is None
    assert mine.foreign_part((), 3) is None


def test_what_a_packet_carries_inside_the_datapath_does_not_leave_with_it() -> None:
    mine = view("a", a_slice("a", rule(Match.of(metadata=5))), a_slice("b", rule(Match(), priority=1)))
    (box,) = boxes_of(Match.of(metadata=5))
    assert mine.foreign_part((box,), 1) is not None


def far_end(port: int, *slices: FlowspaceSlice) -> FarEnd:
    return FarEnd(Ownership.at(2, slices), port)


def test_what_leaves_over_a_cable_belongs_to_whom_it_does_at_its_far_end() -> None:
    mine = view("a", A, B)
    assert (mine.port_is_private(1), mine.port_is_safe(1), mine.port_is_private(2)) == (True, True, True)
    mine.put_far_ends(1, (far_end(3, A, B),))
    assert (mine.port_is_private(1), mine.port_is_safe(1), mine.port_is_private(2)) == (False, False, True)
    assert mine.foreign_part((EVERYTHING,), 1) is not None
    assert list(mine.cabled_ports) == [1]
    mine.put_far_ends(1, (far_end(2, A, B),))
    assert (mine.port_is_private(1), mine.port_is_safe(1)) == (True, True)
    mine.put_far_ends(1, (far_end(2, A, B), far_end(4, A, B)))
    assert (mine.port_is_private(1), mine.port_is_safe(1)) == (False, False)
    mine.put_far_ends(1, ())
    assert (mine.port_is_private(1), mine.port_is_safe(1)) == (True, True)
    assert list(mine.cabled_ports) == []


def test_at_a_port_of_a_datapath_where_nobody_has_anything_all_is_private() -> None:
    mine = view("a", *MIXED)
    mine.put_far_ends(5, (far_end(1),))
    assert mine.port_is_private(5)
    assert mine.port_is_safe(5)


def test_what_far_ends_look_at_can_be_seen() -> None:
    mine = view("a", A, B)
    assert not mine.used_mask & field_mask("vlan_vid")
    mine.put_far_ends(1, (far_end(1, *MIXED),))
    assert mine.used_mask & field_mask("vlan_vid")
    mine.put_far_ends(1, ())
    assert mine.used_mask == mine.ownership.used_mask


def test_a_port_that_may_yet_come_has_no_cable() -> None:
    by_vlan = (a_slice("a", rule(Match.of(vlan_vid=tag(5)))), a_slice("b", ports(9)))
    mine = view("a", *by_vlan, block=TableBlock(1, 4))
    mine.put_far_ends(1, (far_end(1),))
    assert mine.flooded_ports((1,)) == [1, 2, 9]
    assert not mine.port_is_private(9)


def test_a_view_of_another_datapath_shares_what_is_known_but_not_the_cables() -> None:
    mine = view("a", *MIXED)
    mine.put_far_ends(5, (far_end(1),))
    other = mine.of_another_datapath()
    assert other.region is mine.region
    assert (mine.port_is_private(5), other.port_is_private(5)) == (True, False)
    assert other.used_mask == other.ownership.used_mask


def test_a_slice_sees_the_packets_and_ports_that_its_rules_read() -> None:
    reads = tuple(box for port in (3, LOCAL) for box in boxes_of(Match.of(in_port=port)))
    (tagged,) = boxes_of(Match.of(vlan_vid=tag(5)))
    seeing = View(
        slice_name="a", ownership=Ownership.at(1, MIXED), block=None, reads=(*reads, tagged), may_write=True
    )
    at = {port: point_of(parse(udp(vlan=5), port)) for port in (1, 4, LOCAL)}
    assert [seeing.sees(point) for point in at.values()] == [True, True, True]
    assert not seeing.sees(point_of(parse(udp(), 4)))
    assert not seeing.sees(point_of({"in_port": 4}))  # too little is known of it
    assert [port for port in (1, 3, 4, LOCAL) if seeing.sees_port(port)] == [1, 3, 4, LOCAL]
    by_vlan = View(slice_name="a", ownership=Ownership.at(1, MIXED), block=None, reads=(tagged,))
    assert not by_vlan.sees_port(LOCAL)
    assert not by_vlan.sees(at[LOCAL])
    assert seeing.sees_some_of(boxes_of(Match.of(in_port=3)))
    assert not view("a", *MIXED).sees_some_of((EVERYTHING,))
    assert seeing.sees_some_of_slice(view("b", *MIXED))
    nothing = View(slice_name="a", ownership=Ownership.at(1, MIXED), block=None, reads=reads[1:])
    assert not nothing.sees_some_of_slice(view("b", *MIXED))


def test_tables_are_as_many_as_a_slice_has_or_may_be_shown_entries_of() -> None:
    ownership = Ownership.at(1, [A, B])
    block = TableBlock(3, 4)

    def tables(**more: object) -> tuple[int, int]:
        one = View(slice_name="a", ownership=ownership, **more)  # type: ignore[arg-type]
        return one.n_tables, one.n_tables_seen

    assert tables(block=None) == (1, 1)
    assert tables(block=block, n_tables_of_others=8) == (4, 4)
    assert tables(block=block, reads=(EVERYTHING,), n_tables_of_others=8) == (4, 8)
    assert tables(block=block, reads=(EVERYTHING,), n_tables_of_others=2) == (4, 4)
    assert tables(block=None, may_write=False, reads=(EVERYTHING,), n_tables_of_others=8) == (8, 8)


@pytest.mark.no_cover
def test_of_a_slice_that_has_many_ports_whole_each_port_is_looked_at_once_and_not_with_each_other() -> None:
    numbers = range(1, 1001)
    seen = view("a", a_slice("a", ports(*numbers)), a_slice("b", ports(2000)))
    begun = process_time()
    assert all(seen.port_is_safe(number) for number in numbers)
    assert process_time() - begun < 5  # 20 s if the boxes of all ports are looked at for each
