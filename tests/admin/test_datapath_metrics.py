"""What Prometheus is told of datapaths is what has happened to them."""

from __future__ import annotations

from attrs import evolve

from flowvisor.admin.datapath_metrics import datapath_metrics
from flowvisor.connections.counters import MAX_COUNTED_DPIDS
from flowvisor.network.wanted_datapath import WantedDatapath
from flowvisor.openflow.channel import IDLE_SECONDS
from flowvisor.openflow.frame import HEADER, PACKET_OUT
from tests.support.shell import Shell
from tests.support.world import a_slice, configuration, ports

ONE = {"dpid": "0000000000000001", "switch": "leaf-1"}
TWO = {"dpid": "0000000000000002", "switch": "leaf-2"}


def named_shell() -> Shell:
    plain = configuration(a_slice("blue", ports(1)))
    return Shell(evolve(plain, settings=evolve(plain.settings, datapaths={"leaf-1": 1, "leaf-2": 2})))


def samples(shell: Shell, name: str) -> list[tuple[dict[str, str], float]]:
    families = datapath_metrics(shell.hypervisor, shell.connections, shell.configuration)
    return [
        (dict(one.labels), one.value)
        for family in families
        for one in family.samples
        if one.name == f"flowvisor_{name}"
    ]


def test_a_named_datapath_is_told_even_when_it_is_not_there() -> None:
    shell = named_shell()
    datapath = shell.datapath()
    assert samples(shell, "switch_connected") == [(ONE, 1.0), (TWO, 0.0)]
    datapath.hang_up()
    assert samples(shell, "switch_connected") == [(ONE, 0.0), (TWO, 0.0)]
    assert samples(shell, "switch_connects_total") == [(ONE, 1.0)]
    assert samples(shell, "switch_disconnects_total") == [({**ONE, "reason": "closed"}, 1.0)]


def test_one_without_a_name_is_told_by_its_dpid() -> None:
    shell = named_shell()
    shell.datapath(dpid=0xA)
    assert ({"dpid": "000000000000000a", "switch": "000000000000000a"}, 1.0) in samples(
        shell, "switch_connected"
    )


def test_messages_are_told_by_direction_and_type_and_only_those_there_were() -> None:
    shell = named_shell()
    shell.datapath()
    told = {(one["direction"], one["type"]): value for one, value in samples(shell, "switch_messages_total")}
    assert told["up", "barrier_reply"] == told["down", "barrier_request"] == 1
    assert told["down", "set_config"] == 1
    assert min(told.values()) > 0


def test_connections_that_become_nothing_are_told_by_reason() -> None:
    shell = named_shell()
    shell.connect().write(HEADER.pack(4, PACKET_OUT, 8, 1))
    assert samples(shell, "switch_handshake_failures_total") == [({"reason": "bad-type"}, 1.0)]


def test_a_flood_of_dpids_makes_no_flood_of_series() -> None:
    shell = named_shell()
    counters = shell.connections.counters
    for dpid in range(MAX_COUNTED_DPIDS + 5):
        counters.datapath_connects[counters.counted_dpid(dpid)] += 1
    told = samples(shell, "switch_connects_total")
    assert len(told) == MAX_COUNTED_DPIDS + 1
    assert told[-1] == ({"dpid": "other", "switch": "other"}, 5.0)
    assert len(samples(shell, "switch_connected")) == MAX_COUNTED_DPIDS


def test_packets_of_nobody_are_told() -> None:
    shell = named_shell()
    datapath = shell.datapath()
    shell.hypervisor.datapaths[1].unowned_packet_ins = 3
    shell.hypervisor.datapaths[1].malformed = 2
    assert samples(shell, "packet_ins_unowned_total") == [(ONE, 3.0)]
    assert samples(shell, "switch_messages_malformed_total") == [(ONE, 2.0)]
    assert samples(shell, "pending_transactions") == [(ONE, 0.0)]
    datapath.hang_up()
    assert samples(shell, "packet_ins_unowned_total") == []


def test_how_quickly_a_silent_datapath_answered_is_told() -> None:
    shell = named_shell()
    shell.datapath()
    assert samples(shell, "switch_echo_rtt_seconds") == []
    shell.reactor.advance(IDLE_SECONDS + 1)
    shell.connections.tick()
    shell.reactor.advance(0.25)  # the question is on its way
    shell.settle()
    assert samples(shell, "switch_echo_rtt_seconds") == [(ONE, 0.25)]


def test_one_that_is_not_as_it_is_wanted_is_told() -> None:
    plain = configuration(a_slice("blue", ports(1)))
    wanted = {1: WantedDatapath(ports={1: False, 9: True})}
    shell = Shell(evolve(plain, settings=evolve(plain.settings, datapaths={"leaf-1": 1}, wanted=wanted)))
    shell.datapath()
    assert samples(shell, "switch_not_as_wanted") == [(ONE, 1.0)]
