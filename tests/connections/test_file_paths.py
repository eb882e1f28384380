"""A path in a file is seen from that file's folder."""

from pathlib import Path

import pytest
from attrs import evolve

from flowvisor.connections.file_paths import MAX_SOCKET_PATH_BYTES, resolve
from flowvisor.errors import ConfigurationError
from flowvisor.network.connection_method import ConnectionMethod, parse_connection_method
from flowvisor.network.tls_files import NamedFile, TlsFiles
from flowvisor.slices.slice import SwitchSettings
from tests.support.world import NOWHERE, a_slice, configuration, ports


def methods(*texts: str) -> tuple[ConnectionMethod, ...]:
    return tuple(evolve(parse_connection_method(text), place=NOWHERE) for text in texts)


def files(path: str) -> TlsFiles:
    return TlsFiles(ca=NamedFile(path, NOWHERE))


def test_every_path_is_seen_from_its_own_file() -> None:
    switches = {1: SwitchSettings(methods("punix:b", "ptcp:1"), files("own.pem"))}
    one = evolve(
        a_slice("one", ports(1)), controllers=methods("unix:a"), switches=switches, tls=files("../ca.pem")
    )
    plain = configuration(one)
    admin = methods("punix:admin")
    settings = evolve(
        plain.settings,
        listen=methods("punix:../x", "ptcp:2"),
        admin=admin,
        tokens="tokens.yaml",
        tls=files("/etc/ca.pem"),
    )

    resolved = resolve(evolve(plain, settings=settings), Path("/flow/visor"))

    assert [str(method) for method in resolved.settings.listen] == ["punix:/flow/x", "ptcp:2"]
    assert list(map(str, resolved.settings.admin)) == ["punix:/flow/visor/admin"]
    assert resolved.settings.tokens == "/flow/visor/tokens.yaml"
    assert resolved.settings.state == "/flow/visor/state"
    assert resolved.settings.tls == files("/etc/ca.pem")
    (its,) = resolved.slices
    assert its.tls == files("/flow/visor/ca.pem")
    assert [str(method) for method in its.controllers_of(1)] == [
        "unix:/flow/visor/slices/a",
        "punix:/flow/visor/slices/b",
        "ptcp:1",
    ]
    assert its.switches[1].tls == files("/flow/visor/slices/own.pem")


def test_a_path_that_no_socket_can_have_is_told_with_its_place() -> None:
    longest = "/" + (MAX_SOCKET_PATH_BYTES - 1) * "x"
    resolve(configuration(evolve(a_slice("one"), controllers=methods(f"unix:{longest}"))), Path("/"))
    too_long = configuration(evolve(a_slice("one"), controllers=methods(f"unix:{longest}x")))
    with pytest.raises(ConfigurationError, match="controllers: the path of a socket has"):
        resolve(too_long, Path("/"))
