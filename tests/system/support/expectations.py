"""What must hold in every scenario, however its slices are cut."""

import re

from flowvisor.network.discovery import PROBE_ADDRESS_BYTES
from tests.system.support.capture import Dissection
from tests.system.support.network import BRIDGES, Host, Network
from tests.system.support.scenario import Scenario, watched_wires

ERROR, FEATURES_REQUEST, FEATURES_REPLY, PACKET_IN, PACKET_OUT, FLOW_MOD = 1, 5, 6, 10, 13, 14
PROBES_COME_BACK = "dl_dst=01:80:c2:00:00:0f actions=CONTROLLER:65535"
TENANTS_COOKIE = "cookie=0x0,"  # neither of the two learning switches sets one


def expect_reachability(scenario: Scenario) -> None:
    """Everybody inside a slice, nobody across."""
    network = scenario.network
    scenario.wait_until_up()
    inside, across = network.pairs(within=True), network.pairs(within=False)
    assert network.ping(inside | across) == inside


def expect_only_own_packets(network: Network) -> None:
    """Let everybody ask for everybody, and look at each cable for packets that another slice's host sent."""
    senders = {bytes.fromhex(host.mac.replace(":", "")): host for host in network.hosts.values()}
    network.forget_neighbours()
    with watched_wires(network) as wires:
        network.ping(network.pairs(within=True) | network.pairs(within=False))
        arrived = {name: wire.arrived() for name, wire in wires.items()}
    strays = []
    for name, frames in arrived.items():
        sources = {frame[6:12] for frame in frames if frame[:6] != PROBE_ADDRESS_BYTES}
        assert sources, f"nothing arrived at {name}: this looked at nothing"
        strangers = [senders.get(source) for source in sources]
        strays += [(name, host) for host in strangers if not belongs(host, network.hosts[name])]
    assert strays == []


def belongs(sender: Host | None, receiver: Host) -> bool:
    return sender is not None and sender.slice == receiver.slice


def expect_a_classifier_in_table_0(network: Network) -> None:
    """Table 0 sends packets into blocks of tables and does nothing else, but for the hypervisor's own probes; tenants'
    entries lie in their blocks.
    """
    for bridge in BRIDGES:
        flows = network.switch.flows(bridge, version="1.3")
        classifier = [flow for flow in flows if "table=0," in flow]
        assert classifier, f"{bridge} has no classifier"
        assert [flow for flow in classifier if TENANTS_COOKIE in flow] == []
        probes = [flow for flow in classifier if flow.endswith(PROBES_COME_BACK)]
        assert len(probes) == 1, classifier
        doings = {flow.rpartition("actions=")[2] for flow in classifier if flow not in probes}
        assert {
            doing for doing in doings if not re.fullmatch(r"drop|(meter:\d+,)?goto_table:\d+", doing)
        } == set()
        assert [flow for flow in flows if TENANTS_COOKIE in flow], f"{bridge} has no entry of a tenant"


def expect_well_formed_messages(scenario: Scenario) -> None:
    """Nothing that the hypervisor sent, to either side, is malformed or refused; ends the recording."""
    scenario.capture.stop()
    datapaths, *controllers = scenario.control_ports
    to_bridges = dissect(scenario, f"tcp.srcport == {datapaths}")
    from_bridges = dissect(scenario, f"tcp.dstport == {datapaths}")
    to_controllers = dissect(scenario, " || ".join(f"tcp.dstport == {port}" for port in controllers))
    assert to_bridges.complaints == []
    assert to_controllers.complaints == []
    southbound = max(scenario.versions.bridges)
    for kind in (FEATURES_REQUEST, PACKET_OUT, FLOW_MOD):
        assert to_bridges.messages[southbound, kind] >= len(BRIDGES), (southbound, kind)
    for northbound in {scenario.versions.one, scenario.versions.two}:
        for kind in (FEATURES_REPLY, PACKET_IN):
            assert to_controllers.messages[northbound, kind] >= len(BRIDGES), (northbound, kind)
        # Learning switches ask for nothing that a switch would refuse them.
        assert to_controllers.messages[northbound, ERROR] == 0
    spoken = scenario.capture.read_by_open_vswitch(scenario.control_ports)
    ours = [each for each in spoken if each.source == datapaths or each.destination in controllers]
    assert len(ours) >= sum(to_bridges.messages.values())
    assert [each for each in ours if each.is_malformed] == []
    assert from_bridges.messages[southbound, ERROR] == 0


def dissect(scenario: Scenario, sender: str) -> Dissection:
    return scenario.capture.dissect(scenario.control_ports, sender=sender)
