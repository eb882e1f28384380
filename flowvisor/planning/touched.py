"""Which datapaths a change of the files concerns; of all others the new files say what the old ones said."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Final

from flowvisor.configuration.snapshot import Configuration
from flowvisor.network.topology import End
from flowvisor.planning.allocation import TableBlock
from flowvisor.planning.claims import claims_of
from flowvisor.policies.acl import Acl
from flowvisor.policies.bandwidth import Bandwidth
from flowvisor.policies.quota import Quota
from flowvisor.policies.rate_limit import RateLimit
from flowvisor.slices.flowspace_slice import FlowspaceSlice

# Policies that act at each datapath of a slice; what an ACL says it says of single ones.
_KINDS: Final[tuple[type[Bandwidth | Quota | RateLimit], ...]] = (Bandwidth, Quota, RateLimit)


class Touched:
    """The difference between two configurations, each with the blocks of tables that its slices have."""

    def __init__(
        self,
        before: Configuration,
        after: Configuration,
        blocks_before: Mapping[str, TableBlock],
        blocks_after: Mapping[str, TableBlock],
    ) -> None:
        old = {one.name: one for one in before.flowspace_slices}
        new = {one.name: one for one in after.flowspace_slices}
        self._networks = _Networks(before, after)
        acls_before, acls_after = before.acls, after.acls
        self._slices: list[tuple[FlowspaceSlice | None, FlowspaceSlice | None]] = []
        self._acls: list[tuple[FlowspaceSlice, Acl | None, Acl | None]] = []
        self._wherever: list[
            FlowspaceSlice
        ] = []  # something that counts at each of their datapaths is another
        for name in old.keys() | new.keys():
            one, other = old.get(name), new.get(name)
            if one is None or other is None or one.rules != other.rules:
                self._slices.append((one, other))
            if one is None or other is None:
                continue
            if acls_before.get(name) != acls_after.get(name):
                self._acls.append((other, acls_before.get(name), acls_after.get(name)))
            if (
                one.may_configure_ports != other.may_configure_ports
                or blocks_before.get(name) != blocks_after.get(name)
                or any(before.policy_of(one, kind) != after.policy_of(other, kind) for kind in _KINDS)
            ):
                self._wherever.append(other)

    def at(self, dpid: int) -> bool:
        """Whether anything is different at a datapath."""
        return (
            self._networks.at(dpid)
            or any(_rules(one, dpid) != _rules(other, dpid) for one, other in self._slices)
            or any(
                one.rules_at(dpid) and _denials(before, dpid) != _denials(after, dpid)
                for one, before, after in self._acls
            )
            or any(one.rules_at(dpid) for one in self._wherever)
        )

    def is_only_rules_at(self, dpid: int) -> bool:
        """Whether nothing is different at a datapath but whose packets are whose."""
        return not self._networks.at(dpid) and not any(one.rules_at(dpid) for one in self._wherever)

    def with_near_ends(self, dpids: Collection[int], links: Iterable[tuple[End, End]]) -> set[int]:
        """Those of some datapaths at which anything is different, or at the far end of a link from there."""
        known = {dpid: self.at(dpid) for dpid in dpids}
        found = {dpid for dpid, is_touched in known.items() if is_touched}
        for near, far in links:
            if near.dpid in dpids and near.dpid not in found:
                if far.dpid not in known:
                    known[far.dpid] = self.at(far.dpid)
                if known[far.dpid]:
                    found.add(near.dpid)
        return found


class _Networks:
    """What is different of virtual networks, and of the admin's own entries.

    Not where networks' packets go, which is no part of any file.
    """

    def __init__(self, before: Configuration, after: Configuration) -> None:
        old = {one.name: one for one in before.virtual_networks}
        new = {one.name: one for one in after.virtual_networks}
        self._claims = claims_of(before), claims_of(after)
        self._wherever = {
            dpid
            for name in old.keys() & new.keys()
            if any(before.policy_of(old[name], kind) != after.policy_of(new[name], kind) for kind in _KINDS)
            for _, switch in new[name].shares
            for dpid in switch.datapaths
        }

    def at(self, dpid: int) -> bool:
        before, after = self._claims
        return (
            before.at(dpid) != after.at(dpid)
            or before.entries_at(dpid) != after.entries_at(dpid)
            or dpid in self._wherever
        )


def _rules(one: FlowspaceSlice | None, dpid: int) -> object:
    """What a slice's rules say of a datapath."""
    if one is None:
        return ()
    return tuple((rule.priority, rule.matches, rule.permissions) for rule in one.rules_at(dpid))


def _denials(acl: Acl | None, dpid: int) -> object:
    if acl is None:
        return ()
    return tuple((rule.is_denied, rule.matches) for rule in acl.rules if rule.is_at(dpid))
