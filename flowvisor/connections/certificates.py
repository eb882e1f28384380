"""Private keys and certificates in PEM files, and what is told of the certificates that peers show."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from attrs import frozen
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key
from cryptography.x509 import Certificate, load_pem_x509_certificates
from cryptography.x509.oid import NameOID
from OpenSSL import SSL

from flowvisor.errors import ConfigurationError, Problem
from flowvisor.network.certificate_pin import PeerCertificate
from flowvisor.network.tls_files import NamedFile, TlsFiles

MAX_PEM_BYTES: Final = 1 << 20  # of one file; what is longer is no key and no certificate


@frozen
class Identity:
    """Who we are to a peer, and whom we believe: what the files of a TLS connection hold."""

    private_key: Any
    certificate: Certificate
    chain: tuple[Certificate, ...]
    authorities: tuple[Certificate, ...]

    @property
    def expires_at(self) -> float:
        """When our certificate ends, in Unix time."""
        return self.certificate.not_valid_after_utc.timestamp()


def read_identity(files: TlsFiles) -> Identity:
    """Read all files of a connection; raises ConfigurationError with everything that is wrong with them."""
    assert files.private_key is not None
    assert files.certificate is not None
    problems: list[Problem] = []
    key = _read(files.private_key, "private_key", _private_key, problems)
    certificates = _read(files.certificate, "certificate", _certificates, problems)
    authorities = () if files.ca is None else _read(files.ca, "ca", _certificates, problems)
    if (
        key
        and certificates
        and _public_bytes(key.public_key()) != _public_bytes(certificates[0].public_key())
    ):
        message = f"{files.private_key.path} is not the key of {files.certificate.path}"
        problems.append(Problem(files.private_key.place, key="private_key", message=message))
    if not problems and (refusal := _refusal(key, certificates[0])):
        message = f"{files.certificate.path} is refused by OpenSSL: {refusal}"
        problems.append(Problem(files.certificate.place, key="certificate", message=message))
    if problems:
        raise ConfigurationError(problems)
    return Identity(key, certificates[0], chain=certificates[1:], authorities=authorities)


def _refusal(key: Any, certificate: Certificate) -> str | None:
    """What OpenSSL has against these, for example that the key is short."""
    context = SSL.Context(SSL.TLS_METHOD)
    try:
        context.use_certificate(certificate)
        context.use_privatekey(key)
    except (SSL.Error, TypeError) as error:
        return said_by(error)
    return None


def described(certificate: Certificate) -> PeerCertificate:
    """What matters of a peer's certificate."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return PeerCertificate(
        sha256=fingerprint(certificate),
        common_names=frozenset(str(name.value) for name in names),
        expires_at=certificate.not_valid_after_utc.timestamp(),
    )


def fingerprint(certificate: Certificate) -> str:
    """SHA-256 over the whole certificate, in hexadecimal digits."""
    return certificate.fingerprint(SHA256()).hex()


def said_by(error: BaseException) -> str:
    """OpenSSL's own words."""
    queue = error.args[0] if error.args else ""
    parts = (
        [str(part[-1]) for part in queue] if isinstance(queue, list) else [str(part) for part in error.args]
    )
    return ", ".join(part for part in parts if part) or "no reason"


def _read(file: NamedFile, key: str, parse: Any, problems: list[Problem]) -> Any:
    """What the file holds, or None and a problem more."""
    try:
        with Path(file.path).open("rb") as stream:
            contents = stream.read(MAX_PEM_BYTES + 1)
    except OSError as error:
        message = f"{file.path} cannot be read: {error.strerror}"
    else:
        if len(contents) <= MAX_PEM_BYTES:
            try:
                return parse(contents)
            except ValueError as error:
                message = f"{file.path} {error}"
        else:
            message = f"{file.path} has more than {MAX_PEM_BYTES} bytes"
    problems.append(Problem(file.place, key=key, message=message))
    return None


def _private_key(contents: bytes) -> Any:
    try:
        return load_pem_private_key(contents, None)
    except TypeError as error:
        raise ValueError("is encrypted, and there is nobody to ask for the password") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise ValueError("holds no private key in PEM") from error


def _certificates(contents: bytes) -> tuple[Certificate, ...]:
    try:
        return tuple(load_pem_x509_certificates(contents))
    except ValueError as error:
        raise ValueError("holds no certificate in PEM") from error


def _public_bytes(key: Any) -> bytes:
    encoded: bytes = key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return encoded
