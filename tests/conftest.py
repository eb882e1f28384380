"""How Hypothesis looks for counterexamples: the same way every time in the gate, anew in a hunt."""

from hypothesis import HealthCheck, settings

# The gate must give the same answer on every machine: no randomness and no clock. What a hunt finds
# (tox -e hunt) becomes a plain test.
settings.register_profile(
    "gate", derandomize=True, deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "hunt",
    max_examples=10_000,
    derandomize=False,
    deadline=None,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
settings.load_profile("gate")
