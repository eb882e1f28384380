"""Changes over the API: what is asked by whom, and what comes of it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from flowvisor.admin.rest.routes import Route
from flowvisor.admin.rest.table import ROUTES
from tests.support.admin import Answer, Desk
from tests.support.desk_files import slice_text, write_files

YAML = {"Content-Type": "application/yaml"}
JSON = {"Content-Type": "application/json"}


class Office:
    """A desk whose files may be changed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.desk = Desk(main_file=write_files(folder), tokens=folder / "tokens.yaml")
        self.desk.shell.datapath()

    def tag(self, path: str) -> str:
        return self.desk.get(path).headers["etag"]

    def put(self, path: str, text: str | dict[str, Any], *, by: str | None = None, **headers: str) -> Answer:
        kind = YAML if isinstance(text, str) else JSON
        body = text if isinstance(text, str) else json.dumps(text)
        return self.desk.ask("PUT", path, by=by, headers={**kind, **headers}, body=body.encode())

    def everything(self) -> Any:
        files = {str(path): path.read_bytes() for path in self.folder.rglob("*") if path.is_file()}
        return files, self.desk.instance.reloading.revision, self.desk.instance.configuration


@pytest.fixture
def office(tmp_path: Path) -> Office:
    return Office(tmp_path)


def test_a_slice_is_made_changed_and_removed(office: Office) -> None:
    made = office.put("/slices/green", slice_text("green", 3))
    assert (made.status, made.json["is_new"], made.json["revision"]) == (201, True, 2)
    assert made.json["changes"]["slices"]["added"] == ["green"]
    changed = office.put("/slices/green", slice_text("green", 4), **{"If-Match": made.headers["etag"]})
    assert (changed.status, changed.json["is_new"]) == (200, False)
    assert office.tag("/slices/green") == changed.headers["etag"]
    removed = office.desk.ask("DELETE", "/slices/green", headers={"If-Match": changed.headers["etag"]})
    assert (removed.status, removed.body) == (204, b"")
    assert office.desk.get("/slices/green").status == 404


def test_a_token_of_a_removed_slice_does_not_open_a_later_one_of_its_name(office: Office) -> None:
    assert office.desk.get("/slices/blue", by="blue").status == 200
    office.desk.ask("DELETE", "/slices/blue", headers={"If-Match": "*"})
    assert office.desk.get("/whoami", by="blue").status == 401
    assert office.put("/slices/blue", slice_text("blue", 1)).status == 201
    assert office.desk.get("/slices/blue", by="blue").status == 401
    assert office.desk.get("/slices/red", by="red").status == 200


def test_nor_if_the_file_went_at_a_reload(office: Office) -> None:
    file = office.folder / "slices" / "blue.yaml"
    text = file.read_text()
    file.unlink()
    assert office.desk.ask("POST", "/reload").status == 200
    file.write_text(text)
    assert office.desk.ask("POST", "/reload").status == 200
    assert [office.desk.get("/whoami", by=name).status for name in ("blue", "red")] == [401, 200]


def test_what_was_read_as_json_can_be_sent_back_with_a_change(office: Office) -> None:
    read = office.desk.get("/slices/blue")
    document = read.json["document"]
    document["flowspace"].append({"datapaths": ["leaf-1"], "priority": 100, "match": {"in_port": 3}})
    answer = office.put("/slices/blue", document, **{"If-Match": read.headers["etag"]})
    assert (answer.status, answer.json["changes"]["slices"]["changed"]) == (200, {"blue": ["flowspace"]})
    (switch,) = office.desk.get("/slices/blue/switches").json["switches"]
    assert [port["port"] for port in switch["ports"]] == [1, 3]


def test_a_policy_is_changed_and_in_force(office: Office) -> None:
    document = {"kind": "quota", "name": "small", "flow_entries_per_datapath": 7}
    answer = office.put("/policies/small", document, **{"If-Match": office.tag("/policies/small")})
    assert answer.status == 200
    (switch,) = office.desk.get("/slices/blue/switches").json["switches"]
    assert switch["flow_entries_limit"] == 7
    assert office.put("/policies/new", {"kind": "quota", "name": "new", "groups": 1}).status == 201
    removed = office.desk.ask("DELETE", "/policies/new", headers={"If-Match": office.tag("/policies/new")})
    assert removed.status == 204


CHANGES = [route for route in ROUTES if route.method != "GET"]


@pytest.mark.parametrize("route", CHANGES, ids=lambda route: route.operation)
@pytest.mark.parametrize("by", ["blue", "nobody"])
def test_only_the_admin_changes_anything(office: Office, route: Route, by: str) -> None:
    before = office.everything()
    path = route.path.format(slice="blue", policy="small")
    headers = {"If-Match": "*", **YAML}
    body = slice_text("blue", 3).encode() if route.body else b""
    answer = office.desk.ask(route.method, path, by=by, headers=headers, body=body)
    assert (answer.status, answer.headers["content-type"]) == (
        403 if by == "blue" else 401,
        "application/problem+json",
    )
    assert office.everything() == before


