"""What an admin is told of the difference between two sets of files."""

from __future__ import annotations

import pytest
from attrs import evolve, fields

from flowvisor.configuration.changes import NOT_LIVE, Changes, Differences, changes, live
from flowvisor.configuration.documents import TextFile
from flowvisor.configuration.reader import read_configuration
from flowvisor.configuration.settings_format import SETTINGS
from flowvisor.configuration.slice_formats import FLOWSPACE_SLICE
from flowvisor.configuration.snapshot import Settings
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.admin_files import MAIN, QUOTA, configuration_of, rule, slice_file

BLUE = slice_file("blue", rule("vlan_vid: 1"))


def test_where_things_stand_is_no_difference() -> None:
    moved = TextFile(BLUE.name, "# a comment\n" + BLUE.text)
    assert not changes(configuration_of(BLUE), configuration_of(moved))


def test_what_comes_and_goes_is_told_by_name() -> None:
    red = slice_file("red", rule("vlan_vid: 2"))
    found = changes(configuration_of(BLUE), configuration_of(red))
    assert found == Changes(slices=Differences(added=("red",), removed=("blue",)))


@pytest.mark.parametrize(
    ("more", "rules", "keys"),
    [
        ("", ("vlan_vid: 2",), ("flowspace",)),
        ("tables: 3\n", ("vlan_vid: 1",), ("tables",)),
        ('openflow: ["1.3"]\nport_mod: physical\n', ("vlan_vid: 1",), ("openflow", "port_mod")),
        ("policies: [small]\n", ("vlan_vid: 1",), ("policies",)),
    ],
)
def test_what_is_different_in_a_slice_is_told_by_its_keys(
    more: str, rules: tuple[str, ...], keys: tuple[str, ...]
) -> None:
    other = slice_file("blue", *map(rule, rules), more=more)
    found = changes(configuration_of(BLUE), configuration_of(other))
    assert found == Changes(slices=Differences(changed={"blue": keys}))


def test_policies_and_the_main_file_are_compared_too() -> None:
    before = read_configuration(MAIN, [BLUE], [QUOTA])
    quota = TextFile(QUOTA.name, "kind: quota\nname: small\ngroups: 3\nmeters: 1\n")
    main = TextFile(MAIN.name, MAIN.text.replace("6653", "6654") + "admission: listed\n")
    found = changes(before, read_configuration(main, [BLUE], [quota]))
    assert found.policies == Differences(changed={"small": ("groups", "meters")})
    assert found.settings == ("listen", "admission")
    assert found.not_live == ("listen",)
    assert found.are_live


def test_a_policy_of_another_kind_is_told_so() -> None:
    before = read_configuration(MAIN, [BLUE], [QUOTA])
    other = TextFile(QUOTA.name, "kind: rate-limit\nname: small\npacket_in: 5/s\n")
    assert changes(before, read_configuration(MAIN, [BLUE], [other])).policies.changed == {"small": ("kind",)}


def test_what_cannot_change_while_we_run_stays_as_it_was() -> None:
    settings = configuration_of(BLUE).settings
    other = evolve(settings, admission="listed", state="elsewhere", discovery=False)
    assert live(other, settings) == evolve(settings, admission="listed")
    found = changes(configuration_of(BLUE), evolve(configuration_of(BLUE), settings=other))
    assert found.not_live == ("state", "discovery")
    only = evolve(configuration_of(BLUE), settings=evolve(settings, state="elsewhere"))
    assert not changes(configuration_of(BLUE), only).are_live


def test_every_difference_is_told_by_a_key_that_the_files_have() -> None:
    for kind, form in ((FlowspaceSlice, FLOWSPACE_SLICE), (Settings, SETTINGS)):
        base = configuration_of(BLUE)
        thing = base.slices[0] if kind is FlowspaceSlice else base.settings
        for one in fields(kind):
            if one.name == "place":
                continue
            other = evolve(thing, **{one.name: object()})
            if kind is FlowspaceSlice:
                after = evolve(base, slices=(evolve(other, name="blue"),))
                told = changes(base, after).slices.changed.get("blue", ())
            else:
                told = changes(base, evolve(base, settings=other)).settings
            assert set(told) <= set(form.keys)
            assert told or one.name == "name"
    assert set(NOT_LIVE) <= set(SETTINGS.keys)
