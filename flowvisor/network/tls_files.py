"""Which files a TLS connection takes its key and its certificates from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import evolve, field, frozen

from flowvisor.errors import Place

TLS_KEYS: Final = ("private_key", "certificate", "ca")


@frozen
class NamedFile:
    """A file that the admin named at a place."""

    path: str
    place: Place = field(eq=False)


@frozen
class TlsFiles:
    """Our private key, our certificate (and its chain), and the authority of the peers; PEM, each."""

    private_key: NamedFile | None = None
    certificate: NamedFile | None = None
    ca: NamedFile | None = None

    @property
    def names_us(self) -> bool:
        """Is there a certificate that we can show?"""
        return self.private_key is not None and self.certificate is not None

    def over(self, general: TlsFiles | None) -> TlsFiles:
        """These, and for what they leave out the more general ones."""
        if general is None:
            return self
        return evolve(general, **{key: file for key in TLS_KEYS if (file := getattr(self, key)) is not None})

    def resolved(self, absolute: Callable[[str], str]) -> TlsFiles:
        """The same files by other paths."""
        named = {key: file for key in TLS_KEYS if (file := getattr(self, key)) is not None}
        return evolve(self, **{key: evolve(file, path=absolute(file.path)) for key, file in named.items()})
