"""How Hypothesis looks for counterexamples: the same way every time in the gate, anew in a hunt. And what is traced."""

import os
from collections.abc import Generator
from typing import Any

import pytest
from coverage import Coverage
from hypothesis import HealthCheck, settings
from hypothesis.internal.conjecture import providers

# Of each property. Code runs three times slower while it is traced for coverage, and later examples reach nothing that
# the first ones of all properties have not reached.
TRACED_EXAMPLES = 4

# The gate must give the same answer on every machine: no randomness and no clock. What a hunt finds
# (tox -e hunt) becomes a plain test. How long a hunt takes is up to FLOWVISOR_EXAMPLES, the examples of each property.
settings.register_profile(
    "gate",
    max_examples=24,
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

# Hypothesis also tries constants that it finds in whatever modules are loaded. In the gate it is to find none: else a
# property is shown other examples by itself than in a whole run, and may be green in the one and red in the other.
constants_of_modules = providers._get_local_constants
providers._get_local_constants = lambda: (
    providers.Constants() if settings.default.derandomize else constants_of_modules()
)


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
