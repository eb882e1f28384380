"""The paths in the admin's files, made absolute: each is seen from the folder of the file that it stands in."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import evolve

from flowvisor.configuration.snapshot import Configuration
from flowvisor.errors import ConfigurationError, Place, Problem
from flowvisor.network.connection_method import ConnectionMethod
from flowvisor.slices.slice import Slice, SwitchSettings

MAX_SOCKET_PATH_BYTES: Final = 107  # sun_path of unix(7), less the zero at its end

Absolute = Callable[[str], str]


def resolve(configuration: Configuration, base: Path) -> Configuration:
    """The configuration with absolute paths; `base` is the main file's folder.

    Raises ConfigurationError for a socket whose path is longer than the system takes.
    """

    def absolute(path: str) -> str:
        return os.path.normpath(base / path)

    settings = evolve(
        configuration.settings,
        state=absolute(configuration.settings.state),
        slices=absolute(configuration.settings.slices),
        policies=absolute(configuration.settings.policies),
        listen=_methods(configuration.settings.listen, absolute),
        admin=_methods(configuration.settings.admin, absolute),
        tokens=configuration.settings.tokens and absolute(configuration.settings.tokens),
        tls=configuration.settings.tls and configuration.settings.tls.resolved(absolute),
    )
    slices = tuple(_slice(one, Path(settings.slices)) for one in configuration.slices)
    resolved = evolve(configuration, settings=settings, slices=slices)
    if problems := _too_long(resolved):
        raise ConfigurationError(problems)
    return resolved


def _slice(one: Slice, folder: Path) -> Slice:
    def absolute(path: str) -> str:
        return os.path.normpath(folder / path)

    switches = {
        dpid: SwitchSettings(
            _methods(switch.controllers, absolute), switch.tls and switch.tls.resolved(absolute)
        )
        for dpid, switch in one.switches.items()
    }
    controllers = _methods(one.controllers, absolute)
    return evolve(one, controllers=controllers, switches=switches, tls=one.tls and one.tls.resolved(absolute))


def _methods(methods: tuple[ConnectionMethod, ...], absolute: Absolute) -> tuple[ConnectionMethod, ...]:
    return tuple(_method(method, absolute) for method in methods)


def _method(method: ConnectionMethod, absolute: Absolute) -> ConnectionMethod:
    return method if method.path is None else evolve(method, path=absolute(method.path))


def _too_long(configuration: Configuration) -> list[Problem]:
    keyed = [(method, "listen") for method in configuration.settings.listen]
    keyed += [(method, "admin") for method in configuration.settings.admin]
    for one in configuration.slices:
        of_switches = (method for switch in one.switches.values() for method in switch.controllers)
        keyed += [(method, "controllers") for method in (*one.controllers, *of_switches)]
    return [
        Problem(
            method.place or Place("", 1, 1),
            key=key,
            message=f"the path of a socket has at most {MAX_SOCKET_PATH_BYTES} bytes, not {size}: {method.path}",
        )
        for method, key in keyed
        if method.path is not None and (size := len(os.fsencode(method.path))) > MAX_SOCKET_PATH_BYTES
    ]
