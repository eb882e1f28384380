"""What is refused of virtual networks before they count, and what is only told."""

from __future__ import annotations

import pytest

from flowvisor.configuration.documents import TextFile
from flowvisor.configuration.reader import read_configuration
from flowvisor.configuration.snapshot import Configuration
from flowvisor.errors import ConfigurationError
from flowvisor.planning.network_checks import network_warnings, refuse_networks
from tests.support.admin_files import MAIN, rule, slice_file


def network(name: str, ports: str, more: str = "") -> TextFile:
    """A network of which the ports of one switch stand in line 4."""
    head = f"kind: virtual-network\nname: {name}\ncontrollers: [tcp:127.0.0.1:6801]\n"
    return TextFile(f"slices/{name}.yaml", f"{head}switches: {{big: {{ports: {{{ports}}}}}{more}}}\n")


def linked(name: str, one: str, other: str, transport: str = "vlan") -> TextFile:
    head = f"kind: virtual-network\nname: {name}\ncontrollers: [tcp:127.0.0.1:6801]\n"
    ports = f"big: {{ports: {{1: {one}, 9: {{link: up}}}}}}, lab: {{ports: {{1: {other}, 9: {{link: up}}}}}}"
    body = f"switches: {{{ports}}}\nlinks:\n  up: [big/9, lab/9]\ntransport: {transport}\n"
    return TextFile(f"slices/{name}.yaml", head + body)


def files(*slices: TextFile, more: str = "") -> Configuration:
    return read_configuration(TextFile(MAIN.name, MAIN.text + more), slices, [])


def told(of: Configuration) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        refuse_networks(of)
    return [str(problem) for problem in caught.value.problems]


def warned(of: Configuration) -> list[str]:
    refuse_networks(of)
    return [str(problem) for problem in network_warnings(of)]


def test_a_port_may_be_shared_by_vlans_and_by_nothing_else() -> None:
    shared = files(network("blue", "1: leaf-1/3@20, 2: leaf-1/3@none"), network("red", "1: leaf-1/3@21"))
    assert warned(shared) == []
    assert told(files(network("blue", "1: leaf-1/3"), network("red", "1: leaf-1/3@21"))) == [
        "slices/red.yaml:4:29: 1: leaf-1/3 is claimed by port 1 of blue/big already, in slices/blue.yaml:4:29; "
        "share a port by VLANs: DATAPATH/PORT@VLAN"
    ]
    assert told(files(network("blue", "1: leaf-1/3@20, 2: {at: [leaf-2/1, leaf-1/3@20]}"))) == [
        "slices/blue.yaml:4:45: 2: leaf-1/3 is claimed by port 1 of blue/big already, in slices/blue.yaml:4:29"
    ]


def test_nothing_is_attached_where_a_link_is_declared() -> None:
    of = files(network("blue", "1: leaf-1/3"), more="links: [[leaf-1/3, leaf-2/3]]\n")
    assert told(of) == [
        "slices/blue.yaml:4:29: 1: leaf-1/3 is the end of a link between datapaths, in links: of the main file"
    ]


def test_nothing_is_attached_that_a_rule_names_at_this_datapath() -> None:
    blue = network("blue", "1: leaf-1/3")
    here = slice_file("a", rule("in_port: [2, 3]", datapaths="[leaf-1]"))
    assert told(files(here, blue)) == [
        "slices/blue.yaml:4:29: 1: leaf-1/3 is named by a rule of a, too, in slices/a.yaml:5:5"
    ]
    assert warned(files(slice_file("a", rule("in_port: 3")), blue)) == [
        "slices/blue.yaml:4:29: 1: leaf-1/3 is named by a rule of a, too, in slices/a.yaml:5:5; "
        "the virtual network has it"
    ]
    elsewhere = slice_file("a", rule("in_port: 3", datapaths="[leaf-2]"), rule("eth_type: arp"))
    assert warned(files(elsewhere, blue)) == []
    by_vlan = slice_file("a", rule("in_port: 3, vlan_vid: 30", datapaths="[leaf-1]"))
    assert warned(files(by_vlan, network("blue", "1: leaf-1/3@20"))) == []


def test_no_virtual_switch_has_a_datapaths_dpid() -> None:
    of = files(network("blue", "1: leaf-1/3", ", lab: {dpid: 0x2, ports: {1: leaf-1/4}}"))
    assert told(of) == [
        "slices/blue.yaml:4:41: lab: 0000000000000002 is the datapath leaf-2; write another dpid"
    ]


