"""Flow entries in words that people and programs read."""

from __future__ import annotations

import json
from time import thread_time

import jsonschema_rs
from hypothesis import given

from flowvisor.admin.rest import shapes
from flowvisor.admin.rest.json_pieces import listing
from flowvisor.admin.rest.render_flows import flows, match_as_json, named
from flowvisor.admin.rest.schemas import Schemas
from flowvisor.openflow.actions import (
    ApplyActions,
    ClearActions,
    GotoTable,
    Instructions,
    Output,
    SetField,
    WriteActions,
)
from flowvisor.openflow.match import Match, OpaqueField
from flowvisor.openflow.multipart import FlowStats
from flowvisor.openflow.ports import CONTROLLER
from tests.support.examples import examples
from tests.support.message_strategies import any_match, shown_instructions
from tests.support.undisturbed import undisturbed


def test_a_match_is_written_as_in_the_files() -> None:
    match = Match.of(ipv4_src=(0x0A010000, 0xFFFF0000), eth_type=0x0800, vlan_vid=0x1064)
    assert match_as_json(match) == {"ipv4_src": "10.1.0.0/16", "eth_type": "ipv4", "vlan_vid": "100"}
    assert match_as_json(Match(opaque=(OpaqueField(0xFFFF0004, b"\x01\x02"),))) == {"0xffff0004": "0102"}


def test_instructions_have_their_types() -> None:
    assert named(GotoTable(3)) == {"type": "goto_table", "table_id": 3}
    assert named(ClearActions()) == {"type": "clear_actions"}
    assert named(ApplyActions((Output(CONTROLLER, 128), SetField("ipv4_dst", 0x0A000001)))) == {
        "type": "apply_actions",
        "actions": [
            {"type": "output", "port": "controller", "max_len": 128},
            {"type": "set_field", "field": "ipv4_dst", "value": "10.0.0.1"},
        ],
    }


SCHEMAS = Schemas()
SHAPE = {**SCHEMAS.of(shapes.FlowEntry), "components": {"schemas": SCHEMAS.components}}
VALIDATOR = jsonschema_rs.validator_for(SHAPE)


@examples(40)
@given(any_match, shown_instructions)
def test_whatever_a_datapath_tells_has_the_shape(match: Match, instructions: Instructions) -> None:
    (told,) = flows(iter([FlowStats(match=match, instructions=instructions)]), "leaf-1", 1)
    VALIDATOR.validate(json.loads(json.dumps(told)))
    assert [one["type"] for one in told["instructions"]] == [named(one)["type"] for one in instructions]
    assert len(told["match"]) == len({*match.fields, *(one.header for one in match.opaque)})


def test_an_entry_is_told_with_what_it_has_counted() -> None:
    stats = FlowStats(
        table_id=2,
        duration_sec=3,
        duration_nsec=500_000_000,
        priority=7,
        cookie=0xAB,
        packet_count=5,
        match=Match.of(in_port=1),
        instructions=(WriteActions((Output(2),)),),
    )
    (told,) = flows(iter([stats]), "leaf-1", 1)
    assert (told["cookie"], told["duration_seconds"], told["match"]) == (
        "0x00000000000000ab",
        3.5,
        {"in_port": "1"},
    )


def test_of_20000_entries_no_piece_takes_long() -> None:
    entry = FlowStats(match=Match.of(in_port=1, eth_type=0x0800, ipv4_src=5), instructions=(GotoTable(1),))
    page = listing("flows", flows(iter([entry] * 20_000), "leaf-1", 1))
    longest, count = 0.0, 0
    with undisturbed():
        while True:
            begun = thread_time()
            piece = next(page.body, None)  # type: ignore[arg-type]
            longest = max(longest, thread_time() - begun)
            if piece is None:
                break
            count += 1
    assert count == 20_001
    assert longest < 0.05
