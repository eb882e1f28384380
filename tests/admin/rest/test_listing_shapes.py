"""A list is one, of a shape of its own, in an object that holds nothing else yet."""

import typing

import pytest

from flowvisor.admin.rest import listing_shapes

LISTS = [one for name, one in vars(listing_shapes).items() if typing.is_typeddict(one) and name.endswith("s")]


@pytest.mark.parametrize("shape", LISTS, ids=lambda one: one.__name__)
def test_a_list_is_called_like_its_object(shape: type) -> None:
    ((name, hint),) = typing.get_type_hints(shape).items()
    assert name == shape.__name__.lower()
    assert typing.get_origin(hint) is list
    assert typing.is_typeddict(typing.get_args(hint)[0])
