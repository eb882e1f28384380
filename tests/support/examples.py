"""How many examples a property is shown: as many as the gate can afford, and in a hunt as many as the hunt wants."""

from hypothesis import settings


def examples(in_the_gate: int) -> settings:
    """Settings of a property that is dear: this many examples in the gate."""
    is_gate = settings.get_current_profile_name() == "gate"
    return settings(max_examples=in_the_gate if is_gate else settings().max_examples)
