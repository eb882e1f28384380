"""The configuration: everything that the admin wrote, read and checked, at one moment."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final, TypeVar

from attrs import evolve, field, frozen

from flowvisor.network.certificate_pin import CertificatePin
from flowvisor.network.connection_method import ConnectionMethod
from flowvisor.network.dpid import format_dpid
from flowvisor.network.tls_files import TlsFiles
from flowvisor.network.topology import End
from flowvisor.network.wanted_datapath import ANYHOW, WantedDatapath
from flowvisor.policies.acl import Acl
from flowvisor.policies.bandwidth import Bandwidth
from flowvisor.policies.policy import Policy
from flowvisor.policies.when import When, in_force, next_change
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from flowvisor.slices.slice import Slice
from flowvisor.slices.virtual_network import VLAN_LABELS, VirtualNetwork

P = TypeVar("P")

OPEN: Final = "open"
LISTED: Final = "listed"
MAX_HALF_OPEN: Final = 512  # connections of datapaths whose handshake is not over; one more is closed at once
DEFAULT_HALF_OPEN: Final = 64  # of one address; more is not unusual where one machine has hundreds of bridges

DEFAULT_SHARING_SECONDS: Final = 1.0


@frozen
class NamedDatapath:
    """An entry of `datapaths:`; without certificates, whoever claims the dpid is believed."""

    dpid: int
    certificates: tuple[CertificatePin, ...] = ()
    wanted: WantedDatapath = ANYHOW


@frozen
class Settings:
    """The main file. The folders are as written, or absolute once the folder source has resolved them.

    `admission` says which datapaths may connect: `open` is all, `listed` those that `datapaths` names.
    `certificates` are those that a datapath has to show, by dpid. `max_half_open_per_address` is how many
    connections one address may have that have not said yet who they are.
    `watches_files` says whether files that change while we run are taken by themselves.
    `admin` is where the REST API, metrics and health are, `tokens` the file that says who may ask for what.
    `links` are the declared ones, and `discovery` says whether others are looked for. `statistics_sharing_seconds` is
    for how long what a datapath said to one channel may be told to another that asks for the same. `capacities` are
    links', in kbit/s, by each of their ends, and `tunnel_ports` are the ends of those that are tunnels. `labels` are
    the VLAN ids that virtual networks' packets may have between datapaths.
    """

    listen: tuple[ConnectionMethod, ...]
    admin: tuple[ConnectionMethod, ...]
    state: str
    slices: str
    policies: str
    datapaths: Mapping[str, int]
    admission: str
    certificates: Mapping[int, tuple[CertificatePin, ...]] = field(factory=dict)
    wanted: Mapping[int, WantedDatapath] = field(factory=dict)  # by dpid, of which anything is said
    tls: TlsFiles | None = None
    tokens: str | None = None
    max_half_open_per_address: int = DEFAULT_HALF_OPEN
    links: tuple[tuple[End, End], ...] = ()
    capacities: Mapping[End, int] = field(factory=dict)
    tunnel_ports: frozenset[End] = frozenset()
    labels: range = VLAN_LABELS
    discovery: bool = True
    statistics_sharing_seconds: float = DEFAULT_SHARING_SECONDS
    watches_files: bool = True

    @property
    def open_admin(self) -> list[str]:
        """Where others may read along: there only what is for everybody is served."""
        return [str(method) for method in self.admin if not method.is_private]

    def wanted_of(self, dpid: int) -> WantedDatapath:
        """What a datapath is to look like."""
        return self.wanted.get(dpid, ANYHOW)


def _when_of(policy: Policy) -> tuple[When, ...]:
    return policy.when if isinstance(policy, Bandwidth) else ()


@frozen
class Configuration:
    """The main file, the slices in the order of their names, and the policies by name."""

    settings: Settings
    slices: tuple[Slice, ...]
    policies: Mapping[str, Policy]

    @property
    def flowspace_slices(self) -> tuple[FlowspaceSlice, ...]:
        """Those of its slices that are shares of the real network."""
        return tuple(one for one in self.slices if isinstance(one, FlowspaceSlice))

    @property
    def virtual_networks(self) -> tuple[VirtualNetwork, ...]:
        """Those that are invented ones."""
        return tuple(one for one in self.slices if isinstance(one, VirtualNetwork))

    @property
    def slice_names(self) -> frozenset[str]:
        """What its slices are called."""
        return frozenset(one.name for one in self.slices)

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

    def at(self, instant: datetime) -> Configuration:
        """What counts at a moment, of all that is written; nothing in it goes by the clock any more.

        Of policies of one kind that a slice has then, one with times of its own comes before one without.
        """
        slices = tuple(
            evolve(one.at(instant), policies=self._policies_at(one, instant), scheduled=())
            for one in self.slices
        )
        return evolve(self, slices=slices)

    def next_change(self, instant: datetime) -> datetime | None:
        """The first moment after this one at which something begins or ends to count."""
        return next_change(self._whens, instant)

    @property
    def _whens(self) -> frozenset[When]:
        of_policies = (when for one in self.policies.values() for when in _when_of(one))
        return frozenset(of_policies).union(*(one.whens for one in self.slices))

    def _policies_at(self, one: Slice, instant: datetime) -> tuple[str, ...]:
        uses = [*((use.name, use.when) for use in one.scheduled), *((name, ()) for name in one.policies)]
        found: dict[type[Policy], str] = {}
        for is_timed in (True, False):
            for name, when in uses:
                policy = self.policies[name]
                own = _when_of(policy)
                if bool(when or own) == is_timed and in_force(when, instant) and in_force(own, instant):
                    found.setdefault(type(policy), name)
        return tuple(sorted(found.values(), key=[name for name, _ in uses].index))

    @property
    def acls(self) -> dict[str, Acl]:
        """The ACLs of those slices that have one, by the slices' names."""
        return {one.name: acl for one in self.slices if (acl := self.policy_of(one, Acl))}
