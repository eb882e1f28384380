"""A list in pieces is the same JSON as in one."""

import json
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from flowvisor.admin.rest.json_pieces import json_page, listing
from tests.support.examples import examples

ITEMS = st.lists(st.dictionaries(st.text(), st.integers() | st.text() | st.none()), max_size=5)


@examples(20)
@given(ITEMS)
def test_the_pieces_are_one_object(items: list[dict[str, Any]]) -> None:
    page = listing("things", items)
    assert json.loads("".join(page.body)) == {"things": items}
    assert page.content_type == "application/json"


def test_a_few_things_may_stand_before_the_list() -> None:
    page = listing("things", [{}], changes=True, more={"a": [1]})
    assert json.loads("".join(page.body)) == {"things": [{}], "changes": True, "more": {"a": [1]}}


def test_an_item_is_made_when_its_piece_is_asked_for() -> None:
    made = []

    def items() -> Iterator[dict[str, int]]:
        for number in range(3):
            made.append(number)
            yield {"n": number}

    pieces = listing("things", items()).body
    assert made == []
    next(pieces)  # type: ignore[arg-type]
    assert made == [0]


def test_an_object_is_one_page() -> None:
    page = json_page({"a": 1}, headers={"etag": '"1"'})
    assert isinstance(page.body, str)
    assert (json.loads(page.body), page.headers) == ({"a": 1}, {"etag": '"1"'})
