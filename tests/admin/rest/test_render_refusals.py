"""A tenant is told why its requests were refused, and nobody else is."""

from __future__ import annotations

from pathlib import Path

from flowvisor.hypervisor.refusals import Refused
from flowvisor.openflow.messages import FlowMod
from flowvisor.openflow.versions import codec
from tests.support.admin import Desk
from tests.support.virtual import a_network
from tests.support.world import configuration


def test_what_was_refused_is_told_with_its_reason(tmp_path: Path) -> None:
    desk = Desk(tokens=tmp_path / "tokens.yaml")
    desk.shell.datapath()
    controller = desk.shell.controller()
    controller.say(FlowMod(xid=0x1234, table_id=77))
    desk.shell.settle()
    (told,) = desk.get("/slices/blue/refusals", by="blue").json["refusals"]
    assert (told["message"], told["xid"], told["reason"], told["openflow"]) == (
        "flow_mod",
        0x1234,
        "table-id",
        "1.3",
    )
    assert (told["switch"], told["controller"]) == ("0000000000000001", "tcp:127.0.0.1:6801")
    assert told["error"] == [5, 2]
    assert bytes.fromhex(told["frame"])[4:8] == b"\x00\x00\x12\x34"
    assert told["time"].startswith("20")
    assert told["time"].endswith("Z")
    assert desk.get("/slices/red/refusals", by="red").json == {"refusals": []}
    assert desk.get("/slices/blue/refusals", by="red").status == 404


def test_a_tenant_of_a_virtual_network_is_told_of_its_own_switch(tmp_path: Path) -> None:
    desk = Desk(configuration(a_network("blue", {"big": {1: "1/1"}})), tokens=tmp_path / "tokens.yaml")
    desk.shell.datapath()
    refused = Refused(0.0, 1, "tcp:a", 4, (5, 2), "table-id", codec(4).encode(FlowMod()))
    desk.instance.hypervisor.tenants["blue"].refusals.append(refused)
    (told,) = desk.get("/slices/blue/refusals", by="blue").json["refusals"]
    assert (told["switch"], told["dpid"]) == ("big", "00000000000000a0")
