"""From a request to the one who answers it: which route, whether it may, whether it is well formed."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus

from attrs import evolve

from flowvisor.admin.rest.access import Access, Audience, access_of
from flowvisor.admin.rest.call import Call
from flowvisor.admin.rest.instance import Instance
from flowvisor.admin.rest.problems import Refused
from flowvisor.admin.rest.routes import Answer, Route, matching


class Dispatch:
    """Serves a table of routes.

    `is_private` says whether what is said here is for the two ends only: this machine, or TLS. Elsewhere there is
    nothing but what is for everybody, because tokens would be read on the way.
    """

    def __init__(self, routes: Iterable[Route], instance: Instance, *, is_private: bool) -> None:
        self.routes = tuple(routes)
        self._instance = instance
        self._is_private = is_private

    def answer(self, call: Call) -> Answer:
        """The answer to a request; one that is refused gets a problem document."""
        try:
            return self._answer(call)
        except Refused as refused:
            return refused.page()

    def _answer(self, call: Call) -> Answer:
        route, parameters = self._route(call)
        access = self._access(route, call)
        _check_query(route, call)
        _check_body(route, call)
        slice_name = parameters.get("slice")
        if slice_name is not None and access is not None and not access.may_see(slice_name):
            raise not_there("slice", slice_name)
        return route.answer(self._instance, evolve(call, parameters=parameters, access=access))

    def _route(self, call: Call) -> tuple[Route, dict[str, str]]:
        found = list(matching(self.routes, call.path))
        if not found:
            raise Refused(HTTPStatus.NOT_FOUND, "there is nothing here; /openapi.json says what there is")
        method = "GET" if call.method == "HEAD" else call.method
        for route, parameters in found:
            if route.method == method:
                return route, parameters
        methods = sorted({route.method for route, _ in found} | {"HEAD"})
        told = f"there is no {call.method[:20]} here, but {', '.join(methods)}"
        raise Refused(HTTPStatus.METHOD_NOT_ALLOWED, told, headers={"allow": ", ".join(methods)})

    def _access(self, route: Route, call: Call) -> Access | None:
        if route.audience is Audience.EVERYBODY:
            return None
        if not self._is_private:
            told = "only /health and /metrics are served without TLS, except to this machine itself"
            raise Refused(HTTPStatus.FORBIDDEN, told)
        access = access_of(call.headers.get("authorization"), self._instance.tokens)
        if route.audience is Audience.ADMIN and not access.is_admin:
            raise Refused(HTTPStatus.FORBIDDEN, "only the admin may do this")
        return access


def _check_query(route: Route, call: Call) -> None:
    known = {one.name for one in route.query}
    for name in call.query:
        if name not in known:
            told = f'there is no parameter "{name[:60]}" here'
            more = f", but {', '.join(sorted(known))}" if known else ""
            raise Refused(HTTPStatus.BAD_REQUEST, told + more)
    for one in route.query:
        if one.is_required and one.name not in call.query:
            raise Refused(HTTPStatus.BAD_REQUEST, f"say {one.name}: {one.meaning}")


def _check_body(route: Route, call: Call) -> None:
    if not route.body:
        if call.body:
            raise Refused(HTTPStatus.BAD_REQUEST, "nothing is expected in the body of this request")
        return
    content_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content_type not in route.body:
        told = f"send {' or '.join(route.body)}, and say so in Content-Type"
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, told)


def not_there(kind: str, name: str) -> Refused:
    """There is no such thing; or none that the one who asks may know of."""
    return Refused(HTTPStatus.NOT_FOUND, f'there is no {kind} "{name}"')
