"""Where operators and programs ask: the listeners of `admin:`, and everything that is behind them."""

from __future__ import annotations

from datetime import datetime, timezone
from time import time
from typing import Any

from twisted.internet.defer import Deferred, DeferredList, maybeDeferred
from twisted.internet.interfaces import IListeningPort
from twisted.internet.threads import deferToThread

from flowvisor.admin.lag import LagHistogram
from flowvisor.admin.metrics import Metrics
from flowvisor.admin.rest.changing import Changing, Peek
from flowvisor.admin.rest.dispatch import Dispatch
from flowvisor.admin.rest.event_stream import Subscribers
from flowvisor.admin.rest.events import Events
from flowvisor.admin.rest.flow_readings import FlowReadings
from flowvisor.admin.rest.instance import Instance
from flowvisor.admin.rest.table import ROUTES
from flowvisor.admin.rest.watch import Watch
from flowvisor.admin.site import AdminSite
from flowvisor.admin.token_file import TokenFile
from flowvisor.admin.web_page import WEB_ROUTES
from flowvisor.connections.connections import Connections
from flowvisor.connections.endpoints import server_endpoint
from flowvisor.connections.reloading import InThread, Reloading
from flowvisor.connections.tls import Latest
from flowvisor.hypervisor.hypervisor import Hypervisor
from flowvisor.network.connection_method import ConnectionMethod


def _now() -> str:
    text = datetime.now(timezone.utc).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")


class Operators:
    """All listeners of one service."""

    def __init__(
        self,
        reactor: Any,
        *,
        hypervisor: Hypervisor,
        connections: Connections,
        reloading: Reloading,
        lag: LagHistogram,
        peek: Peek | None = None,
        in_thread: InThread = deferToThread,
    ) -> None:
        """`peek` reads all files as if one had been changed, in a thread of its own."""
        self._reactor = reactor
        started_at = time()
        events = Events(f"{int(started_at * 1000):x}", _now)
        tokens = hypervisor.configuration.settings.tokens
        self.instance = Instance(
            hypervisor=hypervisor,
            connections=connections,
            lag=lag,
            started_at=started_at,
            metrics=Metrics(hypervisor=hypervisor, connections=connections, lag=lag, reloading=reloading),
            reloading=reloading,
            events=events,
            subscribers=Subscribers(reactor, events),
            changing=Changing(reloading, peek, in_thread),
            flows=FlowReadings(reactor, connections),
            tokens=None if tokens is None else TokenFile(tokens),
        )
        self._take_back_tokens()
        self._watch = Watch(self.instance)
        self._sites: list[AdminSite] = []
        self._ports: list[IListeningPort] = []

    def _take_back_tokens(self) -> None:
        """Let a token of a slice that is gone not open a later one of the same name."""
        tokens, there = self.instance.tokens, self.instance.configuration.slice_names
        if tokens is not None:
            tokens.void(lambda name: name not in there)
            self.instance.reloading.slices_gone = lambda gone: tokens.void(gone.__contains__)

    def listen(self, method: ConnectionMethod) -> Deferred[IListeningPort]:
        """Serve at one address."""
        # The page asks for a token, which nobody is to type where others could read it.
        routes = (*ROUTES, *WEB_ROUTES) if method.is_private else ROUTES
        dispatch = Dispatch(routes, self.instance, is_private=method.is_private)
        site = AdminSite(self._reactor, dispatch.answer)
        keyring = self.instance.connections.keyring
        credentials = keyring.of_operators() if method.uses_tls else None
        shown = credentials and Latest(credentials, lambda: self.instance.connections.keyring.of_operators())
        endpoint = server_endpoint(self._reactor, method, shown)
        self._sites.append(site)
        listening: Deferred[IListeningPort] = endpoint.listen(site)
        return listening.addCallback(self._listens)

    def _listens(self, port: IListeningPort) -> IListeningPort:
        self._ports.append(port)
        return port

    def tick(self) -> None:
        """About a second has passed."""
        self._watch.tick()

    def stop(self) -> Deferred[Any]:
        """Close everything; fires when no socket is open."""
        stopping = [maybeDeferred(port.stopListening) for port in self._ports]
        for site in self._sites:
            site.close_connections()
        return DeferredList(stopping)
