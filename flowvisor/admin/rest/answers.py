"""The answers to those who only look."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timezone
from http import HTTPStatus
from time import time
from typing import Any

from twisted.internet.defer import Deferred

from flowvisor import __version__
from flowvisor.admin.explanation_page import explanation_json
from flowvisor.admin.health import health_of
from flowvisor.admin.page import Page, Stream
from flowvisor.admin.rest import (
    render_datapaths,
    render_flows,
    render_links,
    render_refusals,
    render_slices,
    shapes,
)
from flowvisor.admin.rest.bodies import YAML
from flowvisor.admin.rest.call import Call
from flowvisor.admin.rest.dispatch import not_there
from flowvisor.admin.rest.events import MISSED
from flowvisor.admin.rest.files import Folder, path_of, read_file
from flowvisor.admin.rest.instance import Instance
from flowvisor.admin.rest.json_pieces import json_page, listing
from flowvisor.admin.rest.problems import Refused
from flowvisor.admin.rest.render_policies import policy_of
from flowvisor.hypervisor.big.big_switch import BigSwitch
from flowvisor.hypervisor.peers import VirtualSwitch
from flowvisor.network.dpid import format_dpid, parse_dpid
from flowvisor.openflow.multipart import FlowStats
from flowvisor.planning.ahead import Ahead
from flowvisor.planning.explanation import explain as explain_packet
from flowvisor.planning.explanation import packets_of, port_of
from flowvisor.policies.acl import Acl


def whoami(instance: Instance, call: Call) -> Page:
    """Whose token was sent."""
    who = call.who
    told: shapes.Whoami = {
        "token": who.token,
        "role": "admin" if who.is_admin else "tenant",
        "slice": who.slice,
    }
    return json_page(told)


def status(instance: Instance, call: Call) -> Page:
    """The service as a whole."""
    configuration = instance.configuration
    health = health_of(instance.hypervisor, instance.connections)
    told: shapes.Status = {
        "version": __version__,
        "started_at": time_text(instance.started_at),
        "uptime_seconds": round(time() - instance.started_at, 3),
        "status": health["status"],
        "reasons": health["reasons"],
        "slices": len(configuration.slices),
        "policies": len(configuration.policies),
        "datapaths": health["datapaths"],
        "links": health["links"],
        "controllers": health["controllers"],
        "own_entries_failed": health["own_entries_failed"],
        "lag_seconds": instance.lag.last_seconds,
    }
    return json_page(told)


def time_text(seconds: float) -> str:
    """Unix time as RFC 3339 has it."""
    return (
        datetime.fromtimestamp(seconds, timezone.utc)
        .isoformat(timespec="milliseconds")
        .replace("+00:00", "Z")
    )


# ------------------------------------------------------------------------------------------ datapaths


def datapaths(instance: Instance, call: Call) -> Page:
    """All datapaths."""
    return listing("datapaths", render_datapaths.datapaths(instance))


def datapath(instance: Instance, call: Call) -> Page:
    """One datapath."""
    return json_page(render_datapaths.datapath(instance, _dpid(instance, call.parameters["datapath"])))


def ports(instance: Instance, call: Call) -> Page:
    """The ports of a datapath."""
    return listing("ports", render_datapaths.ports(instance, _dpid(instance, call.parameters["datapath"])))


def explain(instance: Instance, call: Call) -> Deferred[Page]:
    """Whose a packet is that comes in at a datapath, and why."""
    dpid = _dpid(instance, call.query["datapath"])
    try:
        packets = packets_of(call.query["fields"])
    except ValueError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, str(error)) from error
    if port_of(packets[0]) is None:
        told = "say in_port=PORT: whose a packet is depends on where it comes in"
        raise Refused(HTTPStatus.BAD_REQUEST, told)

    def made(ahead: Ahead) -> list[dict[str, Any]]:
        return [explanation_json(explain_packet(ahead, dpid, one)) for one in packets]

    explained = instance.reloading.of_what_runs(made)
    return explained.addCallback(lambda found: listing("explanations", found))


def _dpid(instance: Instance, name: str) -> int:
    """The datapath of this name or dpid; raises Refused."""
    dpid = instance.configuration.settings.datapaths.get(name)
    if dpid is None:
        try:
            dpid = parse_dpid(name)
        except ValueError:
            raise not_there("datapath", name) from None
    if dpid not in render_datapaths.dpids(instance):
        raise not_there("datapath", name)
    return dpid


def links(instance: Instance, call: Call) -> Page:
    """All links."""
    return listing("links", render_links.links(instance))


# --------------------------------------------------------------------------------------------- slices


def _slice_names(instance: Instance, call: Call) -> list[str]:
    """Those that whoever asks may know of; if the path names one, that one. Raises Refused."""
    name = call.parameters.get("slice")
    names = [one for one in sorted(instance.hypervisor.tenants) if call.who.may_see(one)]
    if name is None:
        return names
    if name not in names:
        raise not_there("slice", name)
    return [name]


def slices(instance: Instance, call: Call) -> Page:
    """All slices that whoever asks may know of."""
    names = _slice_names(instance, call)
    return listing("slices", render_slices.slices(instance, names, to_admin=call.who.is_admin))


def slice_document(instance: Instance, call: Call) -> Page:
    """One slice, and its file; or its file alone, as it was written, for who prefers YAML."""
    name = call.parameters["slice"]
    if call.who.is_admin and YAML in call.headers.get("accept", ""):
        return _file_page(instance, "slices", name, "slice")
    (name,) = _slice_names(instance, call)
    told: dict[str, Any] = dict(render_slices.slice_of(instance, name, to_admin=call.who.is_admin))
    return _with_document(instance, "slices", call, told)


def _file_page(instance: Instance, folder: Folder, name: str, kind: str) -> Page:
    file = read_file(path_of(instance.configuration.settings, folder, name))
    if file is None:
        raise not_there(kind, name)
    return Page(file.contents.decode("utf-8", "replace"), content_type=YAML, headers={"etag": file.etag})


def _with_document(instance: Instance, folder: Folder, call: Call, told: dict[str, Any]) -> Page:
    file = read_file(path_of(instance.configuration.settings, folder, told["name"]))
    document = None if file is None else file.document
    told["document"] = document if call.who.is_admin else _without_paths(document)
    return json_page(told, headers={} if file is None else {"etag": file.etag})


def _without_paths(document: Any) -> Any:
    """A document without what names files of this machine, which are no tenant's concern."""
    if isinstance(document, dict):
        return {key: _without_paths(value) for key, value in document.items() if key != "tls"}
    return document


