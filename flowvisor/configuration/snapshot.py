"""The configuration: everything that the admin wrote, read and checked, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from attrs import frozen

from flowvisor.network.connection_method import ConnectionMethod
from flowvisor.network.dpid import format_dpid
from flowvisor.policies.policy import Policy
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from flowvisor.slices.slice import Slice

P = TypeVar("P")


@frozen
class Settings:
    """The main file. The folders are as written, or absolute once the folder source has resolved them.

    `admission` says which datapaths may connect: `open` is all, `listed` those that `datapaths` names.
    """

    listen: tuple[ConnectionMethod, ...]
    admin: ConnectionMethod
    state: str
    slices: str
    policies: str
    datapaths: Mapping[str, int]
    admission: str


@frozen
class Configuration:
    """The main file, the slices in the order of their names, and the policies by name."""

    settings: Settings
    slices: tuple[FlowspaceSlice, ...]
    policies: Mapping[str, Policy]

    def datapath_name(self, dpid: int) -> str:
        """What the admin calls a datapath; without a name its dpid."""
        for name, named in self.settings.datapaths.items():
            if named == dpid:
                return name
        return format_dpid(dpid)

    def policy_of(self, one: Slice, kind: type[P]) -> P | None:
        """The policy of this kind that a slice has, of which there is one at most."""
        found = (self.policies[name] for name in one.policies)
        return next((policy for policy in found if isinstance(policy, kind)), None)
