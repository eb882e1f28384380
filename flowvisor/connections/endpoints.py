"""Connection methods as Twisted's endpoints."""

from __future__ import annotations

import os
import socket
import stat
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Final

from OpenSSL import SSL
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
    IOpenSSLClientConnectionCreator,
    IProtocol,
    IProtocolFactory,
    IStreamClientEndpoint,
    IStreamServerEndpoint,
)
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import implementer

from flowvisor.connections.tls import Credentials, Latest
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


@implementer(IStreamClientEndpoint)
class _TlsClient:
    """TLS over another endpoint. Its clock is the reactor's that was given, which Twisted's own wrapper forgets."""

    def __init__(self, endpoint: IStreamClientEndpoint, calling: Calling, clock: Any) -> None:
        self._endpoint = endpoint
        self._calling = calling
        self._clock = clock

    def connect(self, protocolFactory: IProtocolFactory) -> Deferred[IProtocol]:  # noqa: N803
        factory = TLSMemoryBIOFactory(self._calling, True, protocolFactory, self._clock)
        connecting: Deferred[Any] = self._endpoint.connect(factory)
        return connecting.addCallback(lambda protocol: protocol.wrappedProtocol)


@implementer(IStreamServerEndpoint)
class _TlsServer:
    """The same for those who dial us."""

    def __init__(
        self, endpoint: IStreamServerEndpoint, credentials: Credentials | Latest, clock: Any
    ) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._clock = clock

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:  # noqa: N803
        factory = TLSMemoryBIOFactory(self._credentials, False, protocolFactory, self._clock)
        listening: Deferred[IListeningPort] = self._endpoint.listen(factory)
        return listening


@implementer(IOpenSSLClientConnectionCreator)
class Calling:
    """Makes the TLS connections to one host, which is told by what name it is called, if that is no address."""

    def __init__(self, credentials: Credentials, host: str) -> None:
        self._credentials = credentials
        self._host = host

    def clientConnectionForTLS(self, tlsProtocol: object) -> SSL.Connection:  # noqa: N803
        connection = self._credentials.connection()
        if _ip_version(self._host.partition("%")[0]) is None:
            connection.set_tlsext_host_name(self._host.encode("ascii"))
        return connection


def client_endpoint(
    reactor: Any, method: ConnectionMethod, credentials: Credentials | None = None
) -> IStreamClientEndpoint:
    """Where to dial. Raises `UnsupportedMethod`."""
    if method.kind == "unix":
        return UNIXClientEndpoint(reactor, method.path, timeout=CONNECT_SECONDS)
    if method.kind not in ("tcp", "ssl") or method.host is None or method.port is None:
        raise UnsupportedMethod(f"{method}: cannot be dialled")
    endpoint = _tcp_client(reactor, method.host, method.port)
    if not method.uses_tls:
        return endpoint
    if credentials is None:
        raise UnsupportedMethod(f"{method}: there is no certificate to show")
    return _TlsClient(endpoint, Calling(credentials, method.host), reactor)


def _tcp_client(reactor: Any, host: str, port: int) -> IStreamClientEndpoint:
    version = _ip_version(host)
    if version == 4:
        return TCP4ClientEndpoint(reactor, host, port, timeout=CONNECT_SECONDS)
    if version == 6:
        return TCP6ClientEndpoint(reactor, host, port, timeout=CONNECT_SECONDS)
    return HostnameEndpoint(reactor, host, port, timeout=CONNECT_SECONDS)


def server_endpoint(
    reactor: Any, method: ConnectionMethod, credentials: Credentials | Latest | None = None
) -> IStreamServerEndpoint:
    """Where to listen; without a host, like Open vSwitch, on all of IPv4. Raises `UnsupportedMethod`."""
    if method.kind == "punix":
        return _SocketFile(reactor, method.path or "")
    if method.kind not in ("ptcp", "pssl") or method.port is None:
        raise UnsupportedMethod(f"{method}: cannot be listened on")
    host = method.host or ""
    make = TCP6ServerEndpoint if _ip_version(host) == 6 else TCP4ServerEndpoint
    endpoint = make(reactor, method.port, backlog=BACKLOG, interface=host)
    if not method.uses_tls:
        return endpoint
    if credentials is None:
        raise UnsupportedMethod(f"{method}: there is no certificate to show")
    return _TlsServer(endpoint, credentials, reactor)


def _ip_version(host: str) -> int | None:
    try:
        return ip_address(host).version
    except ValueError:
        return None
