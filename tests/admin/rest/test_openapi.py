"""The document says of every route what it takes and what it answers."""

from __future__ import annotations

from typing import Any

import pytest

from flowvisor.admin.page import JSON, Page
from flowvisor.admin.rest import shapes
from flowvisor.admin.rest.access import Audience
from flowvisor.admin.rest.openapi import openapi
from flowvisor.admin.rest.routes import Header, Query, Route

ROUTE = Route(
    *("PUT", "/slices/{slice}", "putSlice", "One slice", Audience.ADMIN, lambda instance, call: Page("")),
    shape=shapes.Slice,
    statuses=(200, 201),
    query=(Query("dry", "check only", {"type": "boolean"}),),
    headers=(Header("If-Match", "the tag"),),
    body=(JSON, "application/yaml"),
    refusals=(412, 422),
    has_etag=True,
)
OPEN = Route(
    "GET",
    "/text",
    "getText",
    "A text",
    Audience.EVERYBODY,
    lambda i, c: Page(""),
    content_type="text/plain; x",
)


@pytest.fixture(scope="module")
def document() -> dict[str, Any]:
    return openapi([ROUTE, OPEN])


def test_a_route_is_an_operation(document: dict[str, Any]) -> None:
    operation = document["paths"]["/slices/{slice}"]["put"]
    assert (operation["operationId"], operation["summary"]) == ("putSlice", "One slice")
    assert operation["security"] == [{"token": []}]
    assert [(one["name"], one["in"], one.get("required", False)) for one in operation["parameters"]] == [
        ("slice", "path", True),
        ("dry", "query", False),
        ("If-Match", "header", False),
    ]
    assert set(operation["requestBody"]["content"]) == {JSON, "application/yaml"}


def test_every_status_has_its_shape(document: dict[str, Any]) -> None:
    responses = document["paths"]["/slices/{slice}"]["put"]["responses"]
    assert set(responses) == {"200", "201", "400", "401", "403", "404", "412", "413", "415", "422"}
    assert responses["200"]["content"][JSON]["schema"] == {"$ref": "#/components/schemas/Slice"}
    assert "ETag" in responses["200"]["headers"]
    problem = responses["404"]["content"]["application/problem+json"]["schema"]
    assert problem == {"$ref": "#/components/schemas/Problem"}
    assert responses["422"]["content"]["application/problem+json"]["schema"]["$ref"].endswith("/BadFiles")
    assert {"Slice", "Problem", "BadFiles", "FileProblem"} <= set(document["components"]["schemas"])


def test_what_is_for_everybody_needs_no_token(document: dict[str, Any]) -> None:
    operation = document["paths"]["/text"]["get"]
    assert "security" not in operation
    assert set(operation["responses"]) == {"200", "400"}
    assert operation["responses"]["200"]["content"] == {"text/plain": {"schema": {"type": "string"}}}