def test_there_are_labels_for_all_ports_that_need_one() -> None:
    blue, red = network("blue", "1: leaf-1/3, 2: leaf-2/3"), network("red", "1: leaf-1/4, 2: leaf-2/4")
    assert warned(files(blue, red, more="labels: 100-103\n")) == []
    assert told(files(blue, red, more="labels: 100-102\n")) == [
        "slices/red.yaml:1:1: switches: its ports need 2 labels, and of 100-102 1 are left; "
        "widen labels: in the main file"
    ]


def test_a_link_has_a_path_where_all_that_there_are_were_declared() -> None:
    far_apart = linked("blue", "leaf-1/1", "leaf-2/1")
    no_path = "slices/blue.yaml:6:7: up: no path of links: in the main file leads from one end to the other"
    assert told(files(far_apart, more="discovery: off\n")) == [no_path]
    assert warned(files(far_apart)) == []  # it may be found
    links = "links: [[leaf-1/9, spine-1/1], [leaf-2/9, spine-1/2]]\n"
    assert warned(files(far_apart, more=f"discovery: off\n{links}")) == []
    assert told(files(linked("blue", "leaf-1/1", "leaf-2/1", "tunnel"), more=links)) == [no_path]
    tunnel = "links: [{ends: [leaf-1/9, leaf-2/9], kind: tunnel}]\n"
    assert warned(files(linked("blue", "leaf-1/1", "leaf-2/1", "tunnel"), more=tunnel)) == []


def test_a_switch_that_is_in_two_parts_is_told_of() -> None:
    of = files(network("blue", "1: leaf-1/3, 2: leaf-2/3"), more="discovery: off\n")
    assert warned(of) == [
        f"slices/blue.yaml:4:{column}: {number}: links: in the main file lead there from only some of its "
        "switch's datapaths"
        for number, column in ((1, 29), (2, 42))
    ]


def test_datapaths_without_a_name_are_told_of_for_they_may_be_a_mistake() -> None:
    assert warned(files(network("blue", "1: 0x99/3"))) == [
        "slices/blue.yaml:4:29: 1: no datapath is named 0000000000000099; port 1 of blue/big is down until it connects"
    ]


def test_rules_for_vlans_that_are_labels_are_told_of() -> None:
    rules = slice_file("a", rule("vlan_vid: 3000"), rule("vlan_vid: 100"))
    assert warned(files(rules)) == []
    assert warned(files(rules, network("blue", "1: leaf-1/3"))) == [
        "slices/a.yaml:5:5: flowspace: VLAN 3000 is among the labels of virtual networks, and nobody's; "
        "choose other labels: in the main file"
    ]


def test_an_acl_that_takes_too_many_entries_at_one_port_is_refused() -> None:
    rules = "".join(
        f"  - deny: {{ipv4_src: [{', '.join(f'10.{n}.{m}.0/24' for m in range(90))}], tcp_dst: 1-2047}}\n"
        for n in range(5)
    )
    acl = TextFile("policies/no.yaml", f"kind: acl\nname: no\nrules:\n{rules}")
    blue = network("blue", "1: leaf-1/3")
    having = TextFile(blue.name, f"{blue.text}policies: [no]\n")
    assert told(read_configuration(MAIN, [having], [acl])) == [
        "slices/blue.yaml:1:1: policies: its acl takes more than 4096 entries at port 1 of blue/big"
    ]


def test_it_is_told_which_addresses_nobody_is_answered_for() -> None:
    mac = 'mac: "02:00:00:00:00:01"'

    def answering(ports: str) -> list[str]:
        return warned(files(TextFile("slices/blue.yaml", network("blue", ports).text + "arp: answer\n")))

    assert answering(f"1: {{at: leaf-1/3, {mac}, ipv4: 10.0.0.1}}") == []
    two = f"1: {{at: leaf-1/3, {mac}, ipv4: [10.0.0.1, 10.0.0.2]}}, 2: {{at: leaf-1/4, ipv4: 10.0.0.2}}"
    (line,) = answering(two)
    assert line.endswith("2: 10.0.0.2 is said of port 1, too, so that nobody is answered who asks for it")
    six = f"1: {{at: leaf-1/3, {mac}, ipv6: '::5', ipv4: 10.0.0.1}}, 2: {{at: leaf-1/4, ipv6: '::5'}}"
    assert "::5 is said of port 1" in answering(six)[0]
    assert warned(files(network("blue", two))) == []
