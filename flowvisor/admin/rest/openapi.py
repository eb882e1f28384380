"""The OpenAPI 3.1 document of a table of routes."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from typing import Any, Final

from flowvisor import __version__
from flowvisor.admin.page import JSON
from flowvisor.admin.rest import shapes
from flowvisor.admin.rest.access import Audience
from flowvisor.admin.rest.problems import CONTENT_TYPE as PROBLEM
from flowvisor.admin.rest.routes import NAME_PATTERN, Route
from flowvisor.admin.rest.schemas import Schema, Schemas

_SCHEME: Final = "token"
# Problem documents of these have members of their own.
_SHAPES: Final[dict[int, Any]] = {HTTPStatus.UNPROCESSABLE_ENTITY: shapes.BadFiles}


def openapi(routes: Iterable[Route]) -> dict[str, Any]:
    """The document."""
    schemas = Schemas()
    paths: dict[str, dict[str, Any]] = {}
    for route in routes:
        paths.setdefault(route.path, {})[route.method.lower()] = _operation(route, schemas)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "flowvisor",
            "version": __version__,
            "description": "What runs, and the admin's files: one for each slice and policy.",
        },
        "paths": paths,
        "components": {
            "schemas": dict(sorted(schemas.components.items())),
            "securitySchemes": {_SCHEME: {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(route: Route, schemas: Schemas) -> Schema:
    operation: Schema = {
        "operationId": route.operation,
        "summary": route.summary,
        "responses": _responses(route, schemas),
    }
    if route.audience is not Audience.EVERYBODY:
        operation["security"] = [{_SCHEME: []}]
        told = "For the admin." if route.audience is Audience.ADMIN else "For the admin, and for tenants."
        operation["description"] = told
    if parameters := _parameters(route):
        operation["parameters"] = parameters
    if route.body:
        operation["requestBody"] = {
            "required": True,
            "content": {one: {"schema": {"type": "object"} if one == JSON else {}} for one in route.body},
        }
    return operation


def _parameters(route: Route) -> list[Schema]:
    name = {"type": "string", "pattern": f"^{NAME_PATTERN}$"}
    of_path = [{"name": one, "in": "path", "required": True, "schema": name} for one in route.parameters]
    of_query = [
        {
            "name": one.name,
            "in": "query",
            "description": one.meaning,
            "required": one.is_required,
            "schema": dict(one.schema),
        }
        for one in route.query
    ]
    of_headers = [
        {"name": one.name, "in": "header", "description": one.meaning, "schema": {"type": "string"}}
        for one in route.headers
    ]
    return [*of_path, *of_query, *of_headers]


def _responses(route: Route, schemas: Schemas) -> Schema:
    responses: Schema = {}
    for status in route.statuses:
        responses[str(int(status))] = _answered(route, status, schemas)
    refusals = {*route.refusals, HTTPStatus.BAD_REQUEST}
    if route.audience is not Audience.EVERYBODY:
        refusals |= {HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN}
    if route.parameters:
        refusals.add(HTTPStatus.NOT_FOUND)
    if route.body:
        refusals |= {HTTPStatus.UNSUPPORTED_MEDIA_TYPE, HTTPStatus.REQUEST_ENTITY_TOO_LARGE}
    for refusal in sorted(refusals):
        shape = _SHAPES.get(refusal, shapes.Problem)
        responses[str(int(refusal))] = {
            "description": HTTPStatus(refusal).phrase,
            "content": {PROBLEM: {"schema": schemas.of(shape)}},
        }
    return responses


def _answered(route: Route, status: int, schemas: Schemas) -> Schema:
    told: Schema = {"description": HTTPStatus(status).phrase}
    if status != HTTPStatus.NO_CONTENT:
        schema = {"type": "string"} if route.shape is None else schemas.of(route.shape)
        told["content"] = {route.content_type.partition(";")[0]: {"schema": schema}}
    if route.has_etag:
        told["headers"] = {"ETag": {"description": "of its file", "schema": {"type": "string"}}}
    return told
