"""Where a connection comes from: as text for the log, and as the origin that limits are counted by."""

from __future__ import annotations

from ipaddress import IPv6Address as Address6
from typing import Final

from twisted.internet.address import IPv4Address, IPv6Address

UNIX: Final = "unix"

_SITE_BITS: Final = 64  # who has one address of IPv6 has as many as these bits leave


def text_of(address: object) -> str:
    """Address and port, as people write them."""
    if isinstance(address, IPv4Address):
        return f"{address.host}:{address.port}"
    if isinstance(address, IPv6Address):
        return f"[{address.host}]:{address.port}"
    return UNIX


def origin_of(address: object) -> str:
    """Whoever has one of the addresses of an origin has them all: an IPv4 address, a /64 of IPv6, this machine."""
    if isinstance(address, IPv4Address):
        return str(address.host)
    if isinstance(address, IPv6Address):
        whole = Address6(address.host.partition("%")[0])
        if whole.ipv4_mapped is not None:
            return str(whole.ipv4_mapped)
        return f"{Address6(int(whole) >> _SITE_BITS << _SITE_BITS)}/{_SITE_BITS}"
    return UNIX
