"""The shape of a plan is what is made of one."""

import jsonschema_rs

from flowvisor.admin.preview_page import preview_json
from flowvisor.admin.rest import plan_shapes
from flowvisor.admin.rest.schemas import Schemas
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.preview import offline, preview
from tests.support.virtual import a_network
from tests.support.world import a_slice, configuration, ports


def test_a_plan_has_its_shape() -> None:
    network = a_network("sea", {"big": {1: "1/5", 2: "2/5"}})
    before = configuration(a_slice("blue", ports(1, at=[1])), a_slice("red", ports(2, at=[1])), network)
    after = configuration(a_slice("blue", ports(2, at=[1])), a_slice("green", ports(3, at=[1])))
    told = preview_json(preview(offline(before, after, Allocations()), after))
    schemas = Schemas()
    schema = {**schemas.of(plan_shapes.Plan), "components": {"schemas": schemas.components}}
    jsonschema_rs.validator_for(schema).validate(told)
    assert told["datapaths"]
    assert told["networks"]
