"""A virtual switch offers what each of its datapaths does."""

from __future__ import annotations

from attrs import evolve

from flowvisor.hypervisor.big.offers import common
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import FeaturesReply, FeaturesRequest
from flowvisor.openflow.multipart import (
    INSTRUCTIONS,
    INSTRUCTIONS_MISS,
    MATCH,
    DescReply,
    DescRequest,
    GroupFeaturesReply,
    GroupFeaturesRequest,
    MeterFeaturesReply,
    MeterFeaturesRequest,
    PortDescReply,
    PortDescRequest,
    TableFeatures,
    TableFeaturesReply,
    TableFeaturesRequest,
    TableProperty,
)
from tests.support.big_world import BIG_DPID, PORTS, big_world


def test_its_features_are_its_own_dpid_and_ports() -> None:
    world = big_world(2)
    new, old = world.big_controller(4), world.big_controller(1)
    assert new.ask(FeaturesRequest(xid=2), FeaturesReply).dpid == BIG_DPID
    features = old.ask(FeaturesRequest(xid=2), FeaturesReply)
    assert [port.number for port in features.ports] == list(PORTS)
    ports = new.ask(PortDescRequest(xid=2), PortDescReply).ports
    assert list(ports) == [world.big.ports[number] for number in PORTS]
    assert new.ask(DescRequest(xid=3), DescReply).serial_number == f"{BIG_DPID:016x}"


def test_its_groups_and_meters_are_as_many_as_the_least_has() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    one = world.hypervisor.datapaths[1]
    one.group_features = evolve(one.group_features, types=1, max_groups=(5, 5, 5, 5))
    one.meter_features = evolve(one.meter_features, max_meter=3, max_bands=1)
    groups = tenant.ask(GroupFeaturesRequest(xid=2), GroupFeaturesReply)
    assert (groups.types, groups.max_groups) == (1, (5, 5, 5, 5))
    meters = tenant.ask(MeterFeaturesRequest(xid=2), MeterFeaturesReply)
    assert (meters.max_meter, meters.max_bands) == (2, 1)  # one of them is ours


def test_its_tables_do_what_each_does() -> None:
    world = big_world(2)
    tenant = world.big_controller()
    tables = tenant.ask(TableFeaturesRequest(xid=2), TableFeaturesReply).tables
    assert [one.table_id for one in tables] == [0, 1, 2, 3]
    known = world.hypervisor.datapaths[1].table_features
    lost = max(known)
    del known[lost]
    assert len(tenant.ask(TableFeaturesRequest(xid=2), TableFeaturesReply).tables) == 3
    change = TableFeaturesRequest(xid=3, tables=(TableFeatures(0),))
    assert tenant.refused(change) == codes.TABLE_FEATURES_EPERM


def test_what_tables_have_in_common() -> None:
    one = TableFeatures(
        0,
        metadata_match=0xFF,
        max_entries=9,
        properties=(
            TableProperty(INSTRUCTIONS, (1, 2, 3)),
            TableProperty(INSTRUCTIONS_MISS, (1, 3)),
            TableProperty(MATCH, (7,)),
        ),
    )
    other = TableFeatures(
        0, metadata_match=0xF0, max_entries=4, properties=(TableProperty(INSTRUCTIONS, (3, 2)),)
    )
    both = common(one, [other])
    assert (both.metadata_match, both.max_entries) == (0xF0, 4)
    assert both.properties == (TableProperty(INSTRUCTIONS, (2, 3)), TableProperty(INSTRUCTIONS_MISS, (3,)))
