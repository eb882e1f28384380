"""Keys and certificates are taken anew when their files change, and only if they are good."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve
from twisted.logger import LogEvent, globalLogPublisher

from flowvisor.configuration.snapshot import Configuration
from flowvisor.connections.keyring import LOOK_SECONDS, READS_PER_TICK, Keyring
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.slices.slice import SwitchSettings
from tests.support.certificates import Owned, authority, issue
from tests.support.shell import Shell
from tests.support.world import a_slice, configuration, ports

CA = authority("ca")
FIRST, SECOND = issue("first", CA), issue("second", CA)


@pytest.fixture
def told() -> Iterator[list[LogEvent]]:
    events: list[LogEvent] = []

    def keep(event: LogEvent) -> None:
        if str(event.get("event")).startswith("certificates_"):
            events.append(event)

    globalLogPublisher.addObserver(keep)
    yield events
    globalLogPublisher.removeObserver(keep)


def files(folder: Path, **of_slice: Any) -> Configuration:
    tls = FIRST.write(folder, "main", ca=CA)
    methods = (parse_connection_method("ssl:127.0.0.1:6801"),)
    plain = configuration(evolve(a_slice("blue", ports(1)), controllers=methods, **of_slice))
    listen = (parse_connection_method("pssl:6653"),)
    return evolve(plain, settings=evolve(plain.settings, tls=tls, listen=listen))


def write(folder: Path, owned: Owned, name: str = "main") -> None:
    owned.write(folder, name, ca=CA)


def test_without_tls_it_is_empty() -> None:
    keyring = Keyring(configuration(a_slice("blue")))
    assert keyring.by_name == {}
    assert keyring.of_datapaths() is None
    assert keyring.of_switch(a_slice("blue"), 1) is None


def test_those_who_are_shown_the_same_share_it(tmp_path: Path) -> None:
    own = SwitchSettings(tls=SECOND.write(tmp_path, "own"))
    of = files(tmp_path, switches={7: own})
    keyring = Keyring(of)
    (blue,) = of.slices
    assert list(keyring.by_name) == ["main", "blue 0000000000000007"]
    assert keyring.of_switch(blue, 1) is keyring.of_datapaths() is keyring.by_name["main"]
    special = keyring.of_switch(blue, 7)
    assert special is not None
    assert special.identity.certificate == SECOND.certificate


def test_changed_files_are_read_after_a_while(tmp_path: Path, told: list[LogEvent]) -> None:
    keyring = Keyring(files(tmp_path))
    keyring.tick(1000.0)
    write(tmp_path, SECOND)
    keyring.tick(1000.0 + LOOK_SECONDS - 1)
    credentials = keyring.by_name["main"]
    assert credentials.identity.certificate == FIRST.certificate
    keyring.tick(1000.0 + LOOK_SECONDS)
    assert credentials.identity.certificate == SECOND.certificate
    keyring.tick(1000.0 + 2 * LOOK_SECONDS)  # nothing has changed since
    assert [(event["event"], event["name"]) for event in told] == [("certificates_read", "main")]


def test_a_bad_file_leaves_what_was_and_is_told_once(tmp_path: Path, told: list[LogEvent]) -> None:
    keyring = Keyring(files(tmp_path))
    credentials = keyring.by_name["main"]
    (tmp_path / "main-cert.pem").write_bytes(SECOND.certificate_pem)  # and still the first one's key
    keyring.look()
    keyring.look()
    assert credentials.identity.certificate == FIRST.certificate
    assert keyring.are_good == {"main": False}
    assert [event["event"] for event in told] == ["certificates_kept"]
    assert "is not the key of" in told[0]["reason"]
    write(tmp_path, SECOND)
    keyring.look()
    assert keyring.are_good == {"main": True}
    assert credentials.identity.certificate == SECOND.certificate


def test_a_file_that_is_gone_is_a_bad_one(tmp_path: Path) -> None:
    keyring = Keyring(files(tmp_path))
    (tmp_path / "main-ca.pem").unlink()
    keyring.look()
    assert keyring.are_good == {"main": False}


def test_when_told_everything_is_read_whatever_the_files_times_say(tmp_path: Path) -> None:
    keyring = Keyring(files(tmp_path))
    keyring.look()
    path = tmp_path / "main-ca.pem"
    before = os.stat(path)
    path.write_bytes(path.read_bytes() + CA.certificate_pem)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    keyring.look(at_all=True)
    assert len(keyring.by_name["main"].identity.authorities) == 2


def test_many_are_read_a_few_at_a_time(tmp_path: Path) -> None:
    of = files(tmp_path)
    slices = []
    for number in range(2 * READS_PER_TICK):
        tls = FIRST.write(tmp_path, f"slice-{number}", ca=CA)
        slices.append(evolve(of.slices[0], name=f"slice-{number}", tls=tls))
    keyring = Keyring(evolve(of, slices=tuple(slices)))
    before = {name: one.identity for name, one in keyring.by_name.items()}

    def read_anew() -> int:
        return sum(one.identity is not before[name] for name, one in keyring.by_name.items())

    keyring.tick(1000.0)
    assert read_anew() == 0
    keyring.look(at_all=True)
    assert read_anew() == READS_PER_TICK
    keyring.tick(1001.0)
    assert read_anew() == 2 * READS_PER_TICK
    keyring.tick(1002.0)
    assert read_anew() == 2 * READS_PER_TICK + 1


def test_channels_that_are_up_stay_and_new_ones_are_made_with_the_new(tmp_path: Path) -> None:
    shell = Shell(files(tmp_path))
    shell.connections.listen(parse_connection_method("pssl:6653"))
    factory = shell.reactor.tcpServers[0][1]
    old = issue("leaf", CA).context(CA)
    first = shell.datapath(1, context=old, factory=factory)
    new_ca = authority("new ca")
    issue("third", new_ca).write(tmp_path, "main", ca=new_ca)
    shell.connections.keyring.look()
    shell.pass_time(3)
    assert first.is_connected
    assert not shell.datapath(2, context=old, factory=factory).is_connected
    context = issue("leaf-3", new_ca).context(new_ca)
    assert shell.datapath(3, context=context, factory=factory).is_connected
    assert set(shell.hypervisor.datapaths) == {1, 3}


def test_operators_are_shown_ours_and_asked_for_none(tmp_path: Path) -> None:
    of = files(tmp_path)
    assert Keyring(of).of_operators() is None
    admin = (parse_connection_method("pssl:8443"),)
    keyring = Keyring(evolve(of, settings=evolve(of.settings, admin=admin)))
    operators = keyring.of_operators()
    assert operators is keyring.by_name["admin"] is not keyring.of_datapaths()
    assert operators is not None
    assert operators.identity.certificate == FIRST.certificate
