"""What each question is answered, by the admin's token and by a tenant's."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve

from flowvisor.network.topology import End
from flowvisor.openflow.match import Match
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.policies.quota import Quota
from tests.support.admin import Desk
from tests.support.virtual import a_network
from tests.support.world import NOWHERE, a_slice, configuration, ports

SLICE_FILE = """# what is meant
kind: flowspace
name: blue
tls: {private_key: /secret/key, certificate: /secret/certificate}
controllers: [tcp:127.0.0.1:6801]
flowspace:
  - {datapaths: [leaf-1], priority: 100, match: {in_port: 1, vlan_vid: none}}
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("desk")
    acl = Acl("fence", (AclRule(True, None, (Match.of(in_port=2),), NOWHERE),))
    policies = (Quota("small", groups=1), Quota("other", groups=2), acl)
    plain = configuration(
        a_slice("blue", ports(1, 3), policies=["small", "fence"]),
        a_slice("red", ports(2), policies=["other", "fence"]),
        policies=policies,
    )
    settings = evolve(
        plain.settings,
        datapaths={"leaf-1": 1},
        links=((End(1, 2), End(1, 3)),),
        slices=str(folder / "slices"),
        policies=str(folder / "policies"),
    )
    for name, text in (
        ("slices/blue", SLICE_FILE),
        ("policies/small", "kind: quota\nname: small\ngroups: 1\n"),
        ("policies/fence", "kind: acl\nname: fence\nrules: [{deny: {in_port: 2}}]\n"),
    ):
        (folder / f"{name}.yaml").parent.mkdir(exist_ok=True)
        (folder / f"{name}.yaml").write_text(text)
    desk = Desk(evolve(plain, settings=settings), tokens=folder / "tokens.yaml")
    desk.shell.datapath()
    desk.shell.controller()
    return desk


def test_who_asks_is_told_who_it_is(desk: Desk) -> None:
    assert desk.get("/whoami").json == {"token": "admin", "role": "admin", "slice": None}
    assert desk.get("/whoami", by="red").json == {"token": "red", "role": "tenant", "slice": "red"}


def test_the_service_is_told_as_a_whole(desk: Desk) -> None:
    desk.lag.came_round(1.0)
    desk.lag.came_round(2.5)
    told = desk.get("/status").json
    assert (told["status"], told["slices"], told["policies"], told["lag_seconds"]) == ("ok", 2, 3, 0.5)
    assert told["datapaths"] == {"named": 1, "connected": 1, "ready": 1}
    assert told["started_at"].endswith("Z")


@pytest.mark.parametrize(
    "name", ["leaf-1", "0x1", "0000000000000001", "00:00:00:00:00:00:00:01".replace(":", "")]
)
def test_a_datapath_is_found_by_its_name_and_its_dpid(desk: Desk, name: str) -> None:
    assert desk.get(f"/datapaths/{name}").json["name"] == "leaf-1"
    assert len(desk.get(f"/datapaths/{name}/ports").json["ports"]) == 3


@pytest.mark.parametrize("name", ["leaf-2", "0x2", "0x", "blue"])
def test_another_is_not_there(desk: Desk, name: str) -> None:
    for path in (f"/datapaths/{name}", f"/datapaths/{name}/ports"):
        assert desk.get(path).status == 404


@pytest.mark.parametrize("name", ["leaf-1", "0x1"])
def test_a_packet_is_explained_by_what_runs(desk: Desk, name: str) -> None:
    (told,) = desk.get(f"/explain?datapath={name}&fields=in_port=3,tcp_dst=80").json["explanations"][:1]
    assert (told["datapath"], told["owner"], told["entries"][-1]["to"]) == ("leaf-1", "blue", "blue")
    assert [(one["slice"], one["outcome"]) for one in told["claims"]] == [("blue", "has it")]


@pytest.mark.parametrize(
    ("query", "status", "said"),
    [
        ("datapath=leaf-1", 400, "say fields"),
        ("fields=in_port=1", 400, "say datapath"),
        ("datapath=leaf-1&fields=tcp_dst=80", 400, "say in_port=PORT"),
        ("datapath=leaf-1&fields=in_port=1,colour=red", 400, '"colour=red" is not FIELD=VALUE'),
        ("datapath=leaf-1&fields=in_port=much", 400, "much"),
        ("datapath=leaf-9&fields=in_port=1", 404, 'no datapath "leaf-9"'),
    ],
)
def test_what_cannot_be_explained_is_said(desk: Desk, query: str, status: int, said: str) -> None:
    answer = desk.get(f"/explain?{query}")
    assert (answer.status, said in answer.json["detail"]) == (status, True)


def test_everything_is_listed(desk: Desk) -> None:
    for path, name, count in (
        *(("/datapaths", "datapaths", 1), ("/links", "links", 2), ("/allocations", "allocations", 2)),
        *(("/slices", "slices", 2), ("/switches", "switches", 2), ("/controllers", "controllers", 2)),
        *(("/policies", "policies", 3), ("/slices/blue/switches", "switches", 1)),
        *(("/slices/blue/controllers", "controllers", 1), ("/slices/blue/links", "links", 0)),
    ):
        assert len(desk.get(path).json[name]) == count, path


