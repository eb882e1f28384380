"""Table features: the slice's tables, its own numbers, and nothing that it cannot have."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.hypervisor.translation.table_features import MAX_ASKING
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.fields import FIELDS, OPENFLOW_BASIC
from flowvisor.openflow.messages import Error
from flowvisor.openflow.multipart import (
    TableFeatures,
    TableFeaturesReply,
    TableFeaturesRequest,
    TableProperty,
)
from flowvisor.openflow.versions import codec
from tests.support.dialogue import say, the_datapath, withheld
from tests.support.kinds import ON_10, ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.slices import A, B
from tests.support.world import Controller, World, a_slice, ports

METER, SET_QUEUE, GROUP = 6, 21, 22
EXPERIMENTER_FIELD = 0xFFFF_0004


def features(controller: Controller) -> list[TableFeatures]:
    """What a controller is told, all parts together."""
    parts = [
        one for one in controller.send(TableFeaturesRequest(xid=7)) if isinstance(one, TableFeaturesReply)
    ]
    assert [part.more for part in parts] == [True] * (len(parts) - 1) + [False]
    assert {part.xid for part in parts} == {7}
    return [table for part in parts for table in part.tables]


def offers_nothing(world: World) -> None:
    """Let the datapath offer no groups, no meters and no queues."""
    datapath = the_datapath(world)
    datapath.features = evolve(datapath.features, capabilities=0)
    datapath.group_features, datapath.meter_features = mp.GroupFeaturesReply(), mp.MeterFeaturesReply()


def listed(table: TableFeatures) -> dict[int, tuple[int, ...]]:
    return {one.kind: one.ids for one in table.properties if isinstance(one, TableProperty)}


def times_asked(world: World) -> int:
    decoded = [codec(4).decode(frame) for _, frame in world.to_datapaths]
    return sum(isinstance(one, TableFeaturesRequest) for one in decoded)


# -------------------------------------------------------------------------------------------------- in a block


def test_the_tables_of_the_block_are_told_by_the_slices_own_numbers() -> None:
    world = ON_TABLES.world(A, B)
    for name in ("a", "b"):
        told = features(world.controller(name))
        assert [(table.table_id, table.name) for table in told] == [(n, f"table{n}") for n in range(4)]
        assert [listed(table)[mp.NEXT_TABLES] for table in told] == [(1, 2, 3), (2, 3), (3,), ()]


def test_metadata_is_all_the_tenants() -> None:
    told = features(ON_TABLES.world(A).controller("a"))
    assert {(table.metadata_match, table.metadata_write) for table in told} == {((1 << 64) - 1,) * 2}


def test_what_the_datapath_has_nothing_for_is_not_promised() -> None:
    world = ON_TABLES.world(A)
    offers_nothing(world)
    for table in features(world.controller("a")):
        properties = listed(table)
        assert METER not in properties[mp.INSTRUCTIONS]
        for kind in (mp.WRITE_ACTIONS, mp.APPLY_ACTIONS):
            assert {0, 17, 18, 25} <= set(properties[kind])  # OUTPUT, PUSH_VLAN, POP_VLAN, SET_FIELD
            assert not {SET_QUEUE, GROUP} & set(properties[kind])
        assert FIELDS["in_port"].oxm_header in properties[mp.WILDCARDS]


def test_groups_meters_and_queues_are_promised_where_there_are_any() -> None:
    for table in features(ON_TABLES.world(A).controller("a")):
        properties = listed(table)
        assert METER in properties[mp.INSTRUCTIONS]
        assert {SET_QUEUE, GROUP} <= set(properties[mp.APPLY_ACTIONS]) & set(properties[mp.WRITE_ACTIONS])


def test_properties_of_the_table_miss_are_pruned_too_and_experimenters_ones_are_left_out() -> None:
    world = ON_TABLES.world(A, B)
    offers_nothing(world)
    b = world.controller("b")
    in_port, eth_dst = FIELDS["in_port"].oxm_header, FIELDS["eth_dst"].oxm_header
    table = TableFeatures(
        table_id=6,
        properties=(
            TableProperty(mp.INSTRUCTIONS_MISS, (1, METER)),
            TableProperty(mp.NEXT_TABLES_MISS, (1, 7, 8, 9, 200)),
            TableProperty(mp.WRITE_ACTIONS_MISS, (0, GROUP)),
            TableProperty(mp.APPLY_ACTIONS_MISS, (SET_QUEUE, 0), opaque=((0xFFFF_0008, bytes(4)),)),
            TableProperty(mp.MATCH, (in_port, EXPERIMENTER_FIELD - 4, 0x0001_0204)),
            TableProperty(mp.APPLY_SETFIELD_MISS, (in_port, eth_dst)),  # Open vSwitch lets in_port be set
            mp.OpaqueProperty(0xFFFE, bytes(8)),
        ),
    )
    (asked,) = withheld(b, TableFeaturesRequest(xid=7))
    say(world, TableFeaturesReply(xid=asked.xid, tables=(table,)))
    ((told,),) = [reply.tables for reply in b.heard(TableFeaturesReply)]
    assert told.table_id == 1
    assert told.properties == (
        TableProperty(mp.INSTRUCTIONS_MISS, (1,)),
        TableProperty(mp.NEXT_TABLES_MISS, (2, 3)),
        TableProperty(mp.WRITE_ACTIONS_MISS, (0,)),
        TableProperty(mp.APPLY_ACTIONS_MISS, (0,)),
        TableProperty(mp.MATCH, (in_port,)),
        TableProperty(mp.APPLY_SETFIELD_MISS, (eth_dst,)),
    )
    assert in_port >> 16 == OPENFLOW_BASIC


def test_the_datapath_is_asked_once_for_all_slices_and_controllers() -> None:
    world = ON_TABLES.world(A, B)
    a, b = world.controller("a"), world.controller("b")
    assert (
        len(features(a)) == len(features(b)) == len(features(a)) == len(features(world.controller("a"))) == 4
    )
    assert times_asked(world) == 1
    assert list(the_datapath(world).table_features or ()) == list(range(1, 9))


def test_whoever_asks_while_the_datapath_answers_shares_the_answer() -> None:
    world = ON_TABLES.world(A, B)
    one, leaving, b = world.controller("a"), world.controller("a"), world.controller("b")
    (asked,) = withheld(one, TableFeaturesRequest(xid=1))
    assert withheld(leaving, TableFeaturesRequest(xid=2)) == []
    assert withheld(b, TableFeaturesRequest(xid=3), TableFeaturesRequest(xid=4)) == []
    leaving.leave()
    told = tuple(evolve(table, table_id=number) for number in (1, 5) for table in [TableFeatures(table_id=0)])
    say(world, TableFeaturesReply(xid=asked.xid, more=True, tables=told[:1]))
    assert one.inbox == b.inbox == []
    say(world, TableFeaturesReply(xid=asked.xid, tables=told[1:]))
    assert [(reply.xid, len(reply.tables)) for reply in one.heard(TableFeaturesReply)] == [(1, 1)]
    assert [reply.xid for reply in b.heard(TableFeaturesReply)] == [3, 4]
    assert leaving.inbox == []


def test_whoever_asked_first_may_leave_before_the_answer() -> None:
    world = ON_TABLES.world(A, B)
    a, b = world.controller("a"), world.controller("b")
    (asked,) = withheld(a, TableFeaturesRequest(xid=1))
    assert withheld(b, TableFeaturesRequest(xid=2)) == []
    a.leave()
    say(world, TableFeaturesReply(xid=asked.xid, tables=(TableFeatures(table_id=5),)))
    assert [reply.xid for reply in b.heard(TableFeaturesReply)] == [2]


def test_an_error_or_no_answer_is_told_to_all_who_asked_and_the_next_one_asks_again() -> None:
    world = ON_TABLES.world(A, B)
    a, b = world.controller("a"), world.controller("b")
    (asked,) = withheld(a, TableFeaturesRequest(xid=1))
    withheld(b, TableFeaturesRequest(xid=2))
    say(world, Error(xid=asked.xid, error=codes.BAD_MULTIPART))
    assert [(one.xid, one.error) for one in a.heard(Error)] == [(1, codes.BAD_MULTIPART)]
    assert [(one.xid, one.error) for one in b.heard(Error)] == [(2, codes.BAD_MULTIPART)]
    assert len(withheld(a, TableFeaturesRequest(xid=3))) == 1
    world.pass_time(9)
    assert [one.xid for one in a.heard(Error)] == [1, 3]
    assert len(features(a)) == 4


def test_requests_of_one_controller_are_bounded() -> None:
    world = ON_TABLES.world(A, B)
    a, b = world.controller("a"), world.controller("b")
    withheld(a, *[TableFeaturesRequest(xid=1)] * MAX_ASKING)
    assert a.refused(TableFeaturesRequest(xid=9)) == codes.MULTIPART_BUFFER_OVERFLOW
    withheld(b, TableFeaturesRequest(xid=9))
    assert b.inbox == []


def test_a_table_that_cannot_be_read_is_left_out_and_counted() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    (asked,) = withheld(a, TableFeaturesRequest(xid=1))
    told = tuple(TableFeatures(table_id=number, name="x") for number in (0, 1, 2, 77))
    frame = bytearray(codec(4).encode(TableFeaturesReply(xid=asked.xid, tables=told)))
    size = (len(frame) - 16) // 4
    first = 16 + size
    wrong = frame[first : first + size] + b"\0\0\0\x03" + bytes(4)  # a property of 3 bytes
    wrong[:2] = len(wrong).to_bytes(2, "big")
    frame[first : first + size] = wrong
    frame[2:4] = len(frame).to_bytes(2, "big")
    say(world, bytes(frame))
    assert [table.table_id for reply in a.heard(TableFeaturesReply) for table in reply.tables] == [1]
    assert the_datapath(world).malformed == 1


@pytest.mark.parametrize("length", [0, 2])
def test_a_table_that_says_it_has_no_length_ends_the_list(length: int) -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    (asked,) = withheld(a, TableFeaturesRequest(xid=1))
    told = tuple(TableFeatures(table_id=number) for number in (1, 2))
    frame = bytearray(codec(4).encode(TableFeaturesReply(xid=asked.xid, tables=told)))
    second = 16 + (len(frame) - 16) // 2
    frame[second : second + 2] = length.to_bytes(2, "big")
    say(world, bytes(frame))
    assert [table.table_id for reply in a.heard(TableFeaturesReply) for table in reply.tables] == [0]


def test_an_answer_of_another_kind_tells_of_no_tables() -> None:
    world = ON_TABLES.world(A, B)
    a = world.controller("a")
    (asked,) = withheld(a, TableFeaturesRequest(xid=1))
    say(world, mp.PortDescReply(xid=asked.xid))
    assert [reply.tables for reply in a.heard(TableFeaturesReply)] == [()]


def test_what_was_told_is_forgotten_when_the_datapath_comes_anew() -> None:
    world = ON_TABLES.world(A)
    features(world.controller("a"))
    world.leave(1)
    world.join(world.emulated[1])
    features(world.controller("a"))
    assert times_asked(world) == 2


# ------------------------------------------------------------------------------------------------- intersected


@pytest.mark.parametrize("kind", [ON_10, ON_FEW_TABLES], ids=str)
def test_an_intersected_slice_has_one_table_that_does_what_every_datapath_does(kind: Kind) -> None:
    world = kind.world(A, B)
    before = len(world.to_datapaths)
    (told,) = features(world.controller("a"))
    assert len(world.to_datapaths) == before
    assert (told.table_id, told.name, told.metadata_match, told.metadata_write) == (0, "table0", 0, 0)
    properties = listed(told)
    assert properties[mp.NEXT_TABLES] == ()
    assert FIELDS["ipv4_src"].masked_oxm_header in properties[mp.MATCH]
    assert FIELDS["eth_src"].oxm_header in properties[mp.MATCH]
    assert FIELDS["ipv6_src"].oxm_header not in properties[mp.WILDCARDS]
    assert properties[mp.APPLY_SETFIELD] == properties[mp.WRITE_SETFIELD]
    is_13 = kind is ON_FEW_TABLES
    assert properties[mp.INSTRUCTIONS] == (
        3,
        4,
        5,
        *((METER,) if is_13 else ()),
    )  # WRITE, APPLY, CLEAR_ACTIONS
    assert properties[mp.APPLY_ACTIONS] == (0, 17, 18, 25, SET_QUEUE, *((GROUP,) if is_13 else ()))


def test_tables_are_what_they_are(kind: Kind) -> None:
    world = kind.world(a_slice("a", ports(1)))
    a = world.controller("a")
    before = len(world.to_datapaths)
    refused = a.refused(TableFeaturesRequest(tables=(TableFeatures(table_id=0, name="mine"),)))
    assert refused == codes.TABLE_FEATURES_EPERM
    assert len(world.to_datapaths) == before
