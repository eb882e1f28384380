"""Why a packet is whose it is, as people and programs read it."""

from __future__ import annotations

import json

from attrs import evolve

from flowvisor.admin.explanation_page import explanation_json, explanation_lines
from flowvisor.errors import Place
from flowvisor.planning.explanation import LOSES, MAY_OWN, OWNS, Claim, Denial, Explanation
from flowvisor.planning.network_claims import ADDRESSES
from flowvisor.planning.preview import Entry

FOUND = Explanation(
    datapath="leaf-1",
    packet="in_port 1",
    owner="blue",
    depends_on=(),
    claims=(
        Claim("blue", Place("b.yaml", 5, 5), 20, "in_port 1", OWNS),
        Claim("red", Place("r.yaml", 6, 5), 10, "any packet", LOSES),
    ),
    denials=(Denial("no", Place("n.yaml", 4, 5), is_sure=False),),
    readers=(("spy", Place("s.yaml", 7, 5)),),
    enforcement="tables",
    entries=(Entry(41, "in_port 1", "blue"),),
)
UNKNOWN = evolve(
    FOUND,
    owner=None,
    depends_on=("vlan_vid",),
    claims=(Claim("red", Place("r.yaml", 6, 5), 10, "vlan_vid 5", MAY_OWN, ("vlan_vid",)),),
    denials=(),
    readers=(),
    entries=(),
    enforcement="intersect",
)


def test_people_read_the_verdict_and_then_why() -> None:
    assert list(explanation_lines(explanation_json(FOUND))) == [
        "leaf-1: in_port 1",
        "  belongs to blue",
        "  b.yaml:5:5: blue, priority 20: in_port 1: has it",
        "  r.yaml:6:5: red, priority 10: any packet: loses it",
        "  n.yaml:4:5: the policy no may deny it",
        "  s.yaml:7:5: spy may look at it",
        "  entry, priority 41: in_port 1 -> blue",
    ]
    assert list(explanation_lines(explanation_json(UNKNOWN))) == [
        "leaf-1: in_port 1",
        "  depends on vlan_vid",
        "  r.yaml:6:5: red, priority 10: vlan_vid 5: may have it, which depends on vlan_vid",
        "  flow entries are cut to what their slices own: no entry of the hypervisor's decides",
    ]


def test_a_packet_that_is_nobodys_is_told_so() -> None:
    nobodys = evolve(UNKNOWN, depends_on=())
    assert list(explanation_lines(explanation_json(nobodys)))[1] == "  belongs to nobody"
    denied = evolve(nobodys, denials=(Denial("no", Place("n.yaml", 4, 5), is_sure=True),))
    assert "denied" in list(explanation_lines(explanation_json(denied)))[1]
    assert "  n.yaml:4:5: the policy no denies it" in explanation_lines(explanation_json(denied))


def test_what_a_virtual_network_has_is_told_by_its_port() -> None:
    port = Claim("blue", Place("b.yaml", 5, 5), None, "in_port 1", OWNS, what="port 3 of virtual switch big")
    label = Claim("", None, None, "vlan_vid 7", LOSES, what="labels of virtual networks")
    own = Denial(ADDRESSES, Place("b.yaml", 5, 5), is_sure=False)
    found = evolve(FOUND, claims=(port, label), denials=(own,), readers=(), entries=(), what=port.what)
    assert list(explanation_lines(explanation_json(found))) == [
        "leaf-1: in_port 1",
        "  belongs to blue, port 3 of virtual switch big",
        "  b.yaml:5:5: blue, port 3 of virtual switch big: in_port 1: has it",
        "  labels of virtual networks, which no host may send: vlan_vid 7: loses it",
        "  b.yaml:5:5: the port, by its addresses, may deny it",
    ]
    told = explanation_json(found)
    assert told["what"] == "port 3 of virtual switch big"
    assert [(one["place"], one["priority"]) for one in told["claims"]] == [("b.yaml:5:5", None), (None, None)]


def test_programs_read_the_same() -> None:
    found = json.loads(json.dumps(explanation_json(FOUND)))
    assert (found["datapath"], found["owner"], found["depends_on"]) == ("leaf-1", "blue", [])
    assert found["claims"][1] == {
        "slice": "red",
        "place": "r.yaml:6:5",
        "priority": 10,
        "match": "any packet",
        "outcome": "loses it",
        "depends_on": [],
        "what": "",
    }
    assert found["denials"] == [{"policy": "no", "place": "n.yaml:4:5", "is_sure": False}]
    assert found["readers"] == [{"slice": "spy", "place": "s.yaml:7:5"}]
    assert found["entries"] == [{"priority": 41, "packets": "in_port 1", "to": "blue"}]
