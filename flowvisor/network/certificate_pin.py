"""Certificates as far as they matter here: who a peer says it is, and whom an entry of the admin's means."""

from __future__ import annotations

import re
from typing import Final

from attrs import frozen

SHA256: Final = "sha256"
COMMON_NAME: Final = "cn"
MAX_COMMON_NAME: Final = 64  # X.509's own bound, ub-common-name

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


@frozen
class PeerCertificate:
    """What is kept of a certificate that a peer has shown: its fingerprint, its names, and its end in Unix time."""

    sha256: str
    common_names: frozenset[str]
    expires_at: float


@frozen
class CertificatePin:
    """Which certificate is meant: exactly one by its fingerprint, or all with a common name."""

    kind: str
    value: str

    @property
    def is_exact(self) -> bool:
        """Does it mean one certificate and no other?"""
        return self.kind == SHA256

    def fits(self, certificate: PeerCertificate) -> bool:
        """Is it this one?"""
        return certificate.sha256 == self.value if self.is_exact else self.value in certificate.common_names

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}"


def parse_certificate_pin(text: str) -> CertificatePin:
    """Read `sha256:FINGERPRINT` (with colons or without) or `cn:NAME`; raises ValueError."""
    kind, colon, value = text.partition(":")
    if kind == SHA256 and colon:
        digest = value.lower().replace(":", "")
        if not _DIGEST.fullmatch(digest):
            raise ValueError(f'"{value}" is not a SHA-256 fingerprint, which has 64 hexadecimal digits')
        return CertificatePin(SHA256, digest)
    if kind == COMMON_NAME and colon:
        if not value or len(value) > MAX_COMMON_NAME:
            raise ValueError(f'"{value}" is not a common name, which has 1 to {MAX_COMMON_NAME} characters')
        return CertificatePin(COMMON_NAME, value)
    raise ValueError(f'"{text}" names no certificate; write sha256:FINGERPRINT or cn:NAME')
