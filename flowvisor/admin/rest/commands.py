"""The answers to those who change something, or ask what a change would do."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from http import HTTPStatus

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from flowvisor.admin.page import JSON, Page
from flowvisor.admin.preview_page import changes_json, datapath_json, networks_json
from flowvisor.admin.rest.bodies import text_of_body
from flowvisor.admin.rest.call import Call
from flowvisor.admin.rest.changing import Conditions
from flowvisor.admin.rest.files import Folder, path_of, read_file
from flowvisor.admin.rest.instance import Instance
from flowvisor.admin.rest.json_pieces import json_page, listing
from flowvisor.admin.rest.problems import Refused, bad_files
from flowvisor.connections.reloading import REST
from flowvisor.errors import ConfigurationError

log = Logger()


def plan(instance: Instance, call: Call) -> Deferred[Page]:
    """What a reload would do now, or at a time."""
    at = _time_of(call)

    async def run() -> Page:
        try:
            preview = await instance.reloading.plan(at)
        except ConfigurationError as error:
            raise bad_files(error) from error
        datapaths = (datapath_json(one) for one in preview.datapaths)
        networks, files = networks_json(preview.networks), changes_json(preview.files)
        return listing("datapaths", datapaths, changes=bool(preview), networks=networks, **files)

    return Deferred.fromCoroutine(run())


def _time_of(call: Call) -> datetime | None:
    text = call.query.get("at")
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text.replace("Z", "+00:00"))
        if at.tzinfo is None:
            raise ValueError("without an offset")
        return at.astimezone(timezone.utc)
    except (ValueError, OverflowError) as error:
        told = f'"{text[:40]}" is no time with an offset, like 2026-12-24T18:00:00Z'
        raise Refused(HTTPStatus.BAD_REQUEST, told) from error


def reload(instance: Instance, call: Call) -> Deferred[Page]:
    """Let the files count as they are now."""

    async def run() -> Page:
        log.info(event="reload_asked", token=call.who.token)
        outcome = await instance.reloading.reload(REST)
        if outcome.problems:
            raise bad_files(ConfigurationError(outcome.problems))
        if not outcome.is_success:
            told = "the files could not be put in force; the log says why"
            raise Refused(HTTPStatus.INTERNAL_SERVER_ERROR, told)
        changes = changes_json(outcome.changes)
        return json_page({"revision": outcome.revision, "seconds": outcome.seconds, "changes": changes})

    return Deferred.fromCoroutine(run())


def put_slice(instance: Instance, call: Call) -> Deferred[Page]:
    """Let a slice be as the body says."""
    return _put(instance, call, "slices", call.parameters["slice"])


def put_policy(instance: Instance, call: Call) -> Deferred[Page]:
    """Let a policy be as the body says."""
    return _put(instance, call, "policies", call.parameters["policy"])


def delete_slice(instance: Instance, call: Call) -> Deferred[Page]:
    """Let there be no such slice."""
    return _change(instance, call, "slices", call.parameters["slice"], None)


def delete_policy(instance: Instance, call: Call) -> Deferred[Page]:
    """Let there be no such policy."""
    return _change(instance, call, "policies", call.parameters["policy"], None)


def _put(instance: Instance, call: Call, folder: Folder, name: str) -> Deferred[Page]:
    content_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    return _change(instance, call, folder, name, text_of_body(content_type, call.body))


def _change(instance: Instance, call: Call, folder: Folder, name: str, text: str | None) -> Deferred[Page]:
    conditions = Conditions(call.headers.get("if-match"), call.headers.get("if-none-match"))

    async def run() -> Page:
        changing = instance.changing
        outcome, is_new = await changing.change(instance.configuration, folder, name, text, conditions)
        what = "removed" if text is None else "made" if is_new else "changed"
        log.info(event="file_changed", folder=folder, name=name, what=what, token=call.who.token)
        instance.events.add("file_changed", None, folder=folder, name=name, what=what, token=call.who.token)
        if text is None:
            return Page("", HTTPStatus.NO_CONTENT, JSON)
        changes = changes_json(outcome.changes)
        told = {"name": name, "is_new": is_new, "revision": outcome.revision, "changes": changes}
        file = read_file(path_of(instance.configuration.settings, folder, name))
        headers = {} if file is None else {"etag": file.etag}
        status = HTTPStatus.CREATED if is_new else HTTPStatus.OK
        return Page(json.dumps(told, indent=2) + "\n", status, JSON, headers)

    return Deferred.fromCoroutine(run())
