"""What a datapath does with flow-mods, group-mods and meter-mods, in its version's way."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve, field, frozen

from flowvisor.emulation.flow_table import FlowEntry, FlowTable
from flowvisor.emulation.legality import Legality, refuse
from flowvisor.emulation.pipeline import Pipeline
from flowvisor.openflow import error_codes
from flowvisor.openflow import messages as m
from flowvisor.openflow.match import Match
from flowvisor.openflow.traits import Traits


@frozen
class Removed:
    """An entry is gone from its table."""

    table_id: int
    entry: FlowEntry
    reason: int


@frozen(eq=False)
class Modifications:
    """Applies them to a pipeline. What is refused raises OpenFlowError and changes nothing."""

    pipeline: Pipeline
    traits: Traits
    legality: Legality = field(init=False)

    def __attrs_post_init__(self) -> None:
        pipeline = self.pipeline
        legality = Legality(
            is_extensible=self.traits.has_tables,
            n_tables=len(pipeline.tables),
            has_group=lambda group_id: pipeline.groups.get(group_id) is not None,
            has_meter=lambda meter_id: pipeline.meters.get(meter_id) is not None,
        )
        object.__setattr__(self, "legality", legality)

    def flow_mod(self, mod: m.FlowMod, now: float) -> list[Removed]:
        """Add, modify or delete flow entries; return those deleted."""
        mod = self._as_this_version_means(mod)
        self.legality.check_match(mod.match)
        if mod.command in (m.DELETE, m.DELETE_STRICT):
            return [
                Removed(table.table_id, entry, m.REMOVED_BY_DELETE)
                for table in self._tables(mod.table_id)
                for entry in table.delete(mod)
            ]
        if mod.command > m.DELETE_STRICT:
            raise refuse(error_codes.FLOW_MOD_BAD_COMMAND, f"command {mod.command}")
        if mod.table_id == m.ALL_TABLES:
            raise refuse(error_codes.FLOW_MOD_BAD_TABLE_ID, "only a deletion is for all tables")
        if mod.flags & m.EMERGENCY:
            raise refuse(error_codes.FLOW_MOD_BAD_FLAGS, "there is no emergency table")
        if mod.buffer_id != m.NO_BUFFER:
            raise refuse(error_codes.BUFFER_UNKNOWN, f"buffer {mod.buffer_id}")
        (table,) = self._tables(mod.table_id)
        self.legality.check_instructions(mod.instructions, table_id=mod.table_id, match=mod.match)
        self._add_or_modify(table, mod, now)
        return []

    def _add_or_modify(self, table: FlowTable, mod: m.FlowMod, now: float) -> None:
        if mod.command == m.ADD:
            table.add(mod, now)
            return
        changed = table.modify(mod)
        if self.traits.modify_adds:
            for entry in changed:
                entry.cookie = mod.cookie  # 1.0 does not say; Open vSwitch does so
            if not changed:
                table.add(mod, now)

    def _tables(self, table_id: int) -> list[FlowTable]:
        tables = self.pipeline.tables
        if table_id == m.ALL_TABLES:
            return tables
        if table_id >= len(tables):
            raise refuse(error_codes.FLOW_MOD_BAD_TABLE_ID, f"no table {table_id}")
        return [tables[table_id]]

    def _as_this_version_means(self, mod: m.FlowMod) -> m.FlowMod:
        if self.traits.has_tables:
            return mod
        if mod.command == m.ADD:
            # 1.0.1, section 4.6: an entry that takes another's place counts anew.
            mod = evolve(mod, flags=mod.flags | m.RESET_COUNTS)
        return evolve(mod, priority=0xFFFF) if is_exact_in_1_0(mod.match) else mod

    def group_mod(self, mod: m.GroupMod, now: float) -> list[Removed]:
        """Add, modify or delete groups; return the flow entries that go with them."""
        for bucket in mod.buckets if mod.command != m.GROUP_DELETE else ():
            # A group that leads to itself is the group table's to refuse: that is a loop.
            others = [each for each in bucket.actions if getattr(each, "group_id", None) != mod.group_id]
            self.legality.check_actions(others, match=None)
        gone = {group.group_id for group in self.pipeline.groups.apply(mod, now)}
        return self._remove(
            lambda entry: any(entry.uses_group(each) for each in gone), m.REMOVED_BY_GROUP_DELETE
        )

    def meter_mod(self, mod: m.MeterMod, now: float) -> list[Removed]:
        """Add, modify or delete meters; return the flow entries that go with them."""
        gone = {meter.meter_id for meter in self.pipeline.meters.apply(mod, now)}
        return self._remove(lambda entry: any(entry.uses_meter(each) for each in gone), m.REMOVED_BY_DELETE)

    def _remove(self, is_meant: Callable[[FlowEntry], bool], reason: int) -> list[Removed]:
        removed = []
        for table in self.pipeline.tables:
            entries = [entry for entry in table if is_meant(entry)]
            table.remove(entries)
            removed += [Removed(table.table_id, entry, reason) for entry in entries]
        return removed


def is_exact_in_1_0(match: Match) -> bool:
    """Whether nothing is wildcarded: such an entry goes before all others (1.0.1, section 3.4)."""
    needed = {"in_port", "eth_src", "eth_dst", "vlan_vid", "eth_type"}
    if match.fields.get("vlan_vid", (0, 0))[0]:
        needed.add("vlan_pcp")
    if match.exact("eth_type") == 0x0800:
        needed |= {"ip_dscp", "ip_proto", "ipv4_src", "ipv4_dst"}
        names = {6: ("tcp_src", "tcp_dst"), 17: ("udp_src", "udp_dst"), 1: ("icmpv4_type", "icmpv4_code")}
        needed |= set(names.get(match.exact("ip_proto") or 0, ()))
    elif match.exact("eth_type") == 0x0806:
        needed |= {"arp_op", "arp_spa", "arp_tpa"}
    return all(match.exact(name) is not None for name in needed)
