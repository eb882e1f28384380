"""The line to one controller of one virtual switch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.application.service import IService
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.logger import Logger

from flowvisor.connections.controller_protocol import ControllerFactory
from flowvisor.connections.dialling import Backoff, dialling, waiting
from flowvisor.connections.endpoints import client_endpoint, server_endpoint
from flowvisor.connections.peer_protocol import Shell
from flowvisor.hypervisor.effects import VirtualSwitchName
from flowvisor.network.connection_method import ConnectionMethod


class Line:
    """Kept up from when it is made until `stop`. Raises `UnsupportedMethod`."""

    log = Logger()

    def __init__(
        self,
        reactor: Any,
        shell: Shell,
        *,
        switch: VirtualSwitchName,
        method: ConnectionMethod,
        versions: frozenset[int],
        random: Callable[[], float],
    ) -> None:
        self.switch = switch
        self.controller = str(method)
        self._shell = shell
        self._told: str | None = None  # the reason last logged: an outage is one line, not thousands
        self._backoff = Backoff(random)
        self.factory = ControllerFactory(
            shell, switch=switch, controller=self.controller, versions=versions, established=self._established
        )
        self._service: IService
        if method.is_passive:
            self._service = waiting(server_endpoint(reactor, method), self.factory, failed=self._failed)
        else:
            endpoint = client_endpoint(reactor, method)
            self._service = dialling(
                reactor, endpoint, self.factory, backoff=self._backoff, failed=self._failed
            )
        self._service.startService()

    @property
    def is_established(self) -> bool:
        """Is there a channel?"""
        return any(protocol.is_established for protocol in self.factory.protocols)

    def stop(self, reason: str) -> Deferred[object]:
        """Hang up and do not dial again; fires when nobody is dialled or waited for any more."""
        for protocol in list(self.factory.protocols):
            protocol.hang_up(reason)
        return maybeDeferred(self._service.stopService)

    def _established(self) -> None:
        self._backoff.reset()
        self._told = None

    def _failed(self, reason: str) -> None:
        key = (self.switch.slice_name, self.controller, reason)
        self._shell.counters.controller_connect_failures[key] += 1
        if reason != self._told:
            self._told = reason
            self.log.warn(
                event="controller_unreachable",
                slice=self.switch.slice_name,
                dpid=self.switch.dpid,
                controller=self.controller,
                reason=reason,
            )
