"""A slice: what all kinds of slices have."""

from flowvisor.errors import Place
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.slices.slice import Slice


def test_two_slices_with_the_same_contents_are_equal() -> None:
    def research() -> Slice:
        return Slice(
            name="research",
            controllers=(parse_connection_method("tcp:127.0.0.1"),),
            versions=frozenset({1, 4}),
            tables=8,
            policies=("small-quota",),
            place=Place("slices/research.yaml", 1, 1),
        )

    assert research() == research()
    assert hash(research()) == hash(research())
