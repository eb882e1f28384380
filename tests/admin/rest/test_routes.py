"""A route is found by its path, and by no other."""

import pytest

from flowvisor.admin.page import Page
from flowvisor.admin.rest.access import Audience
from flowvisor.admin.rest.routes import Route, matching, segments_of


def route(path: str, method: str = "GET") -> Route:
    return Route(method, path, path, "", Audience.ADMIN, lambda instance, call: Page(""))


ROUTES = (
    route("/slices"),
    route("/slices/{slice}"),
    route("/slices/{slice}/ports"),
    route("/slices/{slice}", "PUT"),
)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/slices", [("/slices", {})]),
        ("/slices/blue", [("/slices/{slice}", {"slice": "blue"})] * 2),
        ("/slices/bl%75e", [("/slices/{slice}", {"slice": "blue"})] * 2),
        ("/slices/blue/ports", [("/slices/{slice}/ports", {"slice": "blue"})]),
        ("/slices/", []),
        ("/slices/..", []),
        ("/slices/a%2Fb", []),
        ("/slices/%FF", []),
        ("/slices/" + "a" * 64, []),
        ("/", []),
        ("slices", []),
        ("*", []),
    ],
)
def test_a_path_has_its_routes(path: str, found: list[tuple[str, dict[str, str]]]) -> None:
    assert [(one.path, parameters) for one, parameters in matching(ROUTES, path)] == found


def test_a_path_that_is_not_utf8_has_no_segments() -> None:
    assert segments_of("/%FF") is None
    assert segments_of("/%C3%A9/x") == ["", "é", "x"]


def test_a_route_knows_its_parameters() -> None:
    assert route("/a/{b}/{c}").parameters == ["b", "c"]
