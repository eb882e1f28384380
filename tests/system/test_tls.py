"""TLS on both sides of real switches and controllers: certificates of ovs-pki and of others, good and wrong."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.support.certificates import authority, fingerprint_of, issue
from tests.system.support.controllers import Controller
from tests.system.support.flowvisor import HOST, Flowvisor, Ports
from tests.system.support.network import BRIDGES, Layout, Network
from tests.system.support.ofctl import Ofctl
from tests.system.support.pki import Keys, Pki
from tests.system.support.processes import wait_until

PSSL, PTCP = 6654, Ports().datapaths
CONTROLLERS = {"one": ("ovs-testcontroller", 6801), "two": ("os-ken", 6802)}
DIAL_IN = 16802
FLOWSPACE = {"one": [1, 2, 11], "two": [3, 4]}
ENCRYPTED, PLAIN = f"ssl:{HOST}:{PSSL}", f"tcp:{HOST}:{PTCP}"


@attrs.define
class Place:
    """leaf-1 behind TLS with a certificate that is its own, spine-1 beside it without; controllers with TLS."""

    folder: Path
    pki: Pki
    network: Network
    flowvisor: Flowvisor
    controllers: dict[str, Controller]
    own: Keys  # the copy that flowvisor reads

    def failures(self, reason: str) -> float:
        return self.flowvisor.metric("switch_handshake_failures_total", reason=reason)

    def controller_failures(self, slice_name: str, reason: str) -> float:
        return self.flowvisor.metric("controller_connect_failures_total", slice=slice_name, reason=reason)

    def show_certificate(self, keys: Keys) -> None:
        """Give the switches these files."""
        self.network.switch.vsctl("set-ssl", str(keys.private_key), str(keys.certificate), str(keys.ca))

    def connect(self, keys: Keys | None) -> ssl.SSLSocket:
        """Shake hands with flowvisor as some program would, with a certificate or without."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        if keys is not None:
            context.load_cert_chain(keys.certificate, keys.private_key)
        plain = self.network.namespace.socket(socket.AF_INET, socket.SOCK_STREAM)
        plain.settimeout(5)
        plain.connect((HOST, PSSL))
        return context.wrap_socket(plain)


def slice_of(name: str, pki: Pki) -> dict[str, Any]:
    rules = [{"datapaths": ["leaf-1", "spine-1"], "priority": 100, "match": {"in_port": FLOWSPACE[name]}}]
    described: dict[str, Any] = {
        "kind": "flowspace",
        "name": name,
        "controllers": [f"ssl:{HOST}:{CONTROLLERS[name][1]}"],
        "tls": pki.switch.of_flowvisor,  # to controllers, we are switches
        "flowspace": rules,
    }
    if name == "two":
        described["switches"] = {"leaf-1": {"controllers": [f"pssl:{DIAL_IN}:{HOST}"]}}
        described["controller_certificate"] = f"sha256:{fingerprint_of(pki.controller.certificate)}"
    return described


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("tls")
    pki = Pki(folder)
    network = Network(folder, Layout(parallel_links=1, controllers=dict.fromkeys(BRIDGES, PLAIN)))
    controllers = {
        name: Controller(
            kind,
            port=port,
            version="1.3",
            folder=folder,
            namespace=network.namespace,
            keys=pki.controller,
        )
        for name, (kind, port) in CONTROLLERS.items()
    }
    own = Keys(
        *(Path(shutil.copy(path, folder / f"own-{path.name}")) for path in attrs.astuple(pki.controller))
    )
    settings = {
        "listen": [f"ptcp:{PTCP}:{HOST}", f"pssl:{PSSL}:{HOST}"],
        "tls": own.of_flowvisor,
        "datapaths": {
            "leaf-1": {
                "dpid": f"{1:016x}",
                "certificate": f"sha256:{fingerprint_of(pki.switch.certificate)}",
            },
            "spine-1": {"dpid": f"{2:016x}"},
        },
        "admission": "listed",
    }
    slices = [slice_of(name, pki) for name in CONTROLLERS]
    flowvisor = Flowvisor(folder, slices, namespace=network.namespace, settings=settings)
    place = Place(folder, pki, network, flowvisor, controllers, own)
    place.show_certificate(pki.switch)
    network.add_bridge("leaf-1", controller=ENCRYPTED)
    network.add_bridge("spine-1")
    yield place
    flowvisor.close()
    for controller in controllers.values():
        controller.close()
    network.close()


