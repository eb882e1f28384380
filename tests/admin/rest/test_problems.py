"""A problem document says what is wrong, for people and for programs."""

import json

from flowvisor.admin.rest.problems import Refused, bad_files
from flowvisor.errors import ConfigurationError, Place, Problem


def test_a_refusal_is_a_document_of_rfc_9457() -> None:
    page = Refused(404, "there is no slice", headers={"allow": "GET"}, more={"slice": "x"}).page()
    assert (page.status, page.content_type, page.headers) == (
        404,
        "application/problem+json",
        {"allow": "GET"},
    )
    assert isinstance(page.body, str)
    assert json.loads(page.body) == {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "there is no slice",
        "slice": "x",
    }


def test_everything_that_is_wrong_in_files_is_told() -> None:
    problems = [Problem(Place("a.yaml", line, 1), key="k", message="bad") for line in range(1, 6)]
    refused = bad_files(ConfigurationError(problems))
    assert refused.status == 422
    assert str(refused).startswith("a.yaml:1:1: k: bad; ")
    assert [one["line"] for one in refused.more["problems"]] == [1, 2, 3, 4, 5]
    assert refused.more["problems"][0].keys() == {"file", "line", "column", "key", "message", "suggestion"}
