"""The admin's own entries as the main file has them, and everything that can be wrong with them."""

import pytest

from flowvisor.configuration.base_entries import MAX_BOXES, base_entries
from flowvisor.configuration.documents import TextFile, parse_document
from flowvisor.configuration.schema import Names
from flowvisor.errors import ConfigurationError, Place
from flowvisor.network.wanted_datapath import BaseEntry
from flowvisor.openflow.fields import VLAN_PRESENT
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import FLOOD, LOCAL, NORMAL


def convert(text: str) -> tuple[BaseEntry, ...]:
    ((_, value),) = parse_document(TextFile("f", f"k: {text}")).entries
    return base_entries(value, Names(datapaths={}))


def told(text: str) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        convert(text)
    return str(caught.value).splitlines()


def test_an_entry_says_which_packets_go_where() -> None:
    place = Place("f", 1, 5)
    assert convert("[{match: {vlan_vid: 4000}, output: [1, local]}]") == (
        BaseEntry((Match.of(vlan_vid=VLAN_PRESENT | 4000),), (1, LOCAL), place),
    )
    outputs = {"normal": (NORMAL,), "flood": (FLOOD,), "7": (7,), "nowhere": ()}
    for text, ports in outputs.items():
        (entry,) = convert(f"[{{match: {{in_port: 1}}, output: {text}}}]")
        assert (entry.outputs, entry.place) == (ports, place)


def test_where_it_stands_makes_no_difference() -> None:
    assert convert("[{match: {in_port: 1}, output: 2}]") == convert("  [ {match: {in_port: 1}, output: 2}]")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[{match: {in_port: 1}}]", "f:1:5: output: this key is missing"),
        ("[{output: 1}]", "f:1:5: match: this key is missing"),
        ("[{match: {in_port: 1}, output: 2, priority: 3}]", "f:1:38: priority: unknown key"),
        ("[{match: {in_prt: 1}, output: 2}]", 'f:1:14: in_prt: unknown key; did you mean "in_port"?'),
        (
            "[{match: {in_port: 1}, output: controller}]",
            'f:1:35: output: "controller" is no port: write a number, local, normal, flood, or nowhere',
        ),
        (
            "[{match: {in_port: 1}, output: [1, nowhere]}]",
            'f:1:39: output: "nowhere" is no port: write a number, local, normal, flood, or nowhere',
        ),
        (
            "[{match: {in_port: 1}, output: 0}]",
            'f:1:35: output: "0" is no port: write a number, local, normal, flood, or nowhere',
        ),
    ],
)
def test_what_is_no_entry_is_refused_at_its_place(text: str, complaint: str) -> None:
    assert told(text) == [complaint]


def test_no_packet_may_fit_two_entries() -> None:
    two = "\n- {match: {in_port: [1, 2]}, output: 3}\n- {match: {vlan_vid: 7, in_port: 2}, output: 4}"
    assert told(two) == [
        "f:3:3: some packets are those of the entry in line 2, too; let no packet fit both",
    ]
    assert len(convert("[{match: {in_port: 1}, output: 3}, {match: {in_port: 2}, output: 3}]")) == 2


def test_there_is_a_bound_for_how_many_there_are() -> None:
    wide = '[{match: {in_port: "1-%d"}, output: 1}, {match: {in_port: 2000}, output: 1}]'
    assert told(wide % MAX_BOXES) == [f"f:1:4: the entries multiply out to more than {MAX_BOXES} matches"]
    assert len(convert(wide % (MAX_BOXES - 1))) == 2
