"""A datapath's connection: we are its controller, and it is whoever its FEATURES_REPLY says."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from tests.support.shell import Shell


@pytest.mark.parametrize("version", [1, 4])
def test_a_datapath_of_either_version_joins(version: int) -> None:
    shell = Shell()
    datapath = shell.datapath(dpid=0xABC, version=version)
    assert datapath.near.is_established
    assert shell.hypervisor.datapaths[0xABC].version == version
    assert datapath.near.name() == {"dpid": 0xABC}
    assert shell.connections.counters.datapath_connects == {0xABC: 1}


@pytest.mark.parametrize(
    ("address", "text"),
    [
        (IPv4Address("TCP", "192.0.2.1", 4711), "192.0.2.1:4711"),
        (IPv6Address("TCP", "2001:db8::1", 4711), "[2001:db8::1]:4711"),
        (UNIXAddress("/x"), "unix"),
    ],
)
def test_before_that_it_is_known_by_its_address(address: IAddress, text: str) -> None:
    protocol = Shell().southbound.buildProtocol(address)
    assert protocol is not None
    assert protocol.name() == {"address": text}


def test_why_it_left_is_counted() -> None:
    shell = Shell()
    datapath = shell.datapath(dpid=3)
    datapath.hang_up()
    assert shell.connections.counters.datapath_disconnects == {(3, "closed"): 1}
    assert shell.hypervisor.datapaths == {}
