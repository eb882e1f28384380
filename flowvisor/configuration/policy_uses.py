"""Which policies a slice has: by name, always or at times."""

from __future__ import annotations

from typing import Final

from flowvisor.configuration import converters
from flowvisor.configuration.converters import list_of
from flowvisor.configuration.documents import MappingNode, Node, wrong
from flowvisor.configuration.schema import Key, Keys, Names, described, object_shape, read_keys, shape_of
from flowvisor.configuration.when_reader import whens
from flowvisor.policies.bandwidth import Bandwidth
from flowvisor.slices.slice import ScheduledPolicy

USE_KEYS: Final[Keys] = {
    "policy": Key(converters.policy, meaning="the name of the policy", is_required=True),
    "when": Key(whens, meaning="days and times at which the slice has it", is_required=True),
}


@described(
    {
        "type": "array",
        "items": {"anyOf": [shape_of(converters.policy), object_shape(USE_KEYS)]},
        "uniqueItems": True,
    }
)
def policies(node: Node, names: Names) -> tuple[ScheduledPolicy, ...]:
    """Names of policies that there are, and when.

    Of those that are always in force one of a kind at most: two quotas would leave open which counts.
    """
    found: tuple[ScheduledPolicy, ...] = list_of(_use, may_be_empty=True)(node, names)
    first_of_kind: dict[type, str] = {}
    for one in found:
        policy = names.policies[one.name]
        if policy is not None and not one.when and not (isinstance(policy, Bandwidth) and policy.when):
            first = first_of_kind.setdefault(type(policy), one.name)
            if first != one.name:
                raise wrong(node, f'"{first}" and "{one.name}" are policies of one kind')
    return found


def _use(node: Node, names: Names) -> ScheduledPolicy:
    if not isinstance(node, MappingNode):
        return ScheduledPolicy(converters.policy(node, names), ())
    values = read_keys(node, USE_KEYS, names).complete()
    return ScheduledPolicy(values["policy"], values["when"])
