"""How much is done for something, counted: unlike time it is the same on every machine, whatever else that does."""

import sys
from collections.abc import Callable


def calls_of(call: Callable[[], object]) -> int:
    """How many functions are called, Python's own among them."""
    count = 0

    def seen(_frame: object, event: str, _argument: object) -> None:
        nonlocal count
        count += event in ("call", "c_call")

    sys.setprofile(seen)
    try:
        call()
    finally:
        sys.setprofile(None)
    return count
