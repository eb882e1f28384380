"""The running service: the hypervisor, its connections and the admin's pages, put together."""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable, Coroutine
from datetime import datetime, timezone
from os import PathLike
from pathlib import Path
from random import random as chance
from secrets import token_bytes
from signal import SIGHUP, signal
from typing import Any, Final

from attrs import evolve
from twisted.internet.defer import Deferred
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import IListeningPort
from twisted.internet.task import LoopingCall
from twisted.logger import Logger, globalLogBeginner

from flowvisor.admin.lag import LagHistogram
from flowvisor.admin.logs import log_observer
from flowvisor.admin.operators import Operators
from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.connections import Connections
from flowvisor.connections.endpoints import UnsupportedMethod
from flowvisor.connections.journal_folder import JournalFolder
from flowvisor.connections.keyring import Keyring
from flowvisor.connections.reloading import FILES, SIGNAL, Reloading
from flowvisor.connections.state_folder import StateFolder
from flowvisor.connections.systemd import Systemd
from flowvisor.connections.watching import Files, Watching
from flowvisor.errors import ConfigurationError, FlowVisorError
from flowvisor.hypervisor.hypervisor import Hypervisor
from flowvisor.network.connection_method import ConnectionMethod
from flowvisor.network.discovery import KEY_BYTES, Discovery

TICK_SECONDS: Final = 1.0
PROBE_SECONDS: Final = 0.1  # so that the probes of many ports are spread
JOURNALS: Final = "journals"  # the folder for them in that of the state
# What the hypervisor holds are trees, freed by counting references. Python's default would look for circles after
# every 700 objects made, which in a burst of flow-mods is a third of the work; this is after 50,000.
COLLECTOR_THRESHOLDS: Final = (50_000, 20, 100)


class ServiceError(FlowVisorError):
    """The service cannot run; the text is for the admin."""


class Service:
    """One hypervisor with its sockets. Raises `ServiceError` if the state or the keys cannot be read."""

    log = Logger()

    def __init__(
        self,
        configuration: Configuration,
        *,
        state_directory: Path,
        main_file: Path | None = None,
        reactor: Any | None = None,
        systemd: Systemd | None = None,
    ) -> None:
        """With a `main_file` the files may be read again while it runs."""
        self.systemd = Systemd({}) if systemd is None else systemd
        written = configuration
        self._configuration = configuration = written.at(datetime.now(timezone.utc))
        self._reactor = _running_reactor() if reactor is None else reactor
        self.hypervisor = self._make_hypervisor(state_directory)
        self.connections = Connections(
            self._reactor,
            self.hypervisor,
            configuration.slices,
            keyring=self._read_keys(),
            keep=self._journals.append,
        )
        files = None if main_file is None else Files(main_file, self._folders)
        self.reloading = Reloading(
            self.connections,
            read=(lambda: written) if files is None else files.read,
            peek=None if files is None else files.peek,
            keep=self._state.write,
            written=written,
        )
        self._watching = None if files is None else Watching(self._reactor, files, self._files_changed)
        self._lag = LagHistogram(TICK_SECONDS)
        self._operators = Operators(
            self._reactor,
            hypervisor=self.hypervisor,
            connections=self.connections,
            reloading=self.reloading,
            lag=self._lag,
            peek=None if files is None else files.peek,
        )
        self._ticking = LoopingCall(self._tick)
        self._ticking.clock = self._reactor
        discovers = configuration.settings.discovery
        self._probing = LoopingCall(self.connections.probe) if discovers else None
        if self._probing is not None:
            self._probing.clock = self._reactor
        self._stopped: Deferred[None] | None = None
        # Where it really listens, once started: 0 in the files lets the system choose.
        self.datapath_ports: list[int] = []
        self.admin_ports: list[int] = []

    def _make_hypervisor(self, state_directory: Path) -> Hypervisor:
        """With what it knew when it stopped."""
        try:
            self._state = StateFolder(state_directory)
            allocations = self._state.read()
            self._journals = JournalFolder(state_directory / JOURNALS)
            remembered = self._journals.read(time.time())
        except (OSError, ValueError) as error:
            raise ServiceError(f"the state in {state_directory} cannot be read: {error}") from error
        discovers = self._configuration.settings.discovery
        return Hypervisor(
            self._configuration,
            allocations,
            remembered,
            Discovery(key=token_bytes(KEY_BYTES), random=chance) if discovers else None,
        )

    def _read_keys(self) -> Keyring:
        try:
            return Keyring(self._configuration)
        except ConfigurationError as error:  # they were good when the files were checked
            raise ServiceError(str(error)) from error

    @property
    def datapath_port(self) -> int:
        """The port of the first `ptcp:` of `listen:`; 0 if there is none."""
        methods = zip(self._configuration.settings.listen, self.datapath_ports, strict=True)
        return next((port for method, port in methods if method.kind == "ptcp"), 0)

    @property
    def admin_port(self) -> int:
        """The port of the first of `admin:`."""
        return self.admin_ports[0] if self.admin_ports else 0

    def hang_up_signal(self) -> None:
        """SIGHUP: read all files anew, keys and certificates too; what has not changed is not disturbed."""
        self.connections.keyring.look(at_all=True)
        self.reloading.reload(SIGNAL)

    def start(self) -> Deferred[None]:
        """Listen for datapaths and for operators; fails with `ServiceError`, and nothing is left open then."""
        return _deferred(self._start())

    def stop(self) -> Deferred[None]:
        """Hang up on everybody, save the state; fires when every socket is closed."""
        if self._stopped is None:
            self.systemd.stopping()
            self._stopped = _deferred(self._stop())
        return self._stopped

    def _folders(self) -> tuple[str, str]:
        settings = self.hypervisor.configuration.settings
        return settings.slices, settings.policies

    def _files_changed(self) -> None:
        if self.hypervisor.configuration.settings.watches_files:
            self.reloading.reload(FILES)

    async def _start(self) -> None:
        settings = self._configuration.settings
        self._ticking.start(TICK_SECONDS)
        if self._probing is not None:
            self._probing.start(PROBE_SECONDS)
        try:
            for method in settings.listen:
                self.datapath_ports.append(_port_of(await _listen(self.connections.listen, method)))
            for method in settings.admin:
                self.admin_ports.append(_port_of(await _listen(self._operators.listen, method)))
            self._begin_state()  # not before: another process that has the ports may also have the state
            if self._watching is not None:
                self._watching.start()
        except ServiceError:
            await self._close()
            raise

    async def _stop(self) -> None:
        await self._close()
        self._save()

    async def _close(self) -> None:
        await self._operators.stop()
        if self._watching is not None:
            self._watching.stop()
        self.reloading.stop()
        await self.connections.stop()
        self._journals.stop()
        for calls in (self._ticking, self._probing):
            if calls is not None and calls.running:
                calls.stop()

    def _begin_state(self) -> None:
        self._save()
        try:
            self._journals.begin(self.hypervisor.records_of)
        except OSError as error:
            raise ServiceError(f"the journals cannot be written: {error}") from error

    def _save(self) -> None:
        try:
            self._state.write(self.hypervisor.allocations)
        except OSError as error:
            raise ServiceError(f"{self._state.path} cannot be written: {error}") from error

    def _tick(self) -> None:
        self.systemd.alive()
        self._lag.came_round(self.connections.now())
        self.connections.tick()
        self.reloading.tick()
        self._operators.tick()
        self._journals.tick(time.time(), self.hypervisor.datapaths.keys())


