"""How Hypothesis looks for counterexamples: the same way every time in the gate, anew in a hunt."""

import os

from hypothesis import HealthCheck, settings

# The gate must give the same answer on every machine: no randomness and no clock. What a hunt finds
# (tox -e hunt) becomes a plain test. How long a hunt takes is up to FLOWVISOR_EXAMPLES, the examples of each property.
settings.register_profile(
    "gate",
    max_examples=50,
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
