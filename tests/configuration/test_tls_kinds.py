"""Who is shown which certificate."""

from __future__ import annotations

from attrs import evolve

from flowvisor.configuration.snapshot import Configuration
from flowvisor.configuration.tls_kinds import TlsKind, kind_of_datapaths, kind_of_switch, kinds
from flowvisor.network.certificate_pin import CertificatePin
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.network.tls_files import NamedFile, TlsFiles
from flowvisor.slices.slice import SwitchSettings
from tests.support.world import NOWHERE, a_slice, configuration


def files(**paths: str) -> TlsFiles:
    return TlsFiles(**{key: NamedFile(path, NOWHERE) for key, path in paths.items()})


MAIN = files(private_key="key", certificate="cert", ca="ca")
PIN = CertificatePin("cn", "leaf")
SSL = (parse_connection_method("ssl:a"),)
NO_PINS: frozenset[CertificatePin] = frozenset()


def everything() -> Configuration:
    own = SwitchSettings(tls=files(ca="switch-ca"))
    blue = evolve(a_slice("blue"), controllers=SSL, tls=files(ca="blue-ca"), switches={7: own})
    red = evolve(a_slice("red"), switches={7: SwitchSettings(controllers=SSL)})
    plain = configuration(blue, red, a_slice("unencrypted"))
    listen = (parse_connection_method("pssl:1"),)
    settings = evolve(plain.settings, tls=MAIN, listen=listen, certificates={1: (PIN,)})
    return evolve(plain, settings=settings)


def test_the_most_special_word_counts() -> None:
    of = everything()
    blue, red, unencrypted = of.slices
    assert kind_of_datapaths(of.settings) == TlsKind(MAIN, frozenset({PIN}))
    assert kind_of_switch(blue, 1, of.settings) == TlsKind(files(ca="blue-ca").over(MAIN), NO_PINS)
    assert kind_of_switch(blue, 7, of.settings) == TlsKind(files(ca="switch-ca").over(MAIN), NO_PINS)
    assert kind_of_switch(red, 1, of.settings) is None
    assert kind_of_switch(red, 7, of.settings) == TlsKind(MAIN, NO_PINS)
    assert kind_of_switch(unencrypted, 7, of.settings) is None


def test_each_is_named_after_whom_it_is_for() -> None:
    assert list(kinds(everything()).values()) == [
        "main",
        "blue",
        "blue 0000000000000007",
        "red 0000000000000007",
    ]


def test_without_tls_there_is_none() -> None:
    assert kinds(configuration(a_slice("blue"))) == {}
    unused = configuration(a_slice("blue"))
    assert kinds(evolve(unused, settings=evolve(unused.settings, tls=MAIN))) == {}
