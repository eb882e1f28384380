"""A packet of a virtual network is explained by what has it: an attachment, a label, or nobody."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.errors import Place
from flowvisor.network.topology import End
from flowvisor.openflow.match import Match
from flowvisor.planning.ahead import Ahead, Facts
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.explanation import (
    LOSES,
    OWNS,
    Denial,
    Explanation,
    explain,
    packets_of,
    packets_of_bytes,
)
from flowvisor.planning.network_claims import ADDRESSES
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.policies.policy import Policy
from flowvisor.slices.slice import PortName
from flowvisor.slices.virtual_network import Transport, VirtualNetwork
from flowvisor.slices.virtual_switch import Addresses
from tests.support.examples import examples
from tests.support.slices import packets, tag
from tests.support.virtual import PLACE, a_network
from tests.support.world import a_slice, configuration, ports

BLUE = a_network("blue", {"big": {1: "1/5", 2: "2/5", 3: "1/4@100"}})
RED = a_slice("red", ports(4, 5, 6))
CABLE = ((End(1, 9), End(2, 9)), (End(2, 9), End(1, 9)))
LABEL = "label of port 2 of virtual switch big"


def ahead(*slices: object, policies: Iterable[Policy] = (), tunnels: Iterable[End] = ()) -> Ahead:
    files = configuration(*(slices or (BLUE, RED)), policies=policies)  # type: ignore[arg-type]
    files = evolve(files, settings=evolve(files.settings, tunnel_ports=frozenset(tunnels)))
    datapaths = dict.fromkeys((1, 2), Facts(version=4, n_tables=254))
    return Ahead(files, Allocations().allocate(files.slices, files.settings.labels), datapaths, CABLE)


def told(running: Ahead, packet: str) -> Explanation:
    (box,) = packets_of(packet)
    return explain(running, 1, box)


def test_an_attachment_wins_over_the_rules_of_flowspaces() -> None:
    found = told(ahead(), "in_port=5")
    assert (found.owner, found.what) == ("blue", "port 1 of virtual switch big")
    first, *others = found.claims
    assert (first.slice, first.place, first.priority, first.outcome) == ("blue", PLACE, None, OWNS)
    assert [(one.slice, one.outcome) for one in others] == [("", LOSES), ("red", LOSES)]
    assert [one.to for one in found.entries] == ["blue/big, port 1"]


def test_of_an_attached_vlan_only_its_packets_are_the_networks() -> None:
    assert told(ahead(), "in_port=4,vlan_vid=100").what == "port 3 of virtual switch big"
    assert told(ahead(), "in_port=4,vlan_vid=101").owner == "red"
    found = told(ahead(), "in_port=4")
    assert (found.owner, found.depends_on) == (None, ("vlan_vid",))


def test_a_label_is_its_networks_at_a_link_and_nobodys_elsewhere() -> None:
    running = ahead()
    label = running.allocations.labels[PortName("blue/big", 1)]
    found = told(running, f"in_port=9,vlan_vid={label}")
    assert (found.owner, found.what) == ("blue", "label of port 1 of virtual switch big")
    assert [one.to for one in found.entries] == ["out of blue/big, port 1"]
    forged = told(running, f"in_port=6,vlan_vid={label}")
    assert (forged.owner, forged.what, forged.depends_on) == (None, "", ())
    first = forged.claims[0]
    assert (first.slice, first.place, first.outcome) == ("", None, OWNS)
    assert [one.to for one in forged.entries] == ["drop"]


def test_in_a_tunnel_labels_are_keys_and_all_else_is_nobodys() -> None:
    tunnelled = a_network("blue", {"big": {1: "1/5", 2: "2/5"}}, transport=Transport.TUNNEL)
    running = ahead(tunnelled, RED, tunnels=[End(1, 9), End(2, 9)])
    found = told(running, "in_port=9")
    assert (found.owner, found.depends_on) == (None, ("tunnel_id",))
    assert {one.what for one in found.claims} >= {LABEL, "a tunnel of virtual networks"}


MAC = 0x020000000001
KEPT = a_network(
    "blue", {"big": {1: "1/5", 2: "2/5"}}, addresses={"big/1": Addresses(mac=MAC, ipv4=(0x0A000001,))}
)


@pytest.mark.parametrize(
    ("packet", "denied"),
    [
        ("eth_src=02:00:00:00:00:01,ipv4_src=10.0.0.1", []),
        ("eth_src=02:00:00:00:00:01,ipv4_src=10.0.0.2,ip_proto=6", [True]),
        ("eth_src=02:00:00:00:00:02,ipv4_src=10.0.0.1,ip_proto=6", [True]),
        ("eth_src=02:00:00:00:00:02", [True]),
        ("eth_src=02:00:00:00:00:01", [False]),
    ],
)
def test_what_a_ports_own_addresses_keep_out_is_told(packet: str, denied: list[bool]) -> None:
    found = told(ahead(KEPT, RED), f"in_port=5,{packet}")
    assert [(one.policy, one.is_sure) for one in found.denials] == [(ADDRESSES, sure) for sure in denied]
    assert (found.owner is None) == (denied == [True])


def acl_of(*rules: tuple[bool, Match]) -> Acl:
    return Acl(
        "p",
        tuple(
            AclRule(is_denied=is_denied, datapaths=None, matches=(match,), place=Place("p.yaml", line, 5))
            for line, (is_denied, match) in enumerate(rules, 1)
        ),
    )


def test_what_an_acl_keeps_out_at_a_virtual_port_is_told_with_its_line() -> None:
    first = (False, Match.of(in_port=1, vlan_vid=tag(7)))
    acl = acl_of(first, (True, Match.of(in_port=2)), (True, Match.of(in_port=1)))
    running = ahead(evolve(BLUE, policies=("p",)), RED, policies=[acl])
    assert told(running, "in_port=5,vlan_vid=7").denials == ()
    assert told(running, "in_port=5,vlan_vid=8").denials == (
        Denial("p", Place("p.yaml", 3, 5), is_sure=True),
    )
    assert [one.is_sure for one in told(running, "in_port=5").denials] == [False]
    label = running.allocations.labels[PortName("blue/big", 1)]
    assert told(running, f"in_port=9,vlan_vid={label}").denials == ()


NETWORKS: tuple[VirtualNetwork, ...] = (BLUE, KEPT)


@examples(60)
@given(network=st.sampled_from(NETWORKS), packet=packets, port=st.sampled_from((3, 4, 5, 6, 9)))
def test_what_is_told_is_what_table_0_does(network: VirtualNetwork, packet: bytes, port: int) -> None:
    """The entry that a packet meets takes it where it was said to belong."""
    running = ahead(network, RED)
    found = explain(running, 1, packets_of_bytes(packet, port)[0])
    to = found.entries[-1].to
    if found.owner is None:
        assert to == "drop"
    elif found.what.startswith("port"):
        assert to == f"blue/big, {found.what.partition(' of ')[0]}"
    elif not found.what:
        assert to == found.owner == "red"
