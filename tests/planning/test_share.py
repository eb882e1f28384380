"""Shares: ids of groups say which port they are, and nobody else's block."""

from __future__ import annotations

from flowvisor.openflow.match import Match
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.share import Ingress, Share, SharePort, port_group, port_of_group
from flowvisor.slices.virtual_switch import MAX_VIRTUAL_PORT

BLOCK = TableBlock(9, 4)


def test_the_group_of_a_port_leads_back_to_it() -> None:
    for number in (1, 255, MAX_VIRTUAL_PORT):
        assert port_of_group(BLOCK, port_group(BLOCK, number)) == number


def test_a_group_of_another_block_is_no_port_of_this_one() -> None:
    assert port_of_group(BLOCK, port_group(TableBlock(10, 4), 1)) is None
    assert port_of_group(BLOCK, 1) is None


def test_the_egress_table_is_behind_the_tenants() -> None:
    share = Share(name="blue/big", dpid=1, block=BLOCK, ports={})
    assert share.egress_table == 13
    assert not share.has_turned_ports


def test_one_turned_port_is_enough() -> None:
    port = SharePort(2, (Ingress(Match.of(in_port=7)),), is_turned=True)
    assert Share(name="blue/big", dpid=1, block=BLOCK, ports={2: port}).has_turned_ports
