"""What somebody sends as a slice or a policy, as the text of its file."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any, Final

import yaml

from flowvisor.admin.page import JSON
from flowvisor.admin.rest.problems import Refused

YAML: Final = "application/yaml"


def text_of_body(content_type: str, body: bytes) -> str:
    """YAML as it was sent, so that comments are kept; JSON as YAML that says the same. Raises Refused."""
    try:
        text = body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"the body is not UTF-8, at byte {error.start}") from error
    if content_type != JSON:
        return text
    try:
        document = json.loads(text, object_pairs_hook=_object, parse_constant=_constant)
    except (ValueError, RecursionError) as error:
        raise Refused(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from error
    if not isinstance(document, dict):
        raise Refused(HTTPStatus.BAD_REQUEST, "the body is not a JSON object")
    return yaml_of(document)


def yaml_of(document: Any) -> str:
    """The text of a file that says what a JSON document says."""
    try:
        text: str = yaml.dump(document, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=100)
        text.encode()
    except (UnicodeEncodeError, RecursionError) as error:
        raise Refused(HTTPStatus.BAD_REQUEST, "the body is JSON that no file can hold") from error
    return text


class _Plain(yaml.SafeDumper):
    """Writes everything out where it belongs: the files have no anchors."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a key stands in an object twice")
    return found


def _constant(name: str) -> Any:
    raise ValueError(f"{name} is no number of JSON")