def test_a_tenant_is_told_nothing_of_another(desk: Desk) -> None:
    paths = ["/whoami", "/slices", "/switches", "/controllers", "/policies", "/policies/fence"]
    paths += ["/slices/blue", *(f"/slices/blue/{part}" for part in ("switches", "controllers", "links"))]
    for path in paths:
        answer = desk.get(path, by="blue")
        assert answer.status == 200
        for others in (b'"red"', b"other", b"port-2", b"/secret", b"in_port: 2", b'"in_port": 2'):
            assert others not in answer.body, path
    for path in ("/policies/other", "/policies/none"):
        assert desk.get(path, by="blue").status == 404


def test_a_slice_comes_with_its_file(desk: Desk) -> None:
    answer = desk.get("/slices/blue")
    document = answer.json["document"]
    assert document["flowspace"] == [
        {"datapaths": ["leaf-1"], "priority": 100, "match": {"in_port": 1, "vlan_vid": "none"}}
    ]
    assert document["tls"]["private_key"] == "/secret/key"
    raw = desk.get("/slices/blue", Accept="application/yaml")
    assert (raw.body.decode(), raw.headers["content-type"]) == (SLICE_FILE, "application/yaml")
    assert answer.headers["etag"] == raw.headers["etag"]


def test_a_tenant_is_not_given_the_file_as_the_admin_wrote_it(desk: Desk) -> None:
    answer = desk.get("/slices/blue", by="blue", Accept="application/yaml")
    assert answer.json["document"].keys() == {"kind", "name", "controllers", "flowspace"}


def test_a_slice_without_a_file_is_told_all_the_same(desk: Desk) -> None:
    answer = desk.get("/slices/red")
    assert (answer.json["document"], answer.headers.get("etag")) == (None, None)
    assert desk.get("/slices/red", Accept="application/yaml").status == 404


def test_a_policy_comes_with_its_file_but_an_acl_only_for_the_admin(desk: Desk) -> None:
    assert desk.get("/policies/small", by="blue").json["document"] == {
        "kind": "quota",
        "name": "small",
        "groups": 1,
    }
    assert desk.get("/policies/fence").json["document"]["rules"] == [{"deny": {"in_port": 2}}]
    assert desk.get("/policies/fence", by="blue").json["document"] is None
    assert desk.get("/policies/fence", Accept="application/yaml").body.startswith(b"kind: acl")
    assert desk.get("/policies/none").status == 404


def test_metrics_and_health_are_for_everybody(desk: Desk) -> None:
    assert b"flowvisor_build_info" in desk.ask("GET", "/metrics", token="").body
    assert desk.ask("GET", "/health", token="").json["status"] == "ok"


def test_tokens_are_looked_at_for_every_request(tmp_path: Path) -> None:
    desk = Desk(tokens=tmp_path / "tokens.yaml")
    assert desk.instance.tokens is not None
    assert desk.get("/slices").status == 200
    desk.instance.tokens.revoke("admin")
    assert desk.get("/slices").status == 401


def test_what_has_happened_lately_is_told_to_whom_it_concerns(desk: Desk) -> None:
    everything = desk.get("/events/recent").json["events"]
    assert {one["event"] for one in everything} >= {"datapath_up", "switch_up", "controller_up"}
    own = desk.get("/events/recent", by="blue").json["events"]
    assert {one["slice"] for one in own} == {"blue"}
    assert "datapath_up" not in {one["event"] for one in own}


def test_of_a_virtual_network_its_tenant_is_told_what_it_sees_and_nothing_physical(tmp_path: Path) -> None:
    network = a_network("blue", {"big": {1: "1/1", 2: "2/1"}, "lab": {1: "1/2"}}, ["big/10 lab/10"])
    plain = configuration(network, a_slice("red", ports(7)))
    settings = evolve(plain.settings, datapaths={"leaf-1": 1, "leaf-2": 2}, slices=str(tmp_path))
    desk = Desk(evolve(plain, settings=settings), tokens=tmp_path / "tokens.yaml")
    for dpid in (1, 2):
        desk.shell.datapath(dpid, ports=(1, 2, 7))
    desk.shell.pass_time(70)  # until those that have not come are not waited for any more
    switches = desk.get("/slices/blue/switches").json["switches"]
    assert [(one["name"], one["dpid"][-2:], one["lies_on"]) for one in switches] == [
        ("big", "a0", ["leaf-1", "leaf-2"]),
        ("lab", "a1", ["leaf-1"]),
    ]
    assert [port["port"] for port in switches[0]["ports"]] == [1, 2, 10]
    (link, back) = desk.get("/slices/blue/links", by="blue").json["links"]
    assert ((link["near"]["switch"], link["far"]["switch"]), back["near"]) == (("big", "lab"), link["far"])
    told = desk.get("/slices/blue", by="blue").json
    assert (told["kind"], told["switches"], told["channels"]) == ("virtual-network", 2, 0)
    parts = ("/switches", "/links", "/controllers", "/refusals", "/switches/big/flows", "/switches/lab/flows")
    for path in ("/slices", "/events/recent", "/slices/blue", *(f"/slices/blue{part}" for part in parts)):
        body = desk.get(path, by="blue").body
        assert b"leaf" not in body, path
        assert b"0000000000000001" not in body, path
    assert desk.get("/datapaths/leaf-1").json["slices"] == ["blue", "red"]
