"""A datapath's connection: we are its controller, and it is whoever its FEATURES_REPLY says."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve
from twisted.internet.address import IPv4Address, UNIXAddress
from twisted.internet.interfaces import IAddress

from flowvisor.network.certificate_pin import CertificatePin
from flowvisor.openflow.error_codes import HELLO_EPERM
from tests.support.shell import Shell
from tests.support.world import a_slice, configuration, ports


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
    [(IPv4Address("TCP", "192.0.2.1", 4711), "192.0.2.1:4711"), (UNIXAddress("/x"), "unix")],
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


def admitting(**settings: Any) -> Shell:
    plain = configuration(a_slice("blue", ports(1)))
    return Shell(evolve(plain, settings=evolve(plain.settings, **settings)))


@pytest.mark.parametrize("version", [1, 4])
@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"admission": "listed", "datapaths": {"leaf-1": 1}}, "not-listed"),
        ({"certificates": {2: (CertificatePin("cn", "leaf"),)}}, "no-certificate"),
    ],
)
def test_who_may_not_join_is_told_so_and_hung_up_on(
    settings: dict[str, Any], reason: str, version: int
) -> None:
    shell = admitting(**settings)
    assert shell.datapath(dpid=1, version=version).near.is_established
    other = shell.datapath(dpid=2, version=version)
    assert other.closed is not None
    assert repr(reason) in other.closed.reason
    assert f"error {HELLO_EPERM[0]}/{HELLO_EPERM[1]}" in other.closed.reason
    assert not other.is_connected
    assert set(shell.hypervisor.datapaths) == {1}
    assert shell.connections.counters.handshake_failures == {("datapath", reason): 1}
    assert shell.connections.half_open() == 0


def test_connections_of_one_address_that_say_nothing_keep_nobody_out() -> None:
    shell = admitting(max_half_open_per_address=5)
    crowd = [shell.southbound.buildProtocol(IPv4Address("TCP", "192.0.2.66", n)) for n in range(3)]
    assert all(crowd)  # who is not connected yet counts for nothing
    silent = [shell.connect("192.0.2.66") for _ in range(5)]
    for number in range(100):
        assert shell.southbound.buildProtocol(IPv4Address("TCP", "192.0.2.66", number)) is None
    assert shell.connections.counters.handshake_failures == {("datapath", "too-many-of-address"): 100}
    assert shell.connect("192.0.2.1").is_connected
    assert shell.datapath().near.is_established
    silent[0].hang_up()
    assert shell.connect("192.0.2.66").is_connected


def test_who_has_said_who_it_is_is_not_half_open() -> None:
    shell = admitting(max_half_open_per_address=1)
    for dpid in (1, 2, 3):
        assert shell.datapath(dpid).near.is_established
    assert shell.connections.half_open() == 0
    shell.far_ends[0].hang_up()
    assert shell.connections.half_open() == 0
