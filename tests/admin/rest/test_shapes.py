"""Every shape has a schema, and says what it is."""

import typing

import pytest

from flowvisor.admin.rest import listing_shapes, plan_shapes, shapes
from flowvisor.admin.rest.schemas import Schemas

SHAPES = [
    one
    for module in (shapes, listing_shapes, plan_shapes)
    for one in vars(module).values()
    if typing.is_typeddict(one)
]


@pytest.mark.parametrize("shape", SHAPES, ids=lambda one: one.__name__)
def test_a_shape_has_a_schema_and_a_description(shape: type) -> None:
    schemas = Schemas()
    schemas.of(shape)
    assert schemas.components[shape.__name__]["description"] not in ("", dict.__doc__)
