"""The line to one controller of one virtual switch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from attrs import field, frozen
from twisted.application.internet import ClientService
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.interfaces import IListeningPort
from twisted.logger import Logger

from flowvisor.connections.controller_protocol import ControllerFactory
from flowvisor.connections.dialling import Backoff, Waiting, dialling
from flowvisor.connections.endpoints import client_endpoint, server_endpoint
from flowvisor.connections.peer_protocol import Shell
from flowvisor.connections.tls import Credentials
from flowvisor.hypervisor.effects import VirtualSwitchName
from flowvisor.network.certificate_pin import CertificatePin
from flowvisor.network.connection_method import ConnectionMethod
from flowvisor.slices.slice import Slice


@frozen
class Terms:
    """On what terms we speak with a controller: when one of these changes, the line is another."""

    method: ConnectionMethod
    versions: frozenset[int]
    pins: tuple[CertificatePin, ...]
    credentials: Credentials | None = field(eq=id)

    @classmethod
    def of(cls, owner: Slice, method: ConnectionMethod, credentials: Credentials | None) -> Terms:
        """A slice's, whose controllers are shown these credentials."""
        pins = owner.controller_certificates
        return cls(method, owner.versions, pins, credentials if method.uses_tls else None)


class Line:
    """Kept up from when it is made until `stop`. Raises `UnsupportedMethod`.

    Where the controller is to call us, we listen once `after` has fired: an earlier line may have the port yet.
    """

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        shell: Shell,
        *,
        switch: VirtualSwitchName,
        terms: Terms,
        random: Callable[[], float],
        after: Deferred[object] | None = None,
    ) -> None:
        self.switch = switch
        self.terms = terms
        self.method = method = terms.method
        self.controller = str(method)
        self._shell = shell
        self._told: str | None = None  # the reason last logged: an outage is one line, not thousands
        self._backoff = Backoff(random)
        self.factory = ControllerFactory(
            shell,
            switch=switch,
            controller=self.controller,
            versions=terms.versions,
            pins=terms.pins,
            established=self._established,
            refused=self._refused,
        )
        self._waiting: Waiting | None = None
        self._service: ClientService | None = None
        if method.is_passive:
            self._waiting = waiting = self._wait(reactor)
            free = succeed(None) if after is None else after
            free.addBoth(lambda _: waiting.start())
        else:
            endpoint = client_endpoint(reactor, method, terms.credentials)
            self._service = dialling(
                reactor, endpoint, self.factory, backoff=self._backoff, failed=self._failed
            )
            self._service.startService()

    def _wait(self, reactor: Any) -> Waiting:
        return Waiting(
            reactor,
            server_endpoint(reactor, self.method, self.terms.credentials),
            self.factory,
            backoff=self._backoff,
            listening=self._listens,
            failed=self._failed,
        )

    @property
    def is_listening(self) -> bool:
        """May the controller call us?"""
        return self._waiting is not None and self._waiting.port is not None

    @property
    def port(self) -> int | None:
        """Where it may call us, if that is a port of TCP: the real one where the system has chosen it."""
        if self._waiting is None or self._waiting.port is None:
            return None
        return getattr(self._waiting.port.getHost(), "port", None)

    @property
    def is_established(self) -> bool:
        """Is there a channel?"""
        return any(protocol.is_established for protocol in self.factory.protocols)

    def stop(self, reason: str) -> Deferred[object]:
        """Hang up and do not dial again; fires when nobody is dialled or waited for any more."""
        for protocol in list(self.factory.protocols):
            protocol.hang_up(reason)
        if self._waiting is not None:
            return self._waiting.stop()
        assert self._service is not None
        return maybeDeferred(self._service.stopService)

    def _listens(self, port: IListeningPort) -> None:
        self._told = None
        self.log.info(event="controller_awaited", port=self.port, **self._name())

    def _name(self) -> dict[str, Any]:
        return {
            "slice": self.switch.slice_name,
            "dpid": self.switch.dpid,
            "controller": self.controller,
        }

    def _established(self) -> None:
        self._backoff.reset()
        self._told = None

    def _failed(self, reason: str) -> None:
        self._trouble(
            "controller_not_awaited" if self.method.is_passive else "controller_unreachable", reason
        )

    def _refused(self, reason: str) -> None:
        """Somebody was reached, or has called, and is not let in, or does not let us in."""
        self._trouble("controller_refused", reason)

    def _trouble(self, event: str, reason: str) -> None:
        key = (self.switch.slice_name, self.controller, reason)
        self._shell.counters.controller_connect_failures[key] += 1
        if reason != self._told:
            self._told = reason
            self.log.warn(event=event, reason=reason, **self._name())
