"""Virtual networks as the admin writes them, and what can be wrong with one file of them."""

from __future__ import annotations

import pytest

from flowvisor.configuration.documents import TextFile
from flowvisor.configuration.reader import read_configuration
from flowvisor.errors import ConfigurationError
from flowvisor.network.dpid import format_dpid
from flowvisor.network.topology import End
from flowvisor.slices.virtual_network import Transport, VirtualNetwork
from flowvisor.slices.virtual_switch import UNTAGGED, Addresses, Attachment, LinkEnd
from tests.support.admin_files import MAIN

HEAD = "kind: virtual-network\nname: blue\ncontrollers: [tcp:127.0.0.1:6801]\n"
WHOLE = f"""{HEAD}policies: []
switches:
  big:
    dpid: "00a4230500000001"
    ports: {{1: leaf-1/3, 2: leaf-2/8@20, 3: leaf-2/8@none, 10: {{link: uplink}}}}
  lab:
    controllers: [ptcp:6802]
    ports:
      1: {{at: [leaf-1/4, leaf-2/4], follow: "aa:bb:cc:dd:ee:fe"}}
      10: {{link: uplink}}
links:
  uplink: [big/10, lab/10]
transport: tunnel
"""


def the_network(text: str) -> VirtualNetwork:
    (one,) = read_configuration(MAIN, [TextFile("slices/blue.yaml", text)], []).virtual_networks
    return one


