"""What cannot be put in force of an ACL is told at check, at its place."""

from __future__ import annotations

import pytest

from flowvisor.configuration.documents import TextFile
from flowvisor.configuration.reader import read_configuration
from flowvisor.errors import ConfigurationError
from flowvisor.planning import acl_bounds
from flowvisor.planning.acl_bounds import refuse_acls
from tests.support.admin_files import MAIN, rule, slice_file


def told(*rules: str, flowspace: str = "in_port: 1", is_used: bool = True) -> list[str]:
    """What is said of an ACL whose first rule stands in line 4, and of a slice that has it."""
    text = "kind: acl\nname: no\nrules:\n" + "".join(f"  - {one}\n" for one in rules)
    slices = [slice_file("a", rule(flowspace), more="policies: [no]\n" if is_used else "")]
    configuration = read_configuration(MAIN, slices, [TextFile("policies/no.yaml", text)])
    try:
        refuse_acls(configuration)
    except ConfigurationError as error:
        return str(error).splitlines()
    return []


def test_denials_of_all_kinds_are_right() -> None:
    assert (
        told("{deny: {}}", "{deny: {ipv6_src: 2001:db8::/32, tcp_dst: '80-89'}, datapaths: [leaf-1]}") == []
    )


@pytest.mark.parametrize("is_used", [True, False])
def test_exceptions_that_no_mask_can_say_are_refused_and_addresses_are_not(is_used: bool) -> None:
    addresses = ["{permit: {in_port: 7, ipv4_src: 10.0.0.7}}", "{deny: {in_port: 7, eth_type: ipv4}}"]
    assert told(*addresses, is_used=is_used) == []
    assert told("{permit: {eth_type: arp}}", "{deny: {in_port: 7}}", is_used=is_used) == [
        "policies/no.yaml:5:5: rules: what the exceptions before it leave takes more matches than a datapath can "
        "be given; deny kinds of packets by name, and except addresses only"
    ]


def test_exceptions_count_only_where_they_are() -> None:
    elsewhere = "{permit: {eth_type: arp}, datapaths: [leaf-2]}"
    assert told(elsewhere, "{deny: {in_port: 7}, datapaths: [leaf-1]}") == []
    assert len(told(elsewhere, "{deny: {in_port: 7}}")) == 1


def test_an_acl_that_takes_too_many_entries_is_refused_where_it_does() -> None:
    ports = ", ".join(map(str, range(1, 201)))
    many = [f"{{deny: {{in_port: [{ports}], vlan_vid: {vlan}}}}}" for vlan in range(1, 31)]
    assert told(*many[:20]) == []
    assert told(*many) == ["policies/no.yaml:24:5: rules: up to here 4200 entries, more than 4096"]


def test_an_acl_that_meets_too_much_of_a_flowspace_is_refused_for_the_slice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(acl_bounds, "MAX_DENYING_ENTRIES", 9)
    vlans = "{deny: {vlan_vid: [1, 2]}}"
    assert told(vlans, flowspace="in_port: [1, 2, 3, 4]") == []
    assert told("{deny: {in_port: [5, 6], vlan_vid: [1, 2]}}", flowspace="in_port: [1, 2, 3, 4, 5]") == []
    assert told(vlans, flowspace="in_port: [1, 2, 3, 4, 5]") == [
        'slices/a.yaml:1:1: policies: "no" takes more than 9 entries at all datapaths; let its rules and the '
        "slice's name the same fields, or less"
    ]
    monkeypatch.setattr(acl_bounds, "MAX_DENYING_ENTRIES", 7)
    here = "{deny: {vlan_vid: [1, 2]}, datapaths: [leaf-1]}"
    assert ["at leaf-1" in one for one in told(here, flowspace="in_port: [1, 2, 3, 4]")] == [True]
