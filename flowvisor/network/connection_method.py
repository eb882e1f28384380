"""Connection methods in Open vSwitch's words: `tcp:HOST:PORT` calls somebody, `ptcp:PORT` listens."""

from __future__ import annotations

import ipaddress
import re
from typing import Final

from attrs import field, frozen

from flowvisor.errors import Place

OPENFLOW_PORT: Final = 6653  # IANA's
MAX_TCP_PORT: Final = 0xFFFF

ACTIVE_KINDS: Final = frozenset({"tcp", "ssl"})
PASSIVE_KINDS: Final = frozenset({"ptcp", "pssl"})
UNIX_KINDS: Final = frozenset({"unix", "punix"})
LOOPBACK: Final = ("localhost", "::1")
LOOPBACK_4: Final = re.compile(r"127(?:\.[0-9]{1,3}){3}")
EVERYWHERE: Final = (None, "0.0.0.0", "::")  # who listens there leaves its port to nobody else

# An address in brackets may have colons and a zone in it; a name or an IPv4 address has neither.
_HOST: Final = r"(?:\[(?P<v6>[^\]]*)\]|(?P<name>[^\[\]:]+))"
_ACTIVE: Final = re.compile(rf"{_HOST}(?::(?P<port>[^:]*))?")
_PASSIVE: Final = re.compile(rf"(?P<port>[^:\[\]]*)(?::{_HOST})?")
_LABEL: Final = re.compile(r"[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?")
_LONGEST_NAME: Final = 253
_ZONE: Final = re.compile(r"[\w.-]{1,15}", re.ASCII)  # an interface's name, at most IFNAMSIZ - 1


@frozen
class ConnectionMethod:
    """One connection method; `str` gives its canonical text.

    `host` is an address or a name without brackets; None with a passive kind means all addresses, and a
    passive port of 0 means one that the system chooses. `unix` and `punix` have a `path` and nothing else.
    `place` is where the admin wrote it, if he did; it makes no difference.
    """

    kind: str
    host: str | None = None
    port: int | None = None
    path: str | None = None
    place: Place | None = field(default=None, eq=False)

    @property
    def is_passive(self) -> bool:
        """Does it listen?"""
        return self.kind in ("ptcp", "pssl", "punix")

    @property
    def uses_tls(self) -> bool:
        """Is it encrypted?"""
        return self.kind in ("ssl", "pssl")

    @property
    def is_private(self) -> bool:
        """Can nobody between the two ends read along: is it encrypted, or within this machine?"""
        if self.uses_tls or self.path is not None:
            return True
        return self.host is not None and (
            self.host in LOOPBACK or LOOPBACK_4.fullmatch(self.host) is not None
        )

    def excludes(self, other: ConnectionMethod) -> bool:
        """Can only one of the two be listened on, because both mean the same place?"""
        if not self.is_passive or not other.is_passive:
            return False
        if self.path is not None or other.path is not None:
            return self.path == other.path
        if self.port != other.port or not self.port:
            return False
        return self.host == other.host or self.host in EVERYWHERE or other.host in EVERYWHERE

    def __str__(self) -> str:
        if self.path is not None:
            return f"{self.kind}:{self.path}"
        host = f"[{self.host}]" if self.host is not None and ":" in self.host else self.host
        if not self.is_passive:
            return f"{self.kind}:{host}:{self.port}"
        return f"{self.kind}:{self.port}" if host is None else f"{self.kind}:{self.port}:{host}"


def parse_connection_method(text: str, default_port: int = OPENFLOW_PORT) -> ConnectionMethod:
    """Read `tcp:HOST[:PORT]`, `ssl:`, `unix:FILE`, `ptcp:[PORT][:HOST]`, `pssl:`, `punix:FILE`.

    Raises ValueError with a sentence for the person who wrote it.
    """
    kind, colon, rest = text.partition(":")
    if kind in UNIX_KINDS:
        if not rest or "\0" in rest:
            raise ValueError(f'"{text}" names no file; write {kind}:FILE')
        return ConnectionMethod(kind=kind, path=rest)
    if kind in ACTIVE_KINDS and colon:
        return _read_internet(text, f"{kind}:HOST[:PORT]", _ACTIVE.fullmatch(rest), default_port)
    if kind in PASSIVE_KINDS and colon:
        return _read_internet(text, f"{kind}:[PORT][:HOST]", _PASSIVE.fullmatch(rest), default_port)
    kinds = "tcp:, ssl:, unix:, ptcp:, pssl: or punix:"
    raise ValueError(f'"{text}" is not a connection method; it begins with {kinds}')


def _read_internet(text: str, form: str, found: re.Match[str] | None, default_port: int) -> ConnectionMethod:
    if found is None:
        raise ValueError(f'"{text}" is not {form}; an IPv6 address stands in [brackets]')
    kind = form.partition(":")[0]
    port = _port(found["port"], text, lowest=0 if kind in PASSIVE_KINDS else 1, default=default_port)
    host: str | None = None
    if found["v6"] is not None:
        host = _ipv6(found["v6"], text)
    elif found["name"] is not None:
        host = _name_or_ipv4(found["name"], text)
    return ConnectionMethod(kind=kind, host=host, port=port)


def _port(digits: str | None, text: str, *, lowest: int, default: int) -> int:
    if not digits:
        return default
    if not re.fullmatch("[0-9]{1,5}", digits) or not lowest <= int(digits) <= MAX_TCP_PORT:
        hint = _hint_at_the_other_order(text, digits)
        raise ValueError(
            f'"{text}": the port is a number from {lowest} to {MAX_TCP_PORT}, not "{digits}"{hint}'
        )
    return int(digits)


def _hint_at_the_other_order(text: str, digits: str) -> str:
    if text.startswith("p") and re.search(r"[a-z.]", digits):
        return "; in a passive method the port stands before the host"
    return ""


def _ipv6(address: str, text: str) -> str:
    bare, percent, zone = address.partition("%")
    try:
        parsed = ipaddress.IPv6Address(bare)
    except ValueError as error:
        raise ValueError(f'"{text}": "{address}" is not an IPv6 address') from error
    if percent and not _ZONE.fullmatch(zone):
        raise ValueError(f'"{text}": "{zone}" is not a network interface')
    return f"{parsed}{percent}{zone}"


def _name_or_ipv4(name: str, text: str) -> str:
    labels = name.lower().removesuffix(".").split(".")
    # No top-level domain is a number: what ends in one was meant as an address.
    if labels[-1].isdigit():
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError as error:
            raise ValueError(f'"{text}": "{name}" is not an IPv4 address') from error
    if len(name) > _LONGEST_NAME or not all(_LABEL.fullmatch(label) for label in labels):
        raise ValueError(f'"{text}": "{name}" is neither an address nor a host name')
    return name.lower()
