"""Multipart requests in parts are put together, and one that does not end is refused."""

from __future__ import annotations

import pytest
from attrs import evolve

from flowvisor.hypervisor import partial_requests
from flowvisor.openflow import error_codes as codes
from flowvisor.openflow.messages import Error
from flowvisor.openflow.multipart import (
    DescReply,
    DescRequest,
    ExperimenterMultipartRequest,
    FlowStatsRequest,
    MultipartRequest,
    TableFeatures,
    TableFeaturesReply,
    TableFeaturesRequest,
)
from flowvisor.openflow.versions import codec
from tests.support.kinds import ON_FEW_TABLES, ON_TABLES, Kind
from tests.support.slices import A, B
from tests.support.world import Controller

TABLES = (TableFeatures(0, name="zero"),)


@pytest.fixture
def a(kind: Kind) -> Controller:
    return kind.world(A, B).controller("a")


def part(request: MultipartRequest, *, more: bool = True) -> MultipartRequest:
    return evolve(request, more=more)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_an_empty_list_in_parts_asks_for_the_features(a: Controller, count: int) -> None:
    ask = TableFeaturesRequest(xid=4)
    assert a.send(*[part(ask)] * count) == []
    assert {type(one) for one in a.send(ask)} == {TableFeaturesReply}
    assert {one.xid for one in a.inbox} == {4}
    assert a.channel.partial == {}


@pytest.mark.parametrize("where", [0, 1, 2])
def test_to_set_features_is_refused_in_whichever_part_they_are(a: Controller, where: int) -> None:
    before = len(a.world.to_datapaths)
    parts = [TableFeaturesRequest(xid=4, tables=TABLES if n == where else (), more=n < 2) for n in range(3)]
    (error,) = a.send(*parts)
    assert isinstance(error, Error)
    assert (error.xid, error.error) == (4, codes.TABLE_FEATURES_EPERM)
    assert error.data == codec(4).encode(parts[-1])[:64]
    assert len(a.world.to_datapaths) == before


def test_parts_of_several_requests_are_told_apart(a: Controller) -> None:
    one, other = TableFeaturesRequest(xid=1), TableFeaturesRequest(xid=2, tables=TABLES)
    a.send(part(one), part(other), part(DescRequest(xid=1)))
    assert a.ask(DescRequest(xid=1), DescReply)
    a.inbox.clear()
    assert [type(answer) for answer in a.send(evolve(other, tables=()))] == [Error]
    assert {type(answer) for answer in a.send(one)} == {TableFeaturesReply}


def test_what_is_no_list_does_not_go_on(a: Controller) -> None:
    ask = FlowStatsRequest(xid=3)
    assert a.send(part(ask)) == []
    assert a.refused(ask) == codes.BAD_LEN
    assert a.channel.partial == {}


def test_an_experimenters_is_refused_at_once(a: Controller) -> None:
    ask = ExperimenterMultipartRequest(xid=3, experimenter=7, body=bytes(4), more=True)
    assert a.refused(ask) == codes.BAD_EXPERIMENTER
    assert a.channel.partial == {}


def test_more_requests_at_a_time_than_the_bound_are_refused(a: Controller) -> None:
    most = partial_requests.MAX_PARTIAL
    for xid in range(most):
        assert a.send(TableFeaturesRequest(xid=xid, more=True)) == []
    assert a.refused(TableFeaturesRequest(xid=most, more=True)) == codes.MULTIPART_BUFFER_OVERFLOW
    assert len(a.channel.partial) == most


def test_more_parts_and_bytes_than_the_bounds_are_refused(
    a: Controller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(partial_requests, "MAX_PARTS", 3)
    ask = TableFeaturesRequest(xid=1, more=True)
    assert a.send(ask, ask, ask) == []
    assert a.refused(ask) == codes.MULTIPART_BUFFER_OVERFLOW
    assert a.channel.partial == {}
    a.inbox.clear()
    monkeypatch.setattr(partial_requests, "MAX_BYTES", 100)
    long = evolve(ask, tables=TABLES)
    assert a.send(long) == []
    assert a.refused(long) == codes.MULTIPART_BUFFER_OVERFLOW


@pytest.mark.parametrize("kind", [ON_TABLES, ON_FEW_TABLES], ids=str)
def test_a_request_that_does_not_end_in_time_is_refused(kind: Kind) -> None:
    world = kind.world(A, B)
    a, gone = world.controller("a"), world.controller("a")
    ask = TableFeaturesRequest(xid=9, more=True)
    a.send(ask)
    gone.send(ask)
    gone.leave()
    world.pass_time(partial_requests.MAX_SECONDS - 1)
    assert a.inbox == []
    world.pass_time(1)
    (error,) = a.heard(Error)
    assert (error.xid, error.error) == (9, codes.MULTIPART_BUFFER_OVERFLOW)
    assert error.data == codec(4).encode(ask)
    assert gone.inbox == []