@pytest.fixture
def another(place: Place) -> Iterator[Network]:
    """leaf-2, a bridge that may be connected in any way, and is taken away again."""
    yield place.network
    place.network.switch.delete_bridge("leaf-2")
    place.show_certificate(place.pki.switch)


def on_leaf_1(network: Network) -> set[tuple[str, str]]:
    return {pair for pair in network.pairs(within=True) if {pair[0][-1], pair[1][-1]} == {"a", "b"}}


def test_hosts_reach_each_other_through_controllers_with_tls(place: Place) -> None:
    place.network.wait_until_reached(on_leaf_1(place.network) | {("one-a", "one-c")}, timeout_seconds=30)
    assert place.flowvisor.metric("switch_connected") == 2
    across = {("one-a", "two-a"), ("two-b", "one-b")}
    assert place.network.ping(across) == set()


def test_certificates_that_end_are_told(place: Place) -> None:
    expiry = "tls_certificate_expiry_timestamp_seconds"
    for role, name in (("own", "main"), ("datapath", f"{1:016x}"), ("controller", "one ssl:127.0.0.1:6801")):
        assert place.flowvisor.metric(expiry, role=role, name=name) > 1.7e9
    assert place.flowvisor.metric(expiry, role="datapath", name=f"{2:016x}") == 0


def test_a_tenant_dials_in_with_its_certificate(place: Place) -> None:
    ofctl = dialling(place, place.pki.controller)
    assert "dpid:0000000000000001" in ofctl("show")
    assert "actions=" in ofctl("dump-flows")


def dialling(place: Place, keys: Keys) -> Ofctl:
    options = tuple(keys.of_open_vswitch)
    return Ofctl(f"ssl:{HOST}:{DIAL_IN}", "1.3", place.network.namespace, place.folder, options)


def wrong_keys(place: Place, kind: str) -> dict[str, Keys]:
    """Files that each are wrong in one way, by the reason that is told."""
    pki, foreign = place.pki, authority("foreign")
    ca = {"switch": pki.controller_ca, "controller": pki.switch_ca}[kind]
    signed = pki.authority(kind)
    (pki.folder / "foreign-ca.pem").write_bytes(foreign.certificate_pem)
    good = issue("another", signed)
    return {
        "tls-expired": pki.keys(issue("old", signed, days=(-9, -1)), f"{kind}-expired", ca=ca),
        "tls-unknown-ca": pki.keys(issue("foreign", foreign), f"{kind}-foreign", ca=ca),
        "wrong-certificate": pki.keys(good, f"{kind}-another", ca=ca),
        "tls-refused-by-peer": pki.keys(good, f"{kind}-wary", ca=pki.folder / "foreign-ca.pem"),
    }


@pytest.mark.parametrize(
    "reason", ["tls-expired", "tls-unknown-ca", "wrong-certificate", "tls-refused-by-peer"]
)
def test_a_switch_with_a_wrong_certificate_is_refused_and_told(
    place: Place, another: Network, reason: str
) -> None:
    before = place.failures(reason)
    place.show_certificate(wrong_keys(place, "switch")[reason])
    another.add_bridge("leaf-2", controller=ENCRYPTED, dpid=1)  # it says that it is leaf-1
    wait_until(lambda: place.failures(reason) > before, what=f"it is refused: {reason}")
    assert not another.switch.is_connected(["leaf-2"])
    assert f"reason={reason}" in place.flowvisor.program.log.read_text()
    assert place.flowvisor.metric("switch_connected", dpid=f"{1:016x}") == 1


@pytest.mark.parametrize(
    ("dpid", "target", "reason"),
    [(1, PLAIN, "no-certificate"), (9, ENCRYPTED, "not-listed"), (9, PLAIN, "not-listed")],
)
def test_a_switch_that_is_not_the_one_is_refused_and_told(
    place: Place, another: Network, dpid: int, target: str, reason: str
) -> None:
    before = place.failures(reason)
    another.add_bridge("leaf-2", controller=target, dpid=dpid)
    wait_until(lambda: place.failures(reason) > before, what=f"it is refused: {reason}")
    assert f"reason={reason}" in place.flowvisor.program.log.read_text()
    assert place.flowvisor.metric("switch_connected", dpid=f"{1:016x}") == 1


def test_who_shows_no_certificate_is_refused_and_told(place: Place) -> None:
    with pytest.raises((ssl.SSLError, ConnectionResetError)), place.connect(None) as peer:
        peer.recv(1)
    wait_until(lambda: place.failures("tls-no-certificate") == 1, what="it is told")


