"""Where connections come from."""

from __future__ import annotations

import pytest
from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress

from flowvisor.connections.addresses import origin_of, text_of


@pytest.mark.parametrize(
    ("address", "text", "origin"),
    [
        (IPv4Address("TCP", "192.0.2.1", 4711), "192.0.2.1:4711", "192.0.2.1"),
        (IPv6Address("TCP", "2001:db8::1:2", 4711), "[2001:db8::1:2]:4711", "2001:db8::/64"),
        (IPv6Address("TCP", "2001:db8::ffff", 4712), "[2001:db8::ffff]:4712", "2001:db8::/64"),
        (IPv6Address("TCP", "2001:db8:0:1::1", 1), "[2001:db8:0:1::1]:1", "2001:db8:0:1::/64"),
        (IPv6Address("TCP", "::ffff:192.0.2.1", 1), "[::ffff:192.0.2.1]:1", "192.0.2.1"),
        (IPv6Address("TCP", "fe80::1%eth0", 1), "[fe80::1%eth0]:1", "fe80::/64"),
        (UNIXAddress("/x"), "unix", "unix"),
        (UNIXAddress(None), "unix", "unix"),
        (None, "unix", "unix"),
    ],
)
def test_an_origin_is_what_one_owner_has(address: object, text: str, origin: str) -> None:
    assert (text_of(address), origin_of(address)) == (text, origin)
