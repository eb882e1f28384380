"""Connection methods as Twisted's endpoints."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any, Final

from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    TCP6ClientEndpoint,
    TCP6ServerEndpoint,
    UNIXClientEndpoint,
    UNIXServerEndpoint,
)
from twisted.internet.interfaces import IStreamClientEndpoint, IStreamServerEndpoint

from flowvisor.errors import FlowVisorError
from flowvisor.network.connection_method import ConnectionMethod

CONNECT_SECONDS: Final = 5  # a controller that does not answer a SYN for so long is dialled anew
BACKLOG: Final = 1024  # every datapath comes back at once when we were away; the system may allow less


class UnsupportedMethod(FlowVisorError):
    """A connection method that is well formed, but cannot be served."""


def client_endpoint(reactor: Any, method: ConnectionMethod) -> IStreamClientEndpoint:
    """Where to dial. Raises `UnsupportedMethod`."""
    if method.kind == "unix":
        return UNIXClientEndpoint(reactor, method.path, timeout=CONNECT_SECONDS)
    if method.kind != "tcp" or method.host is None or method.port is None:
        raise UnsupportedMethod(f"{method}: cannot be dialled")
    version = _ip_version(method.host)
    if version == 4:
        return TCP4ClientEndpoint(reactor, method.host, method.port, timeout=CONNECT_SECONDS)
    if version == 6:
        return TCP6ClientEndpoint(reactor, method.host, method.port, timeout=CONNECT_SECONDS)
    return HostnameEndpoint(reactor, method.host, method.port, timeout=CONNECT_SECONDS)


def server_endpoint(reactor: Any, method: ConnectionMethod) -> IStreamServerEndpoint:
    """Where to listen; without a host, like Open vSwitch, on all of IPv4. Raises `UnsupportedMethod`."""
    if method.kind == "punix":
        return UNIXServerEndpoint(reactor, method.path, backlog=BACKLOG, wantPID=True)
    if method.kind != "ptcp" or method.port is None:
        raise UnsupportedMethod(f"{method}: cannot be listened on")
    host = method.host or ""
    if _ip_version(host) == 6:
        return TCP6ServerEndpoint(reactor, method.port, backlog=BACKLOG, interface=host)
    return TCP4ServerEndpoint(reactor, method.port, backlog=BACKLOG, interface=host)


def _ip_version(host: str) -> int | None:
    try:
        return ip_address(host).version
    except ValueError:
        return None
