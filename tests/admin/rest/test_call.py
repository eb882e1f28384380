"""A call's numbers are within bounds, or refused."""

import pytest

from flowvisor.admin.rest.call import Call
from flowvisor.admin.rest.problems import Refused


def test_a_number_that_is_left_out_has_its_default() -> None:
    assert Call("GET", "/").number("limit", default=7, highest=9) == 7
    assert Call("GET", "/", {"limit": "9"}).number("limit", default=7, highest=9) == 9


@pytest.mark.parametrize("text", ["", "0", "10", "-1", "1.0", "x", "1" * 30, "²"])
def test_what_is_none_is_refused(text: str) -> None:
    with pytest.raises(Refused, match="limit is a number from 1 to 9"):
        Call("GET", "/", {"limit": text}).number("limit", default=7, highest=9)
