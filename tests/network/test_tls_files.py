"""The files of a TLS connection: the more special word wins, file by file."""

from flowvisor.errors import Place
from flowvisor.network.tls_files import NamedFile, TlsFiles

HERE = Place("f", 1, 1)


def files(**paths: str) -> TlsFiles:
    return TlsFiles(**{key: NamedFile(path, HERE) for key, path in paths.items()})


GENERAL = files(private_key="key", certificate="cert", ca="ca")


def test_what_is_left_out_is_taken_from_the_general() -> None:
    assert files(ca="own").over(GENERAL) == files(private_key="key", certificate="cert", ca="own")
    assert files(ca="own").over(None) == files(ca="own")
    assert TlsFiles().over(GENERAL) == GENERAL


def test_we_have_a_name_where_key_and_certificate_are_named() -> None:
    assert GENERAL.names_us
    assert not files(ca="own").names_us


def test_paths_become_others_and_places_stay() -> None:
    resolved = files(ca="own").resolved(lambda path: f"/etc/{path}")
    assert resolved == files(ca="/etc/own")
    assert resolved.ca is not None
    assert resolved.ca.place == HERE