def told(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        the_network(text)
    return [str(problem).removeprefix("slices/blue.yaml:") for problem in caught.value.problems]


def with_ports(ports: str, more: str = "") -> str:
    return f"{HEAD}switches: {{big: {{ports: {{{ports}}}}}}}\n{more}"


def test_a_file_says_everything_about_a_network() -> None:
    network = the_network(WHOLE)
    big, lab = network.logical["big"], network.logical["lab"]
    assert big.dpid == 0x00A4230500000001
    assert [big.ports[number].places for number in (1, 2, 3, 10)] == [
        (Attachment(End(1, 3)),),
        (Attachment(End(2, 8), 20),),
        (Attachment(End(2, 8), UNTAGGED),),
        (),
    ]
    assert lab.ports[1].places == (Attachment(End(1, 4)), Attachment(End(2, 4)))
    assert lab.ports[1].follows == 0xAABBCCDDEEFE
    assert network.far_end(LinkEnd("big", 10)) == LinkEnd("lab", 10)
    assert network.transport is Transport.TUNNEL
    assert [str(method) for method in network.controllers_of(lab.dpid)][1:] == ["ptcp:6802"]


def test_a_dpid_that_is_not_said_is_made_of_the_names_and_never_changes() -> None:
    one = the_network(WHOLE).logical["lab"]
    assert format_dpid(one.dpid) == "00a42305d701edcf"
    other = the_network(WHOLE.replace("  lab", "  lap").replace("lab/", "lap/"))
    assert other.logical["lap"].dpid != one.dpid


@pytest.mark.parametrize(
    ("text", "wrong"),
    [
        (with_ports("0: leaf-1/3"), "4:26: 0: 0 is not from 1 to 65279"),
        (
            with_ports("1: leaf-1"),
            '4:29: 1: "leaf-1" names no port of a datapath; '
            "write DATAPATH/PORT, DATAPATH/PORT@VLAN or DATAPATH/PORT@none",
        ),
        (with_ports("1: leaf-1/LOCAL"), '4:29: 1: "LOCAL" is not a number'),
        (with_ports("1: leaf-1/3@0"), "4:29: 1: 0 is not from 1 to 4094"),
        (with_ports("1: leaf-1/3@"), "4:29: 1: the value is missing"),
        (
            with_ports("1: [leaf-1/3]"),
            "4:29: 1: a list where one place is expected; write {at: [PLACE, ANOTHER]}",
        ),
        (
            with_ports("1: {follow: 'aa:bb:cc:dd:ee:fe'}"),
            "4:29: 1: a port is attached at a place, or is the end of a link; "
            "write DATAPATH/PORT, DATAPATH/PORT@VLAN or DATAPATH/PORT@none, or {link: NAME}",
        ),
        (
            with_ports("1: {at: leaf-1/3, follow: 'aa:bb:cc:dd:ee:fe'}"),
            "4:29: 1: it can follow only where it may go; write at: [PLACE, ANOTHER]",
        ),
        (
            with_ports("1: {link: up, ipv4: 10.0.0.5}", "links: {}"),
            "4:29: 1: at the end of a link there may be any address",
        ),
        (
            with_ports("1: {at: leaf-1/3, ipv4: 10.0.0.0/24}"),
            '4:50: ipv4: "10.0.0.0/24" is not the address of one machine',
        ),
        (
            with_ports("1: {at: [leaf-1/3, leaf-1/4], follow: 'ff:ff:ff:ff:ff:ff'}"),
            '4:64: follow: "ff:ff:ff:ff:ff:ff" is not the MAC address of a machine; write aa:bb:cc:dd:ee:ff',
        ),
        (
            with_ports("1: {at: leaf-1/3, mirror: 1}"),
            "4:29: 1: its copies would come out of the port itself; "
            "write mirror: PORT, of another port of the switch",
        ),
        (
            with_ports("1: {at: leaf-1/3, mirror: 2}"),
            "4:29: 1: there is no port 2; write mirror: PORT, of another port of the switch",
        ),
        (
            with_ports("1: {at: leaf-1/3, mirror: 2}, 2: {link: up}"),
            "4:29: 1: port 2 is the end of a link, and copies are for one that is attached; "
            "write mirror: PORT, of another port of the switch",
        ),
        (
            with_ports("1: {at: leaf-1/3, mirror: 2}, 2: {at: leaf-1/4, mirror: 3}, 3: leaf-1/5"),
            "4:29: 1: port 2 is copied itself, to 3; write mirror: PORT, of another port of the switch",
        ),
        (
            with_ports("1: {link: up, mirror: 2}, 2: leaf-1/4"),
            "4:29: 1: of the end of a link there is no copy; write mirror: at ports that are attached",
        ),
        (with_ports(""), "4:25: ports: a switch without ports is none; write ports: {1: DATAPATH/PORT}"),
        (
            with_ports("1: {link: up}"),
            '4:29: 1: there is no link "up"; write links: {up: [END, END]}',
        ),
        (
            with_ports("1: {link: up}", "links: {up: [big/1]}"),
            "5:13: up: a link has two ends; write [SWITCH/PORT, SWITCH/PORT], not a list",
        ),
        (
            with_ports("1: {link: up}", "links: {up: [big/1, big/1]}"),
            "5:13: up: a link has two ends, not one twice",
        ),
        (
            with_ports("1: {link: up}, 2: leaf-1/2", "links: {up: [big/1, big/2]}"),
            "5:13: up: port 2 of big is not an end of up; write 2: {link: up} there",
        ),
        (
            with_ports("1: {link: up}", "links: {up: [big/1, bag/2]}"),
            '5:13: up: there is no switch "bag"; did you mean "big"?',
        ),
        (
            with_ports("1: {link: up}, 2: {link: up}, 3: {link: up}", "links: {up: [big/1, big/2]}"),
            "4:59: 3: up does not end here, but at big/1 and big/2",
        ),
        (with_ports("1: leaf-1/3", "arp: yes"), '5:6: arp: "yes" is not "forward" or "answer"'),
        (with_ports("1: leaf-1/3", "transport: gre"), '5:12: transport: "gre" is not "vlan" or "tunnel"'),
        (
            f"{HEAD}switches: {{a: {{dpid: 0x5, ports: {{1: leaf-1/3}}}}, b: {{dpid: 0x5, ports: {{1: leaf-1/4}}}}}}\n",
            "4:53: b: 0000000000000005 is a already; write another dpid",
        ),
        (
            f"{HEAD}switches: {{a: {{dpid: 0x0, ports: {{1: leaf-1/3}}}}}}\n",
            "4:22: dpid: no switch has the dpid 0x0",
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_place(text: str, wrong: str) -> None:
    assert told(text) == [wrong]


def test_a_port_may_say_which_addresses_are_there() -> None:
    text = with_ports(
        "1: {at: leaf-1/3, mac: '02:00:00:00:00:01', ipv4: [10.0.0.5, 10.0.0.6], ipv6: '2001:db8::5'}"
    )
    assert the_network(text).logical["big"].ports[1].addresses == Addresses(
        mac=0x020000000001, ipv4=(0x0A000005, 0x0A000006), ipv6=(0x20010DB8 << 96 | 5,)
    )
    assert the_network(with_ports("1: {at: leaf-1/3}")).logical["big"].ports[1].addresses is None
