"""What a reload would do, as people and programs read it."""

from __future__ import annotations

import json

from flowvisor.admin.preview_page import preview_json, preview_lines
from flowvisor.configuration.changes import Changes, Differences
from flowvisor.planning.network_preview import (
    CLOSED,
    KEPT,
    OPENED,
    REOPENED,
    NetworkChanges,
    PortChange,
)
from flowvisor.planning.preview import (
    DatapathChanges,
    Entry,
    EntryChanges,
    Preview,
    SliceChanges,
)

FOUND = Preview(
    Changes(
        slices=Differences(added=("new",), removed=("old",), changed={"blue": ("flowspace", "tables")}),
        policies=Differences(changed={"gold": ("rate",)}),
        settings=("listen", "admission"),
    ),
    (
        DatapathChanges(
            "leaf-1",
            EntryChanges(
                added=(Entry(201, "in_port 1", "new"),),
                changed=((Entry(201, "in_port 2", "old"), Entry(201, "in_port 2", "blue")),),
                removed=(Entry(201, "in_port 3", "drop"),),
            ),
            {
                "blue": SliceChanges(REOPENED, ports_gained=("2",)),
                "new": SliceChanges(OPENED, ports_gained=("1", "local")),
                "old": SliceChanges(CLOSED, ports_lost=("2",)),
                "red": SliceChanges(hung_up_on=("tcp:a:1",), called=("tcp:b:1",)),
            },
            ("tables", "intersect"),
        ),
    ),
)


def test_people_read_a_difference() -> None:
    assert list(preview_lines(FOUND)) == [
        "+ slice new",
        "- slice old",
        "~ slice blue: flowspace, tables",
        "~ policy gold: rate",
        "~ main file: listen, from the next start on",
        "~ main file: admission",
        "datapath leaf-1",
        "  ~ slices are kept apart by intersect, no longer by tables",
        "  + priority 201: in_port 1 -> new",
        "  ~ priority 201: in_port 2 -> blue (was old)",
        "  - priority 201: in_port 3 -> drop",
        "  ~ slice blue: its channels are reopened",
        "  ~ slice blue: gains ports 2",
        "  + slice new: its channels are opened",
        "  + slice new: gains ports 1, local",
        "  - slice old: its channels are closed",
        "  - slice old: loses ports 2",
        "  ~ slice red: its channels to tcp:a:1 are closed",
        "  ~ slice red: tcp:b:1 may control it",
    ]


def test_programs_read_the_same() -> None:
    found = json.loads(json.dumps(preview_json(FOUND)))
    assert found["changes"] is True
    assert found["slices"]["changed"] == {"blue": ["flowspace", "tables"]}
    assert (found["settings"], found["after_restart"]) == (["listen", "admission"], ["listen"])
    (leaf,) = found["datapaths"]
    assert leaf["enforcement"] == {"before": "tables", "after": "intersect"}
    assert leaf["entries"] == {
        "added": [{"priority": 201, "packets": "in_port 1", "to": "new"}],
        "changed": [{"priority": 201, "packets": "in_port 2", "to": "blue", "before": "old"}],
        "removed": [{"priority": 201, "packets": "in_port 3", "to": "drop"}],
    }
    assert leaf["slices"]["red"] == {
        "channels": "kept",
        "hung_up_on": ["tcp:a:1"],
        "called": ["tcp:b:1"],
        "ports_gained": [],
        "ports_lost": [],
    }


def test_of_virtual_networks_ports_and_channels_are_told() -> None:
    moves = (PortChange(1, None, "a/1"), PortChange(2, "a/2", None), PortChange(3, "a/3", "b/3"))
    networks = (
        NetworkChanges("blue", "big", REOPENED, moves),
        NetworkChanges("red", "lab", CLOSED, ()),
        NetworkChanges("red", "sea", KEPT, moves[:1], ("tcp:a:1",), ("tcp:b:1",)),
    )
    found = Preview(Changes(), networks=networks)
    assert list(preview_lines(found)) == [
        "~ virtual switch blue/big: its channels are reopened",
        "+ virtual switch blue/big: port 1 at a/1",
        "- virtual switch blue/big: port 2 at a/2",
        "~ virtual switch blue/big: port 3 at b/3 (was at a/3)",
        "- virtual switch red/lab: its channels are closed",
        "~ virtual switch red/sea: its channels to tcp:a:1 are closed",
        "~ virtual switch red/sea: tcp:b:1 may control it",
        "+ virtual switch red/sea: port 1 at a/1",
    ]
    told = preview_json(found)
    assert told["changes"] is True
    assert json.loads(json.dumps(told))["networks"][2] == {
        "network": "red",
        "switch": "sea",
        "channels": "kept",
        "ports": [{"port": 1, "before": None, "after": "a/1"}],
        "hung_up_on": ["tcp:a:1"],
        "called": ["tcp:b:1"],
    }


def test_nothing_is_no_lines() -> None:
    assert list(preview_lines(Preview(Changes()))) == []
    assert preview_json(Preview(Changes()))["changes"] is False
