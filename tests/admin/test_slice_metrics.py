"""What Prometheus is told of slices is what has happened to them."""

from __future__ import annotations

from flowvisor.admin.slice_metrics import slice_metrics
from flowvisor.openflow.channel import IDLE_SECONDS
from flowvisor.openflow.frame import GROUP_MOD, HEADER
from flowvisor.policies.bandwidth import Bandwidth
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit
from tests.support.shell import TO_CONTROLLER, Shell
from tests.support.world import a_slice, configuration, ports

PACKET = bytes(64)
CONTROLLER = "tcp:127.0.0.1:6801"


def samples(shell: Shell, name: str) -> list[tuple[dict[str, str], float]]:
    families = slice_metrics(shell.hypervisor, shell.connections, shell.configuration)
    return [
        (dict(one.labels), one.value)
        for family in families
        for one in family.samples
        if one.name == f"flowvisor_{name}"
    ]


def test_a_wanted_controller_is_told_even_when_it_is_not_there() -> None:
    shell = Shell()
    shell.datapath()
    shell.controller()
    labels = {"dpid": "0000000000000001", "controller": CONTROLLER}
    assert samples(shell, "controller_connected") == [
        ({"slice": "blue", **labels}, 1.0),
        ({"slice": "red", **labels}, 0.0),
    ]
    assert samples(shell, "controller_connects_total") == [({"slice": "blue", "controller": CONTROLLER}, 1.0)]


def test_messages_are_told_by_what_became_of_them() -> None:
    shell = Shell()
    datapath = shell.datapath()
    blue = shell.controller()
    blue.say(TO_CONTROLLER)
    shell.settle()
    datapath.packet(2, PACKET)
    blue.write(HEADER.pack(4, GROUP_MOD, 8, 1))  # too short for a group-mod
    shell.settle()
    told = {
        (one["slice"], one["direction"], one["type"], one["outcome"]): value
        for one, value in samples(shell, "messages_total")
    }
    assert told["blue", "up", "packet_in", "forwarded"] == 1
    assert told["blue", "down", "flow_mod", "forwarded"] == 1
    assert told["blue", "down", "group_mod", "denied"] == 1
    assert {key[0] for key in told} == {"blue"}
    (denied,) = samples(shell, "messages_denied_total")
    assert denied == ({"slice": "blue", "type": "group_mod", "reason": "malformed"}, 1.0)


def test_messages_of_both_versions_are_added_up() -> None:
    shell = Shell()
    counters = shell.hypervisor.tenants["blue"].counters
    counters[1].up[17] = 2  # STATS_REPLY
    counters[4].up[19] = 3  # MULTIPART_REPLY
    counters[1].count_shed("queue-full")
    counters[4].count_shed("queue-full")
    counters[4].up_bytes = 100
    labels = {"slice": "blue", "direction": "up", "type": "multipart_reply", "outcome": "forwarded"}
    assert samples(shell, "messages_total") == [(labels, 5.0)]
    assert samples(shell, "messages_shed_total") == [({"slice": "blue", "reason": "queue-full"}, 2.0)]
    assert ({"slice": "blue", "direction": "up"}, 100.0) in samples(shell, "message_bytes_total")


def test_slices_and_their_rules_are_counted() -> None:
    shell = Shell()
    assert samples(shell, "slices") == [({}, 2.0)]
    assert samples(shell, "flowspace_rules") == [({"slice": "blue"}, 1.0), ({"slice": "red"}, 1.0)]


def test_flow_entries_are_told_where_we_know_them() -> None:
    shell = Shell()
    shell.datapath(dpid=1, version=1)
    shell.datapath(dpid=2, version=4)
    labels = {"dpid": "0000000000000001"}
    assert samples(shell, "flow_entries") == [
        ({"slice": "blue", **labels}, 0.0),
        ({"slice": "red", **labels}, 0.0),
    ]


def test_how_much_of_a_quota_is_used_is_told_once_it_was_counted() -> None:
    blue = a_slice("blue", ports(2), policies=["small"])
    small = Quota("small", flow_entries_per_datapath=3, flow_entries=4)
    shell = Shell(configuration(blue, a_slice("red", ports(1)), policies=[small]))
    shell.datapath()
    assert samples(shell, "flow_entries") == []
    labels = {"slice": "blue", "dpid": "0000000000000001"}
    assert samples(shell, "flow_entries_limit") == [(labels, 3.0)]
    assert samples(shell, "flow_entries_limit_in_all") == [({"slice": "blue"}, 4.0)]
    shell.controller().say(TO_CONTROLLER)
    shell.settle()
    assert samples(shell, "flow_entries") == [(labels, 1.0)]


def test_what_met_a_rate_limit_is_told_by_limit_and_action() -> None:
    blue = a_slice("blue", ports(2), policies=["steady"])
    steady = RateLimit(name="steady", packet_in=1)
    shell = Shell(configuration(blue, a_slice("red", ports(1)), policies=[steady]))
    datapath = shell.datapath(version=1)  # one with meters would drop them itself
    shell.controller().say(TO_CONTROLLER)
    shell.settle()
    for _ in range(3):
        datapath.packet(2, PACKET)
    labels = {"slice": "blue", "limit": "packet_in", "action": "shed"}
    assert samples(shell, "rate_limited_total") == [(labels, 2.0)]
    assert samples(shell, "messages_shed_total") == [({"slice": "blue", "reason": "rate-limited"}, 2.0)]


def test_a_slice_that_nothing_holds_to_its_bandwidth_is_told() -> None:
    shell = Shell()
    shell.datapath()
    assert samples(shell, "bandwidth_not_limited") == []
    (switch, _) = shell.hypervisor.datapaths[1].switches.values()
    switch.tenant.bandwidth = Bandwidth("slow", rate=1)
    switch.exceeds_bandwidth = True
    assert samples(shell, "bandwidth_not_limited") == [({"slice": "blue", "dpid": "0000000000000001"}, 1.0)]


def test_how_quickly_a_silent_controller_answered_is_told() -> None:
    shell = Shell()
    shell.datapath()
    shell.controller()
    assert samples(shell, "controller_echo_rtt_seconds") == []
    shell.reactor.advance(IDLE_SECONDS + 1)
    shell.connections.tick()
    shell.reactor.advance(0.5)
    shell.settle()
    assert samples(shell, "controller_echo_rtt_seconds") == [
        ({"slice": "blue", "controller": CONTROLLER}, 0.5)
    ]
