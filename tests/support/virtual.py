"""Virtual networks for tests, and a core of emulated datapaths that carries them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping

from flowvisor.emulation.datapath import EmulatedDatapath, Tell
from flowvisor.emulation.pipeline import Transmit
from flowvisor.errors import Place
from flowvisor.network.connection_method import parse_connection_method
from flowvisor.network.topology import End, Topology
from flowvisor.openflow.actions import Action, GotoTable, Group, WriteMetadata
from flowvisor.openflow.messages import Error, FlowMod, GroupMod, PacketOut
from flowvisor.openflow.ports import CONTROLLER
from flowvisor.openflow.versions import codec
from flowvisor.planning.allocation import Allocations
from flowvisor.planning.claims import Claims
from flowvisor.planning.embedding import Embedder, Embedding
from flowvisor.planning.own_state import own_entries, own_groups
from flowvisor.planning.plan import DatapathPlan, compile_plan, has_tables
from flowvisor.planning.share import MARK_BITS, MARK_FLOOD, MARK_SHIFT, port_group
from flowvisor.planning.underlay import KnownDatapath, Underlay
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from flowvisor.slices.slice import PortName
from flowvisor.slices.virtual_network import Transport, VirtualNetwork
from flowvisor.slices.virtual_switch import (
    UNTAGGED,
    Addresses,
    Attachment,
    LinkEnd,
    LogicalSwitch,
    VirtualLink,
    VirtualPort,
)

PLACE = Place("slices/blue.yaml", 1, 1)
MAX_HOPS = 10_000


def at(text: str) -> Attachment:
    """`1/3`, `1/3@20` or `1/3@none`."""
    end, _, vlan = text.partition("@")
    dpid, port = map(int, end.split("/"))
    return Attachment(End(dpid, port), None if not vlan else UNTAGGED if vlan == "none" else int(vlan))


def a_network(
    name: str,
    switches: Mapping[str, Mapping[int, str]],
    links: Iterable[str] = (),
    *,
    tables: int = 2,
    transport: Transport = Transport.VLAN,
    follows: Mapping[str, int] | None = None,
    addresses: Mapping[str, Addresses] | None = None,
    mirrors: Mapping[str, int] | None = None,
    answers_arp: bool = False,
) -> VirtualNetwork:
    """Ports are places, several divided by spaces; links are like `big/10 lab/10`. Dpids are in the order given."""
    laid: dict[str, VirtualLink] = {}
    named: dict[tuple[str, int], str] = {}
    for number, text in enumerate(links):
        ends = [LinkEnd(end.split("/")[0], int(end.split("/")[1])) for end in text.split()]
        laid[f"link-{number}"] = VirtualLink(f"link-{number}", (ends[0], ends[1]), PLACE)
        named.update(dict.fromkeys(ends, f"link-{number}"))
    logical = {}
    for index, (switch, ports) in enumerate(switches.items()):
        made = {
            number: VirtualPort(
                number,
                tuple(map(at, text.split())),
                PLACE,
                follows=(follows or {}).get(f"{switch}/{number}"),
                addresses=(addresses or {}).get(f"{switch}/{number}"),
                mirror=(mirrors or {}).get(f"{switch}/{number}"),
            )
            for number, text in ports.items()
        }
        for owner, number in named:
            if owner == switch:
                made[number] = VirtualPort(number, (), PLACE, link=named[owner, number])
        logical[switch] = LogicalSwitch(switch, 0xA0 + index, made, PLACE)
    return VirtualNetwork(
        name=name,
        controllers=(parse_connection_method("tcp:127.0.0.1:6801"),),
        versions=frozenset({1, 4}),
        tables=tables,
        policies=(),
        place=PLACE,
        logical=logical,
        links=laid,
        transport=transport,
        answers_arp=answers_arp,
    )


class Core:
    """Emulated datapaths with cables between them, and what the embedding says they are to do."""

    def __init__(
        self,
        datapaths: Mapping[int, int],
        cables: Iterable[tuple[str, str]],
        networks: Iterable[VirtualNetwork],
        slices: Iterable[FlowspaceSlice] = (),
        *,
        n_ports: int = 8,
    ) -> None:
        """`datapaths` are OpenFlow versions by dpid."""
        self.networks, self.slices = tuple(networks), tuple(slices)
        self.allocations = Allocations().allocate((*self.networks, *self.slices))
        self.claims = Claims(self.networks)
        self.embedder = Embedder(self.networks, self.allocations)
        self.cables = [(at(one).end, at(other).end) for one, other in cables]
        self.broken: set[End] = set()
        self.gone: set[int] = set()
        self.datapaths = {
            dpid: EmulatedDatapath(dpid, version, range(1, n_ports + 1))
            for dpid, version in datapaths.items()
        }
        self.plans: dict[int, DatapathPlan] = {}
        self.embedding = Embedding()
        self.moved: dict[PortName, Attachment] = {}

    @property
    def underlay(self) -> Underlay:
        known = [
            KnownDatapath(
                dpid,
                one.version,
                len(one.pipeline.tables)
                if has_tables(self.slices, self.allocations, dpid=dpid, version=one.version, n_tables=254)
                else 0,
                {port: End(dpid, port) not in self.broken for port in one.pipeline.ports},
            )
            for dpid, one in self.datapaths.items()
            if dpid not in self.gone
        ]
        return Underlay.of(known, Topology(self.cables))

    def put(self) -> Embedding:
        """Embed everything, and give each datapath what it is to have instead of what it has."""
        self.embedding = self.embedder.embed(self.underlay, self.moved)
        for dpid, one in self.datapaths.items():
            plan = self.plans[dpid] = compile_plan(
                self.slices,
                self.allocations,
                dpid=dpid,
                version=one.version,
                n_tables=len(one.pipeline.tables),
                claims=self.claims,
                part=self.embedding.part(dpid),
            )
            fresh = EmulatedDatapath(dpid, one.version, one.pipeline.ports)
            groups: list[GroupMod] = own_groups(plan, fresh.pipeline.ports, {}) if one.version > 1 else []
            for message in (*groups, *own_entries(plan, {})):
                self._tell(fresh, message)
            self.datapaths[dpid] = fresh
        return self.embedding

    def _tell(self, datapath: EmulatedDatapath, message: FlowMod | GroupMod) -> None:
        frame = codec(datapath.version).encode(message)
        errors = [e for e in datapath.from_controller(frame, 0.0) if isinstance(e, Tell)]
        assert not any(isinstance(error.message, Error) for error in errors), (message, errors)

    def add_entry(self, dpid: int, message: FlowMod) -> None:
        """Add an entry of a tenant's, in the datapath's terms."""
        self._tell(self.datapaths[dpid], message)

    def output(self, edge: int, share: str, port: int, packet: bytes) -> list[tuple[End, bytes]]:
        """Output a packet to a virtual port from one of its switch's edges, and see where it leaves the core."""
        group = Group(port_group(self.plans[edge].shares[share].block, port))
        return self.packet_out(edge, (group,), packet)

    def packet_out(self, dpid: int, actions: tuple[Action, ...], packet: bytes) -> list[tuple[End, bytes]]:
        message = PacketOut(in_port=CONTROLLER, actions=actions, data=packet)
        return self._follow([(dpid, each) for each in self.datapaths[dpid].from_controller(message, 0.0)])

    def come_in(self, end: End, packet: bytes) -> list[tuple[End, bytes]]:
        """A host sends a packet; give all that leaves the core, and where."""
        return self._follow(
            [(end.dpid, each) for each in self.datapaths[end.dpid].from_port(end.port, packet, 0.0)]
        )

    def flood(self) -> None:
        """Let every virtual switch be a hub."""
        for dpid, plan in self.plans.items():
            for share in plan.shares.values():
                instructions = (
                    WriteMetadata(MARK_FLOOD << MARK_SHIFT, MARK_BITS),
                    GotoTable(share.egress_table),
                )
                table_id = share.block.first
                self.add_entry(dpid, FlowMod(table_id=table_id, priority=1, instructions=instructions))

    def _follow(self, effects: Iterable[tuple[int, object]]) -> list[tuple[End, bytes]]:
        far = {near: other for one, two in self.cables for near, other in ((one, two), (two, one))}
        left: list[tuple[End, bytes]] = []
        ahead = deque(effects)
        for _ in range(MAX_HOPS):
            if not ahead:
                return sorted(left)
            dpid, effect = ahead.popleft()
            assert not (isinstance(effect, Tell) and isinstance(effect.message, Error)), effect
            if not isinstance(effect, Transmit):
                continue
            near = End(dpid, effect.port)
            if near in self.broken:
                continue
            if near not in far:
                left.append((near, effect.packet))
            elif far[near] not in self.broken and far[near].dpid not in self.gone:
                arrived = self.datapaths[far[near].dpid].from_port(far[near].port, effect.packet, 0.0)
                ahead.extend((far[near].dpid, each) for each in arrived)
        raise AssertionError("packets go round in circles")
