"""The table is served as its OpenAPI document says: what is asked by its rules, and against them."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import CHECKS

from flowvisor.admin.page import JSON
from flowvisor.admin.rest.access import Audience
from flowvisor.admin.rest.routes import Route
from flowvisor.admin.rest.table import ROUTES, document
from flowvisor.openflow.messages import FlowMod
from tests.support.admin import Desk
from tests.support.desk_files import write_files
from tests.support.examples import examples
from tests.support.wsgi import Wsgi

EXAMPLES = 8
SILENT = "/events"  # it has no end


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("desk")
    desk = Desk(main_file=write_files(folder), tokens=folder / "tokens.yaml")
    desk.shell.datapath()
    controller = desk.shell.controller()
    controller.say(FlowMod(table_id=77))
    desk.shell.settle()
    return desk


ASKED = [
    pytest.param(route, mode, id=f"{route.operation}-{mode.value}")
    for route in ROUTES
    for mode in GenerationMode
    if route.path != SILENT
    and (
        mode is GenerationMode.POSITIVE or route.audience is not Audience.EVERYBODY
    )  # nothing can be wrong there
]
NAMES = {"slice": "blue", "datapath": "0x1", "switch": "0000000000000001", "policy": "small"}


@pytest.fixture(scope="module")
def api(desk: Desk) -> Any:
    return schemathesis.openapi.from_wsgi("/openapi.json", Wsgi(desk))


@pytest.mark.parametrize(("route", "mode"), ASKED)
def test_every_answer_is_one_that_the_document_tells_of(
    desk: Desk, api: Any, route: Route, mode: GenerationMode
) -> None:
    operation = api[route.path][route.method]
    names = {name: NAMES[name] for name in route.parameters}
    cases = operation.as_strategy(generation_mode=mode)
    if names:
        cases = cases | operation.as_strategy(path_parameters=names)

    @settings(examples(EXAMPLES), deadline=None, suppress_health_check=list(HealthCheck))
    @given(cases)
    def ask(case: Case) -> None:
        # What is right by its form may still be of another file than there is, or one that cannot be in force.
        excluded = (
            [] if route.method == "GET" and not route.query else [CHECKS.get_one("positive_data_acceptance")]
        )
        headers = {"Authorization": f"Bearer {desk.tokens[None]}"}
        case.call_and_validate(headers=headers, excluded_checks=excluded)

    ask()


@pytest.mark.parametrize("by", [None, "blue"])
def test_what_is_there_has_the_shape_that_the_document_tells(desk: Desk, by: str | None) -> None:
    whole = document()
    for route in ROUTES:
        path = route.path.format(**NAMES)
        if route.method != "GET" or route.content_type != JSON:
            continue
        answer = desk.get(path, by=by)
        operation = whole["paths"][route.path]["get"]
        content = operation["responses"][str(answer.status)]["content"]
        schema = content[answer.headers["content-type"]]["schema"]
        jsonschema_rs.validator_for({**schema, "components": whole["components"]}).validate(answer.json)


def test_operations_have_names_of_their_own() -> None:
    names = [route.operation for route in ROUTES]
    assert len(names) == len(set(names))
    assert len({(route.method, route.path) for route in ROUTES}) == len(ROUTES)


def test_the_document_that_is_served_is_that_of_the_table(desk: Desk) -> None:
    assert desk.ask("GET", "/openapi.json", token="").json == document()
