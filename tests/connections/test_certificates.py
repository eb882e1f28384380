"""PEM files: what is in them, or why it is not what it should be, with the place where they are named."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from flowvisor.connections.certificates import MAX_PEM_BYTES, described, read_identity, said_by
from flowvisor.errors import ConfigurationError, Place
from flowvisor.network.tls_files import NamedFile, TlsFiles
from tests.support.certificates import Owned, authority, issue

CA = authority("somebody who signs")
US = issue("sc id:4711", CA)
OTHER = issue("other", CA)


@pytest.fixture
def files(tmp_path: Path) -> TlsFiles:
    return US.write(tmp_path, "us", ca=CA)


def told(files: TlsFiles) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        read_identity(files)
    return [f"{problem.place} {problem.key}: {problem.message}" for problem in caught.value.problems]


def path_of(file: NamedFile | None) -> Path:
    assert file is not None
    return Path(file.path)


def test_good_files_are_read(files: TlsFiles) -> None:
    identity = read_identity(files)
    assert identity.certificate == US.certificate
    assert identity.authorities == (CA.certificate,)
    assert identity.chain == ()
    assert identity.expires_at == US.peer.expires_at
    assert read_identity(evolve(files, ca=None)).authorities == ()


def test_a_chain_stands_behind_the_certificate(files: TlsFiles) -> None:
    path_of(files.certificate).write_bytes(US.certificate_pem + CA.certificate_pem)
    path_of(files.ca).write_bytes(CA.certificate_pem + OTHER.certificate_pem)
    identity = read_identity(files)
    assert identity.certificate == US.certificate
    assert identity.chain == (CA.certificate,)
    assert identity.authorities == (CA.certificate, OTHER.certificate)


def encrypted() -> bytes:
    return US.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret"))


@pytest.mark.parametrize(
    ("key", "contents", "message"),
    [
        ("private_key", None, "cannot be read: No such file or directory"),
        ("certificate", None, "cannot be read: No such file or directory"),
        ("ca", None, "cannot be read: No such file or directory"),
        ("private_key", b"", "holds no private key in PEM"),
        ("private_key", US.certificate_pem, "holds no private key in PEM"),
        ("private_key", encrypted(), "is encrypted, and there is nobody to ask for the password"),
        ("private_key", OTHER.key_pem, "is not the key of "),
        ("certificate", b"\xff\xfe", "holds no certificate in PEM"),
        ("certificate", US.key_pem, "holds no certificate in PEM"),
        (
            "ca",
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
            "holds no certificate in PEM",
        ),
        ("ca", bytes(MAX_PEM_BYTES + 1), f"has more than {MAX_PEM_BYTES} bytes"),
    ],
)
def test_what_is_wrong_is_told_with_its_place(
    files: TlsFiles, key: str, contents: bytes | None, message: str
) -> None:
    file: NamedFile = getattr(files, key)
    if contents is None:
        path_of(file).unlink()
    else:
        path_of(file).write_bytes(contents)
    placed = evolve(files, **{key: evolve(file, place=Place("flowvisor.yaml", 7, 3))})
    (complaint,) = told(placed)
    assert complaint.startswith(f"flowvisor.yaml:7:3 {key}: {file.path} {message}")


def test_everything_that_is_wrong_is_told_at_once(files: TlsFiles) -> None:
    for file in (files.private_key, files.certificate, files.ca):
        path_of(file).write_bytes(b"nothing")
    assert len(told(files)) == 3


def test_a_key_that_openssl_finds_too_short_is_told(tmp_path: Path) -> None:
    weak = Owned(US.certificate, rsa.generate_private_key(65537, 1024))
    signed = issue("weak", CA, key=weak.key)
    (complaint,) = told(signed.write(tmp_path, "weak", ca=CA))
    assert "certificate: " in complaint
    assert "is refused by OpenSSL: ee key too small" in complaint


def test_what_matters_of_a_peers_certificate_is_kept() -> None:
    peer = described(US.certificate)
    assert peer.common_names == {"sc id:4711"}
    assert len(peer.sha256) == 64
    assert peer.expires_at == US.certificate.not_valid_after_utc.timestamp()


def test_openssls_words_are_its_last_ones() -> None:
    assert said_by(ValueError([("a", "b", "c"), ("d", "", "e")])) == "c, e"
    assert said_by(ValueError("text", 1)) == "text, 1"
    assert said_by(ValueError()) == "no reason"
    assert said_by(ValueError([])) == "no reason"
