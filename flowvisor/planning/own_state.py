"""All that the hypervisor itself has on a datapath: its entries and its groups, whatever they are there for."""

from __future__ import annotations

from collections.abc import Collection

from flowvisor.openflow.messages import FlowMod, GroupMod
from flowvisor.planning.closed_ports import closed_groups, reception_entries
from flowvisor.planning.entries import (
    CLASSIFIER_TABLE,
    PortConfigs,
    base_entries,
    classifier_entries,
    denying_entries,
    fence_entries,
    groups_of,
    probe_entry,
)
from flowvisor.planning.plan import DatapathPlan
from flowvisor.planning.share_entries import share_entries, share_groups


def own_entries(plan: DatapathPlan, configs: PortConfigs) -> list[FlowMod]:
    """Its flow entries: in table 0, and in the tables of shares that no tenant has."""
    probes = [probe_entry()] if plan.is_probed else []
    return [
        *classifier_entries(plan),
        *fence_entries(plan),
        *reception_entries(plan, configs),
        *share_entries(plan, configs),
        *base_entries(plan),
        *probes,
    ]


def own_tables(plan: DatapathPlan) -> list[int]:
    """The tables that are wholly its own."""
    return [CLASSIFIER_TABLE, *(table for share in plan.shares.values() for table in share.own_tables)]


def entries_by_ports(plan: DatapathPlan, configs: PortConfigs) -> list[FlowMod]:
    """Of its flow entries those that follow from how ports are configured, and all that may stand where such do."""
    return [*denying_entries(plan), *fence_entries(plan), *reception_entries(plan, configs)]


def own_groups(plan: DatapathPlan, ports: Collection[int], configs: PortConfigs) -> list[GroupMod]:
    """Its groups, for the ports that the datapath has."""
    return [
        *groups_of(plan, ports, configs),
        *closed_groups(plan, configs),
        *share_groups(plan, configs),
    ]
