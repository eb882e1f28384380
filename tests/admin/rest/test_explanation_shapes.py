"""The shape of an explanation is what is made of one."""

import jsonschema_rs

from flowvisor.admin.explanation_page import explanation_json
from flowvisor.admin.rest import explanation_shapes
from flowvisor.admin.rest.schemas import Schemas
from tests.admin.test_explanation_page import FOUND, UNKNOWN


def test_an_explanation_has_its_shape() -> None:
    schemas = Schemas()
    schema = {**schemas.of(explanation_shapes.Explanations), "components": {"schemas": schemas.components}}
    told = {"explanations": [explanation_json(FOUND), explanation_json(UNKNOWN)]}
    jsonschema_rs.validator_for(schema).validate(told)
