"""Who is shown which certificate: the keys that connections need, those alike only once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from attrs import frozen

from flowvisor.configuration.snapshot import Configuration, Settings
from flowvisor.network.certificate_pin import CertificatePin
from flowvisor.network.dpid import format_dpid
from flowvisor.network.tls_files import TlsFiles
from flowvisor.slices.slice import Slice

MAIN: Final = "main"  # what the main file's own keys are called
ADMIN: Final = "admin"  # and those of the admin's address
ANY_DPID: Final = -1  # of which no slice says anything in particular


@frozen
class TlsKind:
    """Files, and the peers' certificates that are believed whoever has signed them; operators need not show any."""

    files: TlsFiles
    pins: frozenset[CertificatePin]
    asks_for_certificates: bool = True


def kinds(configuration: Configuration) -> dict[TlsKind, str]:
    """Every kind that any connection needs, and whose it is first: `main`, a slice's, or one virtual switch's."""
    found: dict[TlsKind, str] = {}
    for name, kind in _named(configuration):
        if kind is not None:
            found.setdefault(kind, name)
    return found


def kind_of_datapaths(settings: Settings) -> TlsKind | None:
    """What datapaths are shown; None without TLS."""
    if settings.tls is None or not any(method.uses_tls for method in settings.listen):
        return None
    return TlsKind(settings.tls, frozenset(pin for pins in settings.certificates.values() for pin in pins))


def kind_of_operators(settings: Settings) -> TlsKind | None:
    """What operators are shown, who show a token and no certificate; None without TLS."""
    if settings.tls is None or not any(method.uses_tls for method in settings.admin):
        return None
    return TlsKind(settings.tls, frozenset(), asks_for_certificates=False)


def kind_of_switch(one: Slice, dpid: int, settings: Settings) -> TlsKind | None:
    """What the controllers of a virtual switch are shown; None without TLS."""
    files = one.tls_of(dpid, settings.tls)
    if files is None or not any(method.uses_tls for method in one.controllers_of(dpid)):
        return None
    return TlsKind(files, frozenset(one.controller_certificates))


def _named(configuration: Configuration) -> Iterator[tuple[str, TlsKind | None]]:
    settings = configuration.settings
    yield MAIN, kind_of_datapaths(settings)
    yield ADMIN, kind_of_operators(settings)
    for one in configuration.slices:
        yield one.name, kind_of_switch(one, ANY_DPID, settings)
        for dpid in one.switches:
            yield f"{one.name} {format_dpid(dpid)}", kind_of_switch(one, dpid, settings)