def switches(instance: Instance, call: Call) -> Page:
    """The virtual switches of a slice, or of all."""
    names = _slice_names(instance, call)
    return listing("switches", render_slices.switches(instance, names, to_admin=call.who.is_admin))


def flows(instance: Instance, call: Call) -> Deferred[Page]:
    """The flow entries of a virtual switch."""
    (name,) = _slice_names(instance, call)
    wanted = call.parameters["switch"]
    there: list[VirtualSwitch | BigSwitch] = [
        *instance.switches_of(name),
        *instance.big_switches_of(name),
    ]
    for switch in there:
        called = instance.switch_name(name, switch.name.dpid)
        if wanted in (called, format_dpid(switch.name.dpid)):
            break
    else:
        raise not_there("switch", wanted)

    def told(entries: Iterator[FlowStats]) -> Page:
        return listing("flows", render_flows.flows(entries, called, switch.name.dpid))

    return instance.flows.read(switch).addCallback(told)


def controllers(instance: Instance, call: Call) -> Page:
    """The controllers of a slice, or of all."""
    return listing("controllers", render_slices.controllers(instance, _slice_names(instance, call)))


def refusals(instance: Instance, call: Call) -> Page:
    """The requests of a slice that were refused lately."""
    (name,) = _slice_names(instance, call)
    since = time() - instance.connections.now()  # the clock that refusals have may begin anywhere
    return listing("refusals", render_refusals.refusals(instance, name, lambda at: time_text(since + at)))


def links_of_slice(instance: Instance, call: Call) -> Page:
    """The links inside a slice."""
    (name,) = _slice_names(instance, call)
    return listing("links", render_links.links_of_slice(instance, name))


def allocations(instance: Instance, call: Call) -> Page:
    """What has been allocated to slices."""
    blocks = sorted(instance.hypervisor.allocations.blocks.items())
    told: list[shapes.Allocation] = [
        {"slice": name, "tables": render_slices.block_of(block)} for name, block in blocks
    ]
    return listing("allocations", told)


# ------------------------------------------------------------------------------------------- policies


def policies(instance: Instance, call: Call) -> Page:
    """All policies that whoever asks may know of."""
    return listing(
        "policies",
        (policy_of(instance.configuration, name, call.who) for name in _policy_names(instance, call)),
    )


def policy_document(instance: Instance, call: Call) -> Page:
    """One policy, and its file; or its file alone."""
    name = call.parameters["policy"]
    if call.who.is_admin and YAML in call.headers.get("accept", ""):
        return _file_page(instance, "policies", name, "policy")
    if name not in _policy_names(instance, call):
        raise not_there("policy", name)
    told: dict[str, Any] = dict(policy_of(instance.configuration, name, call.who))
    if not call.who.is_admin and isinstance(instance.configuration.policies[name], Acl):
        return json_page({**told, "document": None})  # it may tell of ports and packets that are others'
    return _with_document(instance, "policies", call, told)


def _policy_names(instance: Instance, call: Call) -> list[str]:
    configuration = instance.configuration
    if call.who.is_admin:
        return sorted(configuration.policies)
    return sorted(
        {name for one in configuration.slices if call.who.may_see(one.name) for name in one.policies}
    )


# --------------------------------------------------------------------------------------------- events


def events(instance: Instance, call: Call) -> Stream:
    """What happens, as it happens."""
    who, tokens = call.who, instance.tokens

    def is_still_allowed() -> bool:
        return tokens is not None and who.token in tokens.look()

    return instance.subscribers.stream(call, who.slice, is_still_allowed)


def recent_events(instance: Instance, call: Call) -> Page:
    """What has happened lately."""
    happened = instance.events.of(call.who.slice)
    kept = [one for one in happened.after(0) if one.event != MISSED]
    return listing("events", (happened.as_json(one) for one in kept))
