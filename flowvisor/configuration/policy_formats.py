"""The formats of policies' files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from flowvisor.configuration import converters
from flowvisor.configuration.converters import integer, list_of, parsed
from flowvisor.configuration.documents import MappingNode, wrong
from flowvisor.configuration.formats import KIND, NAME, Format, Formats
from flowvisor.configuration.group_reader import group_name
from flowvisor.configuration.match_reader import read_match
from flowvisor.configuration.schema import Key
from flowvisor.configuration.when_reader import WHEN
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.policies.bandwidth import Bandwidth, parse_burst, parse_rate_of_traffic
from flowvisor.policies.policy import Policy
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit, parse_rate
from flowvisor.slices.flowspace_slice import ALL_DATAPATHS

MAX_ENTRIES: Final = 0xFFFF_FFFF  # what OpenFlow counts in
MAX_QUEUE: Final = 0xFFFF_FFFE  # all ones mean all queues; queue 0 is where packets go by themselves


def _limits(policy: Callable[..., Policy]) -> Callable[[MappingNode, Mapping[str, Any]], Policy]:
    """Make a policy of the values, if one at least limits anything."""

    def build(node: MappingNode, values: Mapping[str, Any]) -> Policy:
        limits = {key: value for key, value in values.items() if key not in ("kind", "name")}
        if all(limit is None for limit in limits.values()):
            raise wrong(node, "the policy limits nothing", f"write one of {', '.join(limits)}")
        return policy(name=values["name"], **limits)

    return build


def _quota_key(meaning: str) -> Key:
    return Key(integer(0, MAX_ENTRIES), meaning)


def _rate_key(meaning: str) -> Key:
    return Key(parsed(parse_rate), meaning)


QUOTA: Final = Format(
    keys={
        "kind": KIND,
        "name": NAME,
        "flow_entries_per_datapath": _quota_key("flow entries at any one datapath"),
        "flow_entries": _quota_key("flow entries at all datapaths together"),
        "groups": _quota_key("groups at any one datapath"),
        "meters": _quota_key("meters at any one datapath"),
    },
    build=_limits(Quota),
)

RATE_LIMIT: Final = Format(
    keys={
        "kind": KIND,
        "name": NAME,
        "packet_in": _rate_key("packets to its controllers"),
        "packet_out": _rate_key("packets from its controllers"),
        "flow_mod": _rate_key("changes of flow entries"),
        "messages": _rate_key("messages of all kinds from its controllers"),
    },
    build=_limits(RateLimit),
)


def _acl_rule(node: MappingNode, values: Mapping[str, Any]) -> AclRule:
    said = [key for key in ("deny", "permit") if values[key] is not None]
    if len(said) != 1:
        raise wrong(node, "a rule says either deny or permit", "write {deny: {...}} or {permit: {...}}")
    return AclRule(
        is_denied=said == ["deny"],
        datapaths=values["datapaths"],
        matches=values[said[0]],
        place=node.place,
        from_group=values["from"],
        to_group=values["to"],
    )


ACL_RULE: Final = Format(
    keys={
        "deny": Key(read_match, meaning="packets that the slice must not have; {} is all"),
        "permit": Key(read_match, meaning="exceptions from the rules below this one"),
        "from": Key(group_name, meaning="only what comes from this group of the virtual network"),
        "to": Key(group_name, meaning="only what goes to addresses of this group of the virtual network"),
        "datapaths": Key(
            converters.datapaths, meaning="where; all of them if left out", default=ALL_DATAPATHS
        ),
    },
    build=_acl_rule,
)


def _acl(node: MappingNode, values: Mapping[str, Any]) -> Acl:
    if not any(rule.is_denied for rule in values["rules"]):
        raise wrong(node, "the policy denies nothing", "write one rule at least with deny")
    return Acl(name=values["name"], rules=values["rules"])


ACL: Final = Format(
    keys={
        "kind": KIND,
        "name": NAME,
        "rules": Key(
            list_of(ACL_RULE.item, may_repeat=True),
            meaning="what is denied; the first rule that matches a packet decides",
            is_required=True,
        ),
    },
    build=_acl,
)

BANDWIDTH: Final = Format(
    keys={
        "kind": KIND,
        "name": NAME,
        "rate": Key(
            parsed(parse_rate_of_traffic),
            meaning="traffic that may come in at each datapath",
            is_required=True,
        ),
        "burst": Key(parsed(parse_burst), meaning="what of it may come at once"),
        "queues": Key(
            list_of(integer(1, MAX_QUEUE)),
            meaning="where there are no meters: the queue to go out by, and others to ask for",
            default=(),
        ),
        "when": WHEN,
    },
    build=lambda node, values: Bandwidth(**{key: values[key] for key in values if key != "kind"}),
)

POLICY_FORMATS: Final = Formats(
    {"acl": ACL, "bandwidth": BANDWIDTH, "quota": QUOTA, "rate-limit": RATE_LIMIT}, not_built=()
)
