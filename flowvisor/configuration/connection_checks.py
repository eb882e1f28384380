"""Whether the connections that all files together ask for can be: places to listen, keys to show."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

from attrs import frozen

from flowvisor.configuration.snapshot import Settings
from flowvisor.errors import Problem
from flowvisor.network.connection_method import ConnectionMethod
from flowvisor.network.dpid import format_dpid
from flowvisor.network.tls_files import TlsFiles
from flowvisor.slices.slice import Slice


@frozen
class _Written:
    """A connection method, under which key it stands, and what it would be encrypted with."""

    method: ConnectionMethod
    key: str
    tls: TlsFiles | None = None
    peers_are_pinned: bool = False  # each by its own fingerprint, so that no authority is needed

    def __str__(self) -> str:
        place = f" in {self.method.place}" if self.method.place is not None else ""
        return f"{self.method}{place} ({self.key})"

    def problem(self, message: str, suggestion: str = "") -> Problem:
        assert self.method.place is not None  # only our own default has none, and nothing is wrong with it
        return Problem(self.method.place, key=self.key, message=message, suggestion=suggestion)


def connection_problems(settings: Settings, slices: Sequence[Slice]) -> Iterator[Problem]:
    """Everything that cannot be."""
    pins = [pin for pins in settings.certificates.values() for pin in pins]
    are_pinned = any(pin.is_exact for pin in pins)
    written = [_Written(method, "listen", settings.tls, are_pinned) for method in settings.listen]
    # Told of as the first of two: it may be our default. Its clients show tokens, and no certificates.
    written[:0] = [_Written(method, "admin", settings.tls, True) for method in settings.admin]
    for one in slices:
        written += _of_slice(one, settings.tls)
        yield from _switch_problems(one, settings)
        yield from _pin_problems(one)
    yield from _taken_twice(written)
    for each in written:
        yield from _missing_keys(each)
    if pins and not any(method.uses_tls for method in settings.listen):
        message = "datapaths are to show certificates, but all of these are without TLS"
        yield written[len(settings.admin)].problem(message, "add pssl:PORT")


def _of_slice(one: Slice, general: TlsFiles | None) -> Iterator[_Written]:
    is_pinned = any(pin.is_exact for pin in one.controller_certificates)
    files = one.tls.over(general) if one.tls is not None else general
    for method in one.controllers:
        yield _Written(method, "controllers", files, is_pinned)
    for dpid, switch in one.switches.items():
        for method in switch.controllers:
            yield _Written(method, "controllers", one.tls_of(dpid, general), is_pinned)


def _switch_problems(one: Slice, settings: Settings) -> Iterator[Problem]:
    """Virtual switches that there are not, and those that would have to share what they cannot share."""
    names = {dpid: name for name, dpid in settings.datapaths.items()}
    for dpid, switch in one.switches.items():
        name = names.get(dpid, format_dpid(dpid))
        if not one.has_switch(dpid):
            yield Problem(one.place, key="switches", message=f"no rule of the slice is about {name}")
        for method in switch.controllers:
            if method in one.controllers:
                message = f"{method} is a controller of the whole slice already"
                yield _Written(method, "controllers").problem(message)
    if one.has_one_switch:
        return
    for method in one.controllers:
        if method.is_passive and method.port != 0:
            message = f"{method} would be needed by several virtual switches, which cannot share it"
            suggestion = f"write switches: {{DATAPATH: {{controllers: [{method}]}}}}, or port 0"
            yield _Written(method, "controllers").problem(message, suggestion)


def _pin_problems(one: Slice) -> Iterator[Problem]:
    if not one.controller_certificates:
        return
    for each in _of_slice(one, None):
        if not each.method.uses_tls:
            message = f"{each.method} shows no certificate, and controller_certificate asks for one"
            yield each.problem(message, "use ssl: or pssl:")


def _taken_twice(written: Iterable[_Written]) -> Iterator[Problem]:
    by_number = defaultdict(list)  # only these need to be compared with each other
    for each in written:
        if each.method.is_passive:
            by_number[each.method.port, each.method.path].append(each)
    for alike in by_number.values():
        for first, second in combinations(alike, 2):
            if first.method.excludes(second.method):
                yield second.problem(f"{second.method} is taken by {first}")
                break


def _missing_keys(each: _Written) -> Iterator[Problem]:
    if not each.method.uses_tls:
        return
    if each.tls is None or not each.tls.names_us:
        message = f"{each.method} needs a private key and a certificate"
        yield each.problem(message, "write tls: {private_key: FILE, certificate: FILE, ca: FILE}")
    elif each.tls.ca is None and not each.peers_are_pinned:
        message = f"{each.method} needs to know who signs its peers' certificates"
        yield each.problem(message, "write ca: FILE under tls")
