"""Connection methods as Twisted's endpoints."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Final

from twisted.internet.defer import Deferred
from twisted.internet.endpoints import (
    HostnameEndpoint,
    TCP4ClientEndpoint,
    TCP4ServerEndpoint,
    TCP6ClientEndpoint,
    TCP6ServerEndpoint,
    UNIXClientEndpoint,
    UNIXServerEndpoint,
)
from twisted.internet.interfaces import (
    IListeningPort,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from zope.interface import implementer

from flowvisor.errors import FlowVisorError
from flowvisor.network.connection_method import ConnectionMethod

CONNECT_SECONDS: Final = 5  # a controller that does not answer a SYN for so long is dialled anew
SOCKET_MODE: Final = 0o660  # who may connect to a socket in a file: our user, our group
BACKLOG: Final = 1024  # every datapath comes back at once when we were away; the system may allow less


class UnsupportedMethod(FlowVisorError):
    """A connection method that is well formed, but cannot be served."""


@implementer(IStreamServerEndpoint)
class _SocketFile:
    """A socket in a file. One that a process left behind when it was killed is removed, as Open vSwitch does.

    Twisted's own lock beside the file was rejected: in a container every process is number 1, and the lock of
    one that was killed looks like ours.
    """

    def __init__(self, reactor: Any, path: str) -> None:
        self._path = path
        self._endpoint = UNIXServerEndpoint(reactor, path, backlog=BACKLOG, mode=SOCKET_MODE)

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:  # noqa: N803
        _remove_if_abandoned(self._path)
        listening: Deferred[IListeningPort] = self._endpoint.listen(protocolFactory)
        return listening


def _remove_if_abandoned(path: str) -> None:
    with suppress(OSError):
        if not stat.S_ISSOCK(os.lstat(path).st_mode):  # connecting to a plain file is "refused", too
            return
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.setblocking(False)
        try:
            probe.connect(path)
        except ConnectionRefusedError:  # a socket, and nobody listens
            with suppress(OSError):
                os.unlink(path)
        except OSError:  # no file, or no socket, or one that is busy: whoever binds is told
            return


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
        return _SocketFile(reactor, method.path or "")
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
