"""When certificates end, and whether ours could be read."""

from __future__ import annotations

from pathlib import Path

from attrs import evolve

from flowvisor.admin.tls_metrics import tls_metrics
from flowvisor.network.connection_method import parse_connection_method
from tests.support.certificates import authority, issue
from tests.support.shell import Shell
from tests.support.world import a_slice, configuration, ports

EXPIRY = "flowvisor_tls_certificate_expiry_timestamp_seconds"
RELOAD = "flowvisor_tls_last_reload_successful"


def samples(shell: Shell, name: str) -> dict[tuple[str, ...], float]:
    return {
        tuple(sample.labels.values()): sample.value
        for family in tls_metrics(shell.connections)
        for sample in family.samples
        if sample.name == name
    }


def test_there_is_none_without_tls() -> None:
    shell = Shell()
    shell.datapath()
    assert samples(shell, EXPIRY) == samples(shell, RELOAD) == {}


def test_our_own_and_those_of_connected_peers_are_told(tmp_path: Path) -> None:
    ca = authority("ca")
    own, leaf = issue("us", ca, days=(-1, 10)), issue("leaf", ca, days=(-1, 20))
    soon, later = issue("soon", ca, days=(-1, 30)), issue("later", ca, days=(-1, 40))
    waiting = (parse_connection_method("pssl:16801"),)
    plain = configuration(evolve(a_slice("blue", ports(1)), controllers=waiting))
    listen = (parse_connection_method("pssl:6653"),)
    settings = evolve(plain.settings, tls=own.write(tmp_path, "main", ca=ca), listen=listen)
    shell = Shell(evolve(plain, settings=settings))
    shell.connections.listen(listen[0])
    datapath = shell.datapath(context=leaf.context(ca), factory=shell.reactor.tcpServers[0][1])
    for controller in (later, soon):
        shell.caller(1, context=controller.context(ca))
    assert samples(shell, EXPIRY) == {
        ("own", "main"): own.peer.expires_at,
        ("datapath", "0000000000000001"): leaf.peer.expires_at,
        ("controller", "blue pssl:16801"): soon.peer.expires_at,
    }
    assert samples(shell, RELOAD) == {("main",): 1.0}
    datapath.hang_up()
    (tmp_path / "main-cert.pem").unlink()
    shell.connections.keyring.look()
    shell.settle()
    assert set(samples(shell, EXPIRY)) == {("own", "main")}
    assert samples(shell, RELOAD) == {("main",): 0.0}