@pytest.mark.parametrize(
    ("path", "body", "headers", "status"),
    [
        ("/slices/blue", slice_text("blue", 3), {}, 428),
        ("/slices/blue", slice_text("blue", 3), {"If-Match": '"old"'}, 412),
        ("/slices/green", slice_text("green", 3), {"If-Match": "*"}, 412),
        ("/slices/blue", slice_text("blue", 3), {"If-None-Match": "*"}, 412),
        ("/slices/blue", slice_text("blue", 2), {"If-Match": "*"}, 422),
        ("/slices/blue", "kind: virtual-nothing\n", {"If-Match": "*"}, 422),
        ("/slices/blue", "a: [", {"If-Match": "*"}, 422),
        ("/slices/blue", "\x00", {"If-Match": "*"}, 422),
        ("/slices/blue", "", {"If-Match": "*"}, 422),
        ("/slices/blue", "x", {"If-Match": "*", "Content-Type": "text/plain"}, 415),
        ("/slices/blue", "[]", {"If-Match": "*", "Content-Type": "application/json"}, 400),
        ("/slices/blue", '{"kind": 7}', {"If-Match": "*", "Content-Type": "application/json"}, 422),
        ("/slices/..%2Fred", slice_text("red", 3), {"If-Match": "*"}, 404),
        ("/slices/%2E%2E", slice_text("red", 3), {"If-Match": "*"}, 404),
        ("/slices/blue?force=1", slice_text("blue", 3), {"If-Match": "*"}, 400),
        ("/policies/small", "kind: quota\nname: small\ngroups: many\n", {"If-Match": "*"}, 422),
        ("/policies/small", slice_text("small", 3), {"If-Match": "*"}, 422),
    ],
)
def test_what_is_wrong_is_a_problem_and_nothing_has_changed(
    office: Office, path: str, body: str, headers: dict[str, str], status: int
) -> None:
    before = office.everything()
    answer = office.put(path, body, **headers)
    assert (answer.status, answer.json["status"]) == (status, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json["detail"]
    assert office.everything() == before


def test_a_plan_says_what_a_reload_then_does(office: Office) -> None:
    assert office.desk.get("/plan").json["changes"] is False
    (office.folder / "slices/red.yaml").write_text(slice_text("red", 3))
    plan = office.desk.get("/plan").json
    assert (plan["changes"], plan["slices"]["changed"]) == (True, {"red": ["flowspace"]})
    (leaf,) = plan["datapaths"]
    assert leaf["slices"]["red"]["ports_lost"] == ["2"]
    reloaded = office.desk.ask("POST", "/reload")
    assert (reloaded.status, reloaded.json["revision"]) == (200, 2)
    assert reloaded.json["changes"]["slices"]["changed"] == {"red": ["flowspace"]}
    assert office.desk.get("/plan").json["changes"] is False


def test_a_plan_may_be_of_another_time(office: Office) -> None:
    red = office.folder / "slices/red.yaml"
    rule = "{datapaths: [leaf-1], priority: 100, match: {in_port: 3}, when: {days: [sun]}}"
    red.write_text(red.read_text().replace("flowspace: [", f"flowspace: [{rule}, "))
    for at, gains in (("2030-06-02T12:00:00Z", [["3"]]), ("2030-06-04T12:00:00%2B00:00", [])):
        told = office.desk.get(f"/plan?at={at}")
        assert told.status == 200
        changes = [one["slices"]["red"] for one in told.json["datapaths"] if "red" in one["slices"]]
        assert [one["ports_gained"] for one in changes] == gains
    for wrong in ("", "soon", "2030-06-02T12:00:00", "0001-01-01T00:00:00%2B23:00", "2030-13-01T00:00:00Z"):
        assert office.desk.get(f"/plan?at={wrong}").status == 400


def test_files_that_are_not_good_are_told_with_their_places(office: Office) -> None:
    (office.folder / "slices/red.yaml").write_text("kind: flowspace\n")
    before = office.everything()
    for method, path in (("GET", "/plan"), ("POST", "/reload")):
        answer = office.desk.ask(method, path)
        assert answer.status == 422
        assert {(one["line"], one["key"]) for one in answer.json["problems"]} >= {(1, "name")}
        assert "red.yaml" in answer.json["problems"][0]["file"]
    assert office.everything() == before


def test_who_has_changed_what_is_an_event(office: Office) -> None:
    office.put("/slices/green", slice_text("green", 3))
    told = [(one.event, dict(one.details)) for one in office.desk.instance.events.of(None).after(0)]
    assert ("file_changed", {"folder": "slices", "name": "green", "what": "made", "token": "admin"}) in told
    assert all(one.event != "file_changed" for one in office.desk.instance.events.of("blue").after(0))
