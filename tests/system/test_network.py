"""The network of the system tests by itself: Open vSwitch, hosts and controllers, with nothing in between."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.system.support.capture import Capture
from tests.system.support.controllers import KINDS, Controller
from tests.system.support.namespaces import Namespace
from tests.system.support.network import BRIDGES, Layout, Network
from tests.system.support.scenario import broadcast_reaches
from tests.system.support.tools import require_root

PORT = 6801
FLOW_MOD, BARRIER_REQUEST = 14, 20  # the first in both versions, the second in 1.3


@pytest.fixture(scope="module", params=["1.0", "1.3"])
def network(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    layout = Layout(
        versions=[request.param],
        parallel_links=1,
        controllers=dict.fromkeys(BRIDGES, f"tcp:127.0.0.1:{PORT}"),
    )
    network = Network(tmp_path_factory.mktemp("network"), layout)
    yield network
    network.close()


@pytest.mark.parametrize("kind", KINDS)
def test_an_unmodified_controller_connects_all_hosts(network: Network, kind: str, tmp_path: Path) -> None:
    version = network.layout.versions[0]
    everyone = network.pairs(within=True) | network.pairs(within=False)
    capture = Capture(tmp_path, network.namespace)
    controller = Controller(kind, port=PORT, version=version, folder=tmp_path, namespace=network.namespace)
    network.add_bridges()
    try:
        network.wait_until_reached(everyone)
        assert broadcast_reaches(network, "one-a") == network.hosts.keys() - {"one-a"}
        assert any("02:00:00:00:01:01" in flow for flow in network.switch.flows("leaf-1", version=version))
        controller.close()
        assert broadcast_reaches(network, "one-a") == set()
    finally:
        controller.close()
        capture.stop()
        for bridge in BRIDGES:
            network.switch.delete_bridge(bridge)
    assert network.ping(everyone) == set()
    dissection = capture.dissect([PORT], sender=f"tcp.srcport == {PORT}")
    assert dissection.messages[version, FLOW_MOD] > len(BRIDGES)
    assert dissection.complaints == []


def test_a_frame_with_a_wrong_length_in_it_is_seen_as_malformed(tmp_path: Path) -> None:
    require_root()
    namespace = Namespace(tmp_path, "alone")
    capture = Capture(tmp_path, namespace)
    with namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as listener:
        listener.bind(("127.0.0.1", PORT))
        listener.listen()
        with namespace.socket(socket.AF_INET, socket.SOCK_STREAM) as client:
            client.connect(("127.0.0.1", PORT))
            # A barrier request that is right, and a 1.3 flow-mod that ends in the middle of its match.
            client.sendall(bytes.fromhex("0414000800000001 040e002000000002") + bytes(24))
    capture.stop()
    dissection = capture.dissect([PORT], sender=f"tcp.dstport == {PORT}")
    assert dissection.messages["1.3", BARRIER_REQUEST] == 1
    assert len(dissection.complaints) == 1
    assert [each.is_malformed for each in capture.read_by_open_vswitch([PORT])] == [False, True]
    namespace.close()
