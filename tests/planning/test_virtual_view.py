"""The view of a share: nothing in it is anybody else's."""

from __future__ import annotations

import pytest

from flowvisor.flowspace.box import EVERYTHING
from flowvisor.flowspace.layout import boxes_of
from flowvisor.openflow.match import Match
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.ownership import Ownership
from flowvisor.planning.share import Share, SharePort
from flowvisor.planning.view import FarEnd
from flowvisor.planning.virtual_view import VirtualView
from tests.support.slices import A

SHARE = Share("blue/big", 0xA1, TableBlock(5, 3), {2: SharePort(2), 1: SharePort(1)})
VIEW = VirtualView(SHARE, Ownership.at(1, [A]))
PACKETS = boxes_of(Match.of(in_port=1))


def test_ports_are_virtual_ones_whatever_the_datapath_has() -> None:
    assert VIEW.own_ports([7, 8]) == VIEW.flooded_ports([7, 8]) == [1, 2]
    assert VIEW.owns_port(1)
    assert VIEW.sees_port(2)
    assert not VIEW.owns_port(7)
    assert not VIEW.sees_port(7)


def test_all_that_comes_is_its_own_and_may_go_anywhere() -> None:
    assert VIEW.region == (EVERYTHING,)
    assert VIEW.own_pieces(PACKETS) == list(PACKETS)
    assert VIEW.foreign_part(PACKETS, 1) is None
    assert VIEW.port_is_private(1)
    assert VIEW.port_is_safe(1)
    assert VIEW.used_mask == 0


def test_it_looks_at_nobodys_packets_and_configures_no_physical_port() -> None:
    assert not VIEW.sees(PACKETS[0])
    assert not VIEW.has_port_alone(1)


def test_cables_are_beneath_it() -> None:
    VIEW.put_far_ends(1, (FarEnd(VIEW.ownership, 3),))
    assert not VIEW.cabled_ports
    assert VIEW.used_mask == 0


def test_its_tables_are_its_tenants() -> None:
    assert (VIEW.block, VIEW.n_tables, VIEW.n_tables_seen) == (TableBlock(5, 3), 3, 3)
    assert SHARE.egress_table == 8


def test_it_is_never_another_datapaths() -> None:
    with pytest.raises(AssertionError):
        VIEW.of_another_datapath()
