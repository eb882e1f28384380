"""Everything that can be asked: the one table that is served, and that the OpenAPI document is made of."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any, Final

from flowvisor.admin.health import health_page
from flowvisor.admin.metrics import CONTENT_TYPE as METRICS
from flowvisor.admin.page import JSON, Page
from flowvisor.admin.rest import (
    answers,
    commands,
    event_stream,
    explanation_shapes,
    listing_shapes,
    plan_shapes,
    shapes,
)
from flowvisor.admin.rest.access import Audience
from flowvisor.admin.rest.bodies import YAML
from flowvisor.admin.rest.call import Call
from flowvisor.admin.rest.instance import Instance
from flowvisor.admin.rest.json_pieces import json_page
from flowvisor.admin.rest.openapi import openapi
from flowvisor.admin.rest.routes import Header, Query, Route

EVERYBODY, TENANTS, ADMIN = Audience.EVERYBODY, Audience.TENANTS, Audience.ADMIN


def _health(instance: Instance, call: Call) -> Page:
    return health_page(instance.hypervisor, instance.connections)


def _metrics(instance: Instance, call: Call) -> Page:
    return Page(instance.metrics.pieces(), content_type=METRICS)


def _openapi(instance: Instance, call: Call) -> Page:
    return json_page(document())


def document() -> dict[str, Any]:
    """The OpenAPI document of the table below."""
    return openapi(ROUTES)


def _get(
    path: str, operation: str, summary: str, audience: Audience, answer: Any, shape: Any, **more: Any
) -> Route:
    return Route("GET", path, operation, summary, audience, answer, shape, **more)


def _put(path: str, operation: str, summary: str, answer: Any) -> Route:
    return Route(
        *("PUT", path, operation, summary, ADMIN, answer, plan_shapes.Written),
        statuses=(HTTPStatus.OK, HTTPStatus.CREATED),
        headers=(_IF_MATCH, _IF_NONE_MATCH),
        body=(JSON, YAML),
        refusals=_CHANGE_REFUSALS,
        has_etag=True,
    )


def _delete(path: str, operation: str, summary: str, answer: Any) -> Route:
    return Route(
        *("DELETE", path, operation, summary, ADMIN, answer),
        statuses=(HTTPStatus.NO_CONTENT,),
        headers=(_IF_MATCH, _IF_NONE_MATCH),
        refusals=_CHANGE_REFUSALS,
    )


_IF_MATCH = Header("If-Match", "the ETag of the file that is to be changed, as it was read")
_IF_NONE_MATCH = Header("If-None-Match", "* if there is to be no such file yet")
_CHANGE_REFUSALS = (
    HTTPStatus.CONFLICT,
    HTTPStatus.PRECONDITION_FAILED,
    HTTPStatus.PRECONDITION_REQUIRED,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INTERNAL_SERVER_ERROR,
)
_LAST = Header("Last-Event-ID", "the id of the last event that was seen: what has happened since comes first")

ROUTES: Final = (
    _get(
        "/health",
        "getHealth",
        "Whether all is as the admin's files want it",
        EVERYBODY,
        _health,
        shapes.Health,
        statuses=(HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE),
    ),
    _get("/metrics", "getMetrics", "For Prometheus", EVERYBODY, _metrics, None, content_type=METRICS),
    _get("/openapi.json", "getOpenapi", "This document", EVERYBODY, _openapi, dict[str, Any]),
    _get("/whoami", "getWhoami", "Whose token was sent", TENANTS, answers.whoami, shapes.Whoami),
    _get("/status", "getStatus", "The service as a whole", ADMIN, answers.status, shapes.Status),
    _get("/datapaths", "listDatapaths", "All datapaths", ADMIN, answers.datapaths, listing_shapes.Datapaths),
    _get(
        "/datapaths/{datapath}",
        "getDatapath",
        "One datapath, by its name or its dpid",
        ADMIN,
        answers.datapath,
        shapes.Datapath,
    ),
    _get(
        "/datapaths/{datapath}/ports",
        "listPorts",
        "The ports of a datapath",
        ADMIN,
        answers.ports,
        listing_shapes.Ports,
    ),
    _get("/links", "listLinks", "All links between datapaths", ADMIN, answers.links, listing_shapes.Links),
    _get(
        "/allocations",
        "listAllocations",
        "Which slice has which flow tables",
        ADMIN,
        answers.allocations,
        listing_shapes.Allocations,
    ),
    _get(
        "/slices", "listSlices", "All slices; a tenant's own", TENANTS, answers.slices, listing_shapes.Slices
    ),
    _get(
        "/slices/{slice}",
        "getSlice",
        "One slice, and its file",
        TENANTS,
        answers.slice_document,
        shapes.SliceDocument,
        has_etag=True,
    ),
    _put("/slices/{slice}", "putSlice", "Let a slice be as this says", commands.put_slice),
    _delete("/slices/{slice}", "deleteSlice", "Let there be no such slice", commands.delete_slice),
    _get(
        "/slices/{slice}/switches",
        "listSwitchesOfSlice",
        "The slice's virtual switches that there are now, with ports and controllers",
        TENANTS,
        answers.switches,
        listing_shapes.Switches,
    ),
    _get(
        "/slices/{slice}/switches/{switch}/flows",
        "listFlows",
        "The flow entries of one of the slice's virtual switches, as its tenant wrote them",
        TENANTS,
        answers.flows,
        listing_shapes.Flows,
        refusals=(HTTPStatus.SERVICE_UNAVAILABLE, HTTPStatus.GATEWAY_TIMEOUT),
    ),
    _get(
        "/slices/{slice}/controllers",
        "listControllersOfSlice",
        "The slice's controllers",
        TENANTS,
        answers.controllers,
        listing_shapes.Controllers,
    ),
    _get(
        "/slices/{slice}/refusals",
        "listRefusals",
        "The slice's requests that were refused lately, and why",
        TENANTS,
        answers.refusals,
        listing_shapes.Refusals,
    ),
    _get(
        "/slices/{slice}/links",
        "listLinksOfSlice",
        "The links inside the slice",
        TENANTS,
        answers.links_of_slice,
        listing_shapes.Links,
    ),
    _get(
        "/switches",
        "listSwitches",
        "All virtual switches",
        TENANTS,
        answers.switches,
        listing_shapes.Switches,
    ),
    _get(
        "/controllers",
        "listControllers",
        "All controllers",
        TENANTS,
        answers.controllers,
        listing_shapes.Controllers,
    ),
    _get(
        "/policies",
        "listPolicies",
        "All policies; a tenant's own",
        TENANTS,
        answers.policies,
        listing_shapes.Policies,
    ),
    _get(
        "/policies/{policy}",
        "getPolicy",
        "One policy, and its file",
        TENANTS,
        answers.policy_document,
        shapes.PolicyDocument,
        has_etag=True,
    ),
    _put("/policies/{policy}", "putPolicy", "Let a policy be as this says", commands.put_policy),
    _delete("/policies/{policy}", "deletePolicy", "Let there be no such policy", commands.delete_policy),
    _get(
        "/plan",
        "getPlan",
        "What a reload would do now, or at a time",
        ADMIN,
        commands.plan,
        plan_shapes.Plan,
        query=(Query("at", "a time as in RFC 3339, like 2026-12-24T18:00:00Z", {"type": "string"}),),
        refusals=(HTTPStatus.UNPROCESSABLE_ENTITY,),
    ),
    _get(
        "/explain",
        "explainPacket",
        "Which slice a packet belongs to that comes in at a port, and why",
        ADMIN,
        answers.explain,
        explanation_shapes.Explanations,
        query=(
            Query("datapath", "its name or its dpid", {"type": "string"}, is_required=True),
            Query(
                "fields", "what is known of it, as in_port=1,tcp_dst=80", {"type": "string"}, is_required=True
            ),
        ),
        refusals=(HTTPStatus.NOT_FOUND,),
    ),
    Route(
        *(
            "POST",
            "/reload",
            "reload",
            "Let the files count as they are now",
            ADMIN,
            commands.reload,
            plan_shapes.Reloaded,
        ),
        refusals=(HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.INTERNAL_SERVER_ERROR),
    ),
    _get(
        "/events/recent",
        "listEvents",
        "What has happened lately",
        TENANTS,
        answers.recent_events,
        listing_shapes.Events,
    ),
    _get(
        "/events",
        "listenToEvents",
        "What happens, as it happens",
        TENANTS,
        answers.events,
        None,
        content_type=event_stream.CONTENT_TYPE,
        headers=(_LAST,),
        refusals=(HTTPStatus.SERVICE_UNAVAILABLE,),
    ),
)
