"""Virtual switches: how attachments read, and where links lead."""

from __future__ import annotations

from flowvisor.errors import Place
from flowvisor.network.topology import End
from flowvisor.slices.virtual_switch import (
    UNTAGGED,
    Addresses,
    Attachment,
    LinkEnd,
    LogicalSwitch,
    VirtualLink,
    VirtualPort,
)


def test_an_attachment_reads_as_the_admin_writes_it() -> None:
    end = End(1, 8)
    assert str(Attachment(end)) == "0000000000000001/8"
    assert str(Attachment(end, 20)) == "0000000000000001/8@20"
    assert str(Attachment(end, UNTAGGED)) == "0000000000000001/8@none"


def test_a_link_leads_from_either_end_to_the_other() -> None:
    one, other = LinkEnd("big", 10), LinkEnd("lab", 1)
    link = VirtualLink("uplink", (one, other), Place("slices/blue.yaml", 9, 1))
    assert link.other(one) == other
    assert link.other(other) == one


def test_an_address_is_known_if_it_is_one_machines_and_no_routers() -> None:
    here = Place("slices/blue.yaml", 9, 1)
    link_local, global_one = 0xFE80 << 112 | 1, 0x2001 << 112 | 1
    addresses = {
        1: Addresses(0xA, ipv4=(1, 2), ipv6=(link_local, global_one)),
        2: Addresses(0xB, ipv4=(2, 3)),
        3: Addresses(None, ipv4=(4,)),
        4: Addresses(0xC, ipv6=(link_local,)),
        5: Addresses(0xD, ipv4=(2,)),
        6: None,
    }
    ports = {number: VirtualPort(number, (), here, addresses=own) for number, own in addresses.items()}
    switch = LogicalSwitch("big", 0xA0, ports, here)
    assert switch.named_addresses == {
        1: (1,),
        2: (1, 2, 5),
        3: (2,),
        4: (3,),
        link_local: (1, 4),
        global_one: (1,),
    }
    assert switch.known_addresses == {
        1: Addresses(0xA, ipv4=(1,), ipv6=(global_one,)),
        2: Addresses(0xB, ipv4=(3,)),
    }
