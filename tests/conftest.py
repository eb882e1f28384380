"""How Hypothesis looks for counterexamples: the same way every time in the gate, anew in a hunt. And what is traced."""

import os
from collections.abc import Generator
from typing import Any

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings

# Of each property. Code runs three times slower while it is traced for coverage, and later examples reach nothing that
# the first ones of all properties have not reached.
TRACED_EXAMPLES = 8

# The gate must give the same answer on every machine: no randomness and no clock. What a hunt finds
# (tox -e hunt) becomes a plain test. How long a hunt takes is up to FLOWVISOR_EXAMPLES, the examples of each property.
settings.register_profile(
    "gate",
    max_examples=30,
    derandomize=True,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.register_profile(
    "hunt",
    max_examples=int(os.environ.get("FLOWVISOR_EXAMPLES", "10000")),
    derandomize=False,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("gate")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """Trace the first examples of a property only."""
    property_of = getattr(getattr(item, "obj", None), "hypothesis", None)
    tracer = Coverage.current()
    if property_of is None or tracer is None or item.get_closest_marker("no_cover"):
        return (yield)
    show = property_of.inner_test
    shown = 0

    def show_one(*args: Any, **named: Any) -> Any:
        nonlocal shown
        if shown == TRACED_EXAMPLES:
            tracer.stop()
        shown += 1
        return show(*args, **named)

    property_of.inner_test = show_one
    try:
        return (yield)
    finally:
        property_of.inner_test = show
        if shown > TRACED_EXAMPLES:
            tracer.start()
