"""Certificate authorities for tests, and what they sign: good, expired, and not yet valid."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

from attrs import frozen
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID
from OpenSSL import SSL
from OpenSSL.crypto import X509

from flowvisor.connections.certificates import described, fingerprint
from flowvisor.network.certificate_pin import PeerCertificate
from flowvisor.network.tls_files import NamedFile, TlsFiles
from tests.support.world import NOWHERE

DAY = datetime.timedelta(days=1)
NOW = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)


@frozen
class Owned:
    """A certificate, and the key that belongs to it."""

    certificate: x509.Certificate
    key: Any

    @property
    def peer(self) -> PeerCertificate:
        """What is told of it to whoever it is shown to."""
        return described(self.certificate)

    @property
    def certificate_pem(self) -> bytes:
        return self.certificate.public_bytes(Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def write(self, folder: Path, name: str, *, ca: Owned | None = None) -> TlsFiles:
        """Write it to files, with an authority for its peers."""
        (folder / f"{name}-key.pem").write_bytes(self.key_pem)
        (folder / f"{name}-cert.pem").write_bytes(self.certificate_pem)
        if ca is not None:
            (folder / f"{name}-ca.pem").write_bytes(ca.certificate_pem)
        return TlsFiles(
            private_key=NamedFile(str(folder / f"{name}-key.pem"), NOWHERE),
            certificate=NamedFile(str(folder / f"{name}-cert.pem"), NOWHERE),
            ca=None if ca is None else NamedFile(str(folder / f"{name}-ca.pem"), NOWHERE),
        )

    def context(self, authority: Owned | None) -> SSL.Context:
        """The context of a peer that shows this certificate, and believes this authority (or everybody)."""
        context = SSL.Context(SSL.TLS_METHOD)
        context.use_certificate(self.certificate)
        context.use_privatekey(self.key)
        if authority is not None:
            store = context.get_cert_store()
            assert store is not None
            store.add_cert(X509.from_cryptography(authority.certificate))
            context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, lambda *told: bool(told[4]))
        return context


def issue(
    name: str,
    issuer: Owned | None = None,
    *,
    days: tuple[int, int] = (-1, 30),
    is_authority: bool = False,
    key: Any = None,
) -> Owned:
    """A certificate from so many days before or after now until so many; signed by itself if by nobody else."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject if issuer is None else issuer.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW + days[0] * DAY)
        .not_valid_after(NOW + days[1] * DAY)
        .add_extension(x509.BasicConstraints(ca=is_authority, path_length=None), critical=True)
    )
    signed = builder.sign(key if issuer is None else issuer.key, SHA256())
    return Owned(signed, key)


def authority(name: str) -> Owned:
    """Somebody who signs."""
    return issue(name, is_authority=True)


def read_owned(certificate: Path, key: Path) -> Owned:
    """What another tool has made."""
    return Owned(
        x509.load_pem_x509_certificate(certificate.read_bytes()),
        load_pem_private_key(key.read_bytes(), None),
    )


def fingerprint_of(certificate: Path | bytes) -> str:
    """SHA-256 of a certificate in PEM in a file, or in DER."""
    if isinstance(certificate, Path):
        return fingerprint(x509.load_pem_x509_certificate(certificate.read_bytes()))
    return fingerprint(x509.load_der_x509_certificate(certificate))