def test_who_speaks_no_tls_is_refused_and_told(place: Place, another: Network) -> None:
    another.add_bridge("leaf-2", controller=f"tcp:{HOST}:{PSSL}")
    wait_until(lambda: place.failures("no-tls") > 0, what="it is told")


@pytest.mark.parametrize("reason", ["tls-expired", "tls-unknown-ca", "tls-refused-by-peer"])
def test_a_controller_with_a_wrong_certificate_is_not_talked_to(place: Place, reason: str) -> None:
    good = place.controllers["one"]
    good.kill()
    kind, port = CONTROLLERS["one"]
    wrong = Controller(
        kind,
        port=port,
        version="1.3",
        folder=place.folder,
        namespace=place.network.namespace,
        keys=wrong_keys(place, "controller")[reason],
    )
    try:
        wait_until(lambda: place.controller_failures("one", reason) > 0, what=f"it is told: {reason}")
        assert place.flowvisor.metric("controller_connected", slice="one") == 0
    finally:
        wrong.close()
        good.start_again()
    wait_until(
        lambda: place.flowvisor.metric("controller_connected", slice="one") == 2, what="the good one is back"
    )


@pytest.mark.parametrize(
    "reason", ["tls-expired", "tls-unknown-ca", "wrong-certificate", "tls-refused-by-peer"]
)
def test_who_dials_in_with_a_wrong_certificate_is_refused_and_told(place: Place, reason: str) -> None:
    ofctl = dialling(place, wrong_keys(place, "controller")[reason])
    assert "dpid" not in ofctl.refused("show")
    wait_until(lambda: place.controller_failures("two", reason) > 0, what=f"it is told: {reason}")


def test_new_certificates_are_shown_when_told_and_bad_ones_never(place: Place) -> None:
    before = place.flowvisor.metric("switch_disconnects_total")
    first = shown_by(place)
    renewed = place.pki.keys(issue("renewed", place.pki.authority("controller")), "renewed", ca=place.own.ca)
    shutil.copy(renewed.certificate, place.own.certificate)  # without its key
    look_again(place)
    wait_until(
        lambda: place.flowvisor.metric("tls_last_reload_successful", name="main") == 0, what="it is told"
    )
    assert shown_by(place) == first
    shutil.copy(renewed.private_key, place.own.private_key)
    look_again(place)
    wait_until(
        lambda: place.flowvisor.metric("tls_last_reload_successful", name="main") == 1, what="it is good"
    )
    assert shown_by(place) == fingerprint_of(renewed.certificate)
    assert place.flowvisor.metric("switch_disconnects_total") == before
    assert place.flowvisor.metric("switch_connected") == 2


def test_a_switch_that_takes_its_authority_from_the_first_connection_trusts_it(
    place: Place, another: Network
) -> None:
    """As the manual says: the authority stands in our file behind our own certificate."""
    both = place.pki.controller.certificate.read_bytes() + place.pki.controller_ca.read_bytes()
    place.own.certificate.write_bytes(both)
    shutil.copy(place.pki.controller.private_key, place.own.private_key)
    look_again(place)
    keys = place.pki.switch
    learned = place.folder / "learned.pem"
    words = (str(keys.private_key), str(keys.certificate), str(learned))
    another.switch.vsctl("--bootstrap", "set-ssl", *words)
    before = place.failures("not-listed")
    another.add_bridge("leaf-2", controller=ENCRYPTED, dpid=9)
    wait_until(lambda: place.failures("not-listed") > before, what="it comes as far as to say who it is")
    assert fingerprint_of(learned) == fingerprint_of(place.pki.controller_ca)


def test_switches_are_said_goodbye_to(place: Place) -> None:
    log = place.folder / "ovs-vswitchd.log"
    begins = len(log.read_text())
    assert place.flowvisor.program.stop() == 0
    wait_until(
        lambda: ENCRYPTED in log.read_text()[begins:], what="the switch tells that the channel is closed"
    )
    assert "unexpected eof" not in log.read_text()[begins:].lower()
    assert "connection closed by peer" in log.read_text()[begins:]


def look_again(place: Place) -> None:
    place.flowvisor.program._process.send_signal(signal.SIGHUP)


def shown_by(place: Place) -> str:
    """The fingerprint of the certificate that flowvisor shows to who connects now."""
    with place.connect(place.pki.switch) as peer:
        shown = peer.getpeercert(binary_form=True)
    assert shown is not None
    return fingerprint_of(shown)
