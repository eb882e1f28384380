"""Virtual networks on emulated datapaths, each virtual switch by its shares alone: no big switch is over them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.hypervisor import flow_quota, replanning, setup
from flowvisor.hypervisor.effects import Effects, VirtualSwitchName
from flowvisor.hypervisor.peers import Datapath, Tenant, VirtualSwitch
from flowvisor.hypervisor.port_configs import recalled
from flowvisor.network.topology import End, Topology
from flowvisor.openflow.ports import LINK_DOWN, Port
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.claims import Claims
from flowvisor.planning.embedding import Embedder
from flowvisor.planning.plan import compile_plan
from flowvisor.planning.underlay import KnownDatapath, Underlay
from flowvisor.policies.quota import Quota
from flowvisor.slices.slice import PortName
from flowvisor.slices.virtual_network import VirtualNetwork
from tests.support.virtual import a_network
from tests.support.world import World

N_TABLES = 254
PORTS = range(1, 5)
# Of every kind of port one at datapath 1: two whole ones, a VLAN, one at the other datapath, the end of a link.
BIG = {1: "1/1", 2: "1/2", 3: "1/3@20", 5: "2/1"}
BLUE = a_network("blue", {"big": BIG, "lab": {1: "2/2"}}, ["big/10 lab/10"], tables=4)
# And one at which packets never have to forget where they came in.
PLAIN = a_network("blue", {"big": {1: "1/1", 2: "1/2", 3: "1/3", 5: "2/1"}}, tables=4)
CABLES = (((1, 4), (2, 4)),)


class ShareWorld(World):
    """Every call returns when nothing moves any more."""

    def __init__(
        self,
        *networks: VirtualNetwork,
        versions: Mapping[int, int] | None = None,
        cables: Iterable[tuple[tuple[int, int], tuple[int, int]]] = CABLES,
        quota: Quota | None = None,
    ) -> None:
        """`versions` are the datapaths' OpenFlow versions by dpid."""
        cables = tuple(cables)
        datapaths = [
            EmulatedDatapath(dpid, version, PORTS, n_tables=N_TABLES)
            for dpid, version in (versions or {1: 4, 2: 4}).items()
        ]
        super().__init__([], datapaths, cables=cables)
        self.networks = networks
        self.allotted = Allocations().allocate(networks)
        self.claims = Claims(networks)
        self.embedder = Embedder(networks, self.allotted)
        self.topology = Topology([(End(*one), End(*other)) for one, other in cables])
        for network in networks:
            self.hypervisor.tenants[network.name] = Tenant(network, quota=quota)
        self.put()

    def put(self) -> None:
        """Embed everything, and bring all datapaths up as if the hypervisor had just been started."""
        connected = self.hypervisor.datapaths.values()
        known = [
            KnownDatapath(one.dpid, one.version, N_TABLES, dict.fromkeys(one.ports, True))
            for one in connected
        ]
        self.embedding = self.embedder.embed(Underlay.of(known, self.topology), {})
        for datapath in list(connected):
            self._put(datapath)

    def _put(self, datapath: Datapath) -> None:
        plan = compile_plan(
            [],
            self.allotted,
            dpid=datapath.dpid,
            version=datapath.version,
            n_tables=N_TABLES,
            claims=self.claims,
            part=self.embedding.part(datapath.dpid),
        )
        datapath.plan = plan
        datapath.switches.clear()
        for name, view in plan.views.items():
            tenant = self.hypervisor.tenants[name.partition("/")[0]]
            switch = VirtualSwitch(
                name=VirtualSwitchName(name, datapath.dpid),
                tenant=tenant,
                datapath=datapath,
                view=view,
                port_configs=recalled(datapath.memory, plan, name),
                allotted=self.allotted.blocks[name],
                logical_ports=self.ports_of(name),
            )
            replanning.place(switch)
            flow_quota.begin(switch)
        effects = Effects(self.now)
        setup.again(datapath, lambda _effects: None, effects)
        self.perform(effects)

    def ports_of(self, share: str) -> dict[int, Port]:
        """The ports of a virtual switch as its tenant is to see them."""
        return {
            one.number: Port(
                one.number,
                hw_addr=b"\2\0\0\1" + one.number.to_bytes(2, "big"),
                name=f"port-{one.number}",
                state=0 if state.is_up else LINK_DOWN,
            )
            for one, state in self.embedding.ports.items()
            if isinstance(one, PortName) and one.share == share
        }

    def share(self, name: str = "blue/big", dpid: int = 1) -> VirtualSwitch:
        """A share of a datapath."""
        return self.hypervisor.datapaths[dpid].switches[name]