def run_service(
    configuration: Configuration,
    base_directory: str | PathLike[str],
    *,
    main_file: Path | None = None,
    log_format: str = "text",
    log_level: str = "info",
) -> int:
    """Run until SIGTERM or SIGINT; return the exit status. SIGHUP has all files read anew.

    The state is in the folder that the main file names, seen from `base_directory`.
    """
    reactor = _running_reactor()
    observer = log_observer(sys.stderr, log_format=log_format, log_level=log_level)
    globalLogBeginner.beginLoggingTo([observer], redirectStandardIO=False)
    status = 0

    async def begin() -> None:
        nonlocal status
        try:
            folder = Path(base_directory, configuration.settings.state)
            service = Service(configuration, state_directory=folder, main_file=main_file, systemd=Systemd())
            await service.start()
            reactor.addSystemEventTrigger("before", "shutdown", service.stop)
            signal(SIGHUP, lambda *_: reactor.callFromThread(service.hang_up_signal))
            listening = _listening(configuration, service)
            service.systemd.ready(listening)
            print(f"flowvisor: {listening}", flush=True)
        except Exception as error:
            if not isinstance(error, ServiceError):
                Service.log.failure("", event="own_error")
            print(f"flowvisor: {error}", file=sys.stderr)
            status = 1
            reactor.stop()

    gc.set_threshold(*COLLECTOR_THRESHOLDS)
    reactor.callWhenRunning(lambda: _deferred(begin()))
    reactor.run()
    return status


def _listening(configuration: Configuration, service: Service) -> str:
    """What is printed when all is ready, with the ports that the system chose."""

    def real(method: ConnectionMethod, port: int) -> str:
        return str(evolve(method, port=port) if method.port is not None else method)

    methods = zip(configuration.settings.listen, service.datapath_ports, strict=True)
    datapaths = " ".join(real(method, port) for method, port in methods)
    admins = zip(configuration.settings.admin, service.admin_ports, strict=True)
    admin = " ".join(real(method, port) for method, port in admins)
    return f"listening for datapaths on {datapaths}, for operators on {admin}"


async def _listen(
    listen: Callable[[ConnectionMethod], Deferred[IListeningPort]], method: ConnectionMethod
) -> IListeningPort:
    try:
        return await listen(method)
    except CannotListenError as error:
        raise ServiceError(f"cannot listen on {method}: {error.socketError}") from error
    except (UnsupportedMethod, OSError) as error:
        raise ServiceError(f"cannot listen on {method}: {error}") from error


def _port_of(port: IListeningPort) -> int:
    return getattr(port.getHost(), "port", 0)  # a file has none


def _deferred(running: Coroutine[Deferred[Any], Any, None]) -> Deferred[None]:
    return Deferred.fromCoroutine(running)


def _running_reactor() -> Any:
    # Importing it makes one, which the world decides by the order of its imports; so not before it is needed.
    from twisted.internet import reactor

    return reactor
