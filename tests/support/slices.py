"""Random slices, packets and requests, and the naive answer to whose a packet is.

Values are few, so that rules, matches, rewrites and packets meet.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import evolve
from hypothesis import strategies as st

from flowvisor.flowspace.layout import match_of
from flowvisor.flowspace.region import TooManyPieces
from flowvisor.openflow import actions as act
from flowvisor.openflow.fields import VLAN_PRESENT
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import FlowMod, PacketOut
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import ALL, CONTROLLER, FLOOD, IN_PORT, TABLE
from flowvisor.planning.exact_matches import exact_where_required
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.policies.policy import Policy
from flowvisor.slices.flowspace_slice import FlowspaceSlice
from tests.support.flowspace_strategies import applies
from tests.support.world import NOWHERE, a_slice, ports, rule

PORTS = (1, 2, 3, 4)
LATER_PORTS = (5, 6)  # that come while everything runs
VLANS = (100, 200)
ADDRESSES = (0x0A000001, 0x0A010001, 0xC0A80001)
NETWORKS = ((0x0A000000, 0xFF000000), (0x0A010000, 0xFFFF0000), (0xC0A80001, 0xFFFFFFFF))
HARDWARE_ADDRESSES = (0x020000000001, 0x020000000002)
TRANSPORT_PORTS = (80, 443)
DPID = 1

# Two slices that have two ports each.
A = a_slice("a", ports(1, 2))
B = a_slice("b", ports(3, 4))


def tag(vlan: int) -> int:
    """A vlan_vid as a match says it."""
    return VLAN_PRESENT | vlan


def output(*numbers: int) -> tuple[act.ApplyActions]:
    """The instructions of an entry that outputs to ports, whole packets to the controller."""
    return (
        act.ApplyActions(tuple(act.Output(port, 0xFFFF if port == CONTROLLER else 0) for port in numbers)),
    )


MISS = FlowMod(priority=0, instructions=output(CONTROLLER))  # what a 1.3 controller installs first


# ------------------------------------------------------------------------------------------- the naive answer


def naive_owner(slices: Iterable[FlowspaceSlice], fields: dict[str, int], dpid: int = DPID) -> str | None:
    """Who owns a packet: the slice with the rule of the highest priority that applies, looked at one by one."""
    candidates = [
        (one_rule.priority, one.name)
        for one in slices
        for one_rule in one.rules_at(dpid)
        if one_rule.may_write
        for match in one_rule.matches
        if applies(match, fields)
    ]
    return max(candidates)[1] if candidates else None


def is_denied(acl: Acl | None, fields: dict[str, int], dpid: int = DPID) -> bool:
    """Whether an ACL denies a packet: its rules looked at one by one, until one applies."""
    for one in acl.rules if acl is not None else ():
        if one.is_at(dpid) and any(applies(match, fields) for match in one.matches):
            return one.is_denied
    return False


def naive_receiver(
    slices: Iterable[FlowspaceSlice], acls: Mapping[str, Acl], fields: dict[str, int], dpid: int = DPID
) -> str | None:
    """Who is given a packet: its owner, unless the owner's ACL denies it."""
    owner = naive_owner(slices, fields, dpid)
    return None if owner is None or is_denied(acls.get(owner), fields, dpid) else owner


def owner_at(slices: Iterable[FlowspaceSlice], packet: bytes, port: int, dpid: int = DPID) -> str | None:
    """Who owns a packet that comes in at a port."""
    return naive_owner(slices, parse(packet, port), dpid)


# ---------------------------------------------------------------------------------------------------- packets


def ethernet(
    *,
    dst: int = HARDWARE_ADDRESSES[1],
    src: int = HARDWARE_ADDRESSES[0],
    vlans: tuple[int, ...] = (),
    eth_type: int = 0x88B5,
    payload: bytes = bytes(30),
) -> bytes:
    """An Ethernet packet, its tags outermost first."""
    tags = b"".join(b"\x81\x00" + vlan.to_bytes(2, "big") for vlan in vlans)
    return dst.to_bytes(6, "big") + src.to_bytes(6, "big") + tags + eth_type.to_bytes(2, "big") + payload


def ipv4(src: int, dst: int, protocol: int = 17, upper_ports: tuple[int, int] = (1000, 80)) -> bytes:
    """The payload of an IPv4 packet that carries UDP or TCP; nobody looks at its checksums."""
    upper = upper_ports[0].to_bytes(2, "big") + upper_ports[1].to_bytes(2, "big") + bytes(16)
    head = b"\x45\0" + (20 + len(upper)).to_bytes(2, "big") + bytes(4) + bytes([64, protocol, 0, 0])
    return head + src.to_bytes(4, "big") + dst.to_bytes(4, "big") + upper


def udp(src: int = ADDRESSES[0], dst: int = ADDRESSES[1], port: int = 80, vlan: int | None = None) -> bytes:
    """A UDP packet."""
    vlans = () if vlan is None else (vlan,)
    return ethernet(vlans=vlans, eth_type=0x0800, payload=ipv4(src, dst, 17, (1000, port)))


def arp(sender: int, target: int) -> bytes:
    """The payload of an ARP request."""
    head = b"\0\x01\x08\0\x06\x04\0\x01" + HARDWARE_ADDRESSES[0].to_bytes(6, "big")
    return head + sender.to_bytes(4, "big") + bytes(6) + target.to_bytes(4, "big")


_addresses = st.sampled_from(ADDRESSES)
_hardware = st.sampled_from(HARDWARE_ADDRESSES)
_payloads = st.one_of(
    st.tuples(
        st.just(0x0800),
        st.builds(
            ipv4,
            _addresses,
            _addresses,
            st.sampled_from((6, 17)),
            st.tuples(st.sampled_from(TRANSPORT_PORTS), st.sampled_from(TRANSPORT_PORTS)),
        ),
    ),
    st.tuples(st.just(0x0806), st.builds(arp, _addresses, _addresses)),
    st.just((0x8847, b"\0\x01\x01\x40" + bytes(30))),
    st.just((0x88B5, bytes(40))),
)
packets = st.builds(
    lambda dst, src, vlans, payload: ethernet(
        dst=dst, src=src, vlans=vlans, eth_type=payload[0], payload=payload[1]
    ),
    _hardware,
    _hardware,
    st.lists(st.sampled_from(VLANS), max_size=2).map(tuple),
    _payloads,
)


@st.composite
def packets_like(draw: st.DrawFn, match: Match) -> tuple[int, bytes]:
    """A port and a packet that mostly meet a match: what it leaves open is drawn."""
    fields = {name: value for name, value, _ in match}
    vlans = tuple(draw(st.lists(st.sampled_from(VLANS), max_size=2)))
    if "vlan_vid" in fields:
        vid = fields["vlan_vid"]
        vlans = (vid & 0xFFF, *vlans[:1]) if vid & VLAN_PRESENT else ()
    eth_type, payload = draw(_payloads)
    wanted = fields.get("eth_type", eth_type)
    if wanted == 0x0800:
        eth_type, payload = (
            wanted,
            ipv4(
                fields.get("ipv4_src", draw(_addresses)) or draw(_addresses),
                fields.get("ipv4_dst", draw(_addresses)) or draw(_addresses),
                fields.get("ip_proto", 17),
                (1000, fields.get("udp_dst", draw(st.sampled_from(TRANSPORT_PORTS)))),
            ),
        )
    elif wanted == 0x0806:
        eth_type, payload = wanted, arp(draw(_addresses), draw(_addresses))
    packet = ethernet(
        dst=fields.get("eth_dst", draw(_hardware)),
        src=fields.get("eth_src", draw(_hardware)),
        vlans=vlans,
        eth_type=eth_type,
        payload=payload,
    )
    return fields.get("in_port") or draw(st.sampled_from(PORTS)), packet


# ----------------------------------------------------------------------------------------------- flowspaces

_KINDS = (
    "port",
    "port vlan",
    "port network",
    "vlan",
    "network",
    "port type",
    "port hardware",
    "transport",
    "",
)


@st.composite
def flowspace_matches(draw: st.DrawFn) -> Match:
    """A match of what slices are cut by, prerequisites written out."""
    kinds = draw(st.sampled_from(("port", "port", "port vlan", *_KINDS))).split()
    fields: dict[str, int | tuple[int, int]] = {}
    if "port" in kinds:
        fields["in_port"] = draw(st.sampled_from((*PORTS, *PORTS, *LATER_PORTS)))
    if "vlan" in kinds:
        fields["vlan_vid"] = draw(st.sampled_from((0, *(tag(vlan) for vlan in VLANS))))
    if "network" in kinds:
        fields["eth_type"] = 0x0800
        fields[draw(st.sampled_from(("ipv4_src", "ipv4_dst")))] = draw(st.sampled_from(NETWORKS))
    if "transport" in kinds:
        fields |= {"eth_type": 0x0800, "ip_proto": 17, "udp_dst": draw(st.sampled_from(TRANSPORT_PORTS))}
    if "type" in kinds:
        fields["eth_type"] = draw(st.sampled_from((0x0800, 0x0806)))
    if "hardware" in kinds:
        fields[draw(st.sampled_from(("eth_src", "eth_dst")))] = draw(_hardware)
    return Match.of(**fields)


@st.composite
def slice_sets(draw: st.DrawFn, names: tuple[str, ...] = ("a", "b")) -> list[FlowspaceSlice]:
    """Slices of a few rules each, no two rules of one priority."""
    priorities = iter(draw(st.permutations(range(100, 100 + 4 * len(names)))))
    return [
        a_slice(
            name,
            *(
                rule(*draw(st.lists(flowspace_matches(), min_size=1, max_size=2)), priority=next(priorities))
                for _ in range(draw(st.integers(1, 3)))
            ),
            tables=3,
        )
        for name in names
    ]


def can_be_said(acl: Acl) -> bool:
    """Whether no exception leaves what a datapath has no matches for, at those that are named and at others."""
    dpids = (DPID, DPID + 1, DPID + 2)
    try:
        return all(list(exact_where_required(match_of(box))) for dpid in dpids for box in acl.denied_at(dpid))
    except TooManyPieces:
        return False


@st.composite
def acls(draw: st.DrawFn, name: str = "deny") -> Acl:
    """An ACL of a few rules, the last of which denies."""
    kinds = (*draw(st.lists(st.sampled_from((True, True, False)), max_size=2)), True)
    return Acl(
        name=name,
        rules=tuple(
            AclRule(
                is_denied=is_denied,
                datapaths=draw(st.sampled_from((None, None, frozenset({DPID}), frozenset({DPID + 1})))),
                matches=tuple(draw(st.lists(flowspace_matches(), min_size=1, max_size=2))),
                place=NOWHERE,
            )
            for is_denied in kinds
        ),
    )


@st.composite
def some_acls(draw: st.DrawFn, names: Iterable[str]) -> dict[str, Acl]:
    """ACLs for some of the slices, by the slices' names."""
    return {name: draw(acls(f"deny-{name}").filter(can_be_said)) for name in names if draw(st.booleans())}


def having(slices: Iterable[FlowspaceSlice], policies: Mapping[str, Policy]) -> list[FlowspaceSlice]:
    """The slices with the policies that they have, by the slices' names."""
    return [
        evolve(one, policies=(policies[one.name].name,)) if one.name in policies else one for one in slices
    ]


# Shapes in which slices meet: where it matters what a packet has become when it leaves, and where.
SHAPES = (
    # Two VLANs on all ports, and a port of its own for each.
    (
        (rule(Match.of(vlan_vid=tag(100)), priority=90), ports(1)),
        (rule(Match.of(vlan_vid=tag(200)), priority=80), ports(3, priority=70)),
    ),
    # A port that comes later, and that both have.
    (
        (ports(1, 2), rule(Match.of(in_port=5, vlan_vid=tag(100)))),
        (ports(3, 4), ports(5, priority=10)),
    ),
    # A network out of what is otherwise the other's.
    (
        (rule(Match.of(eth_type=0x0800, ipv4_dst=NETWORKS[0])), ports(1, priority=120)),
        (rule(Match.of(in_port=2), Match.of(in_port=3), Match.of(in_port=4), priority=10),),
    ),
)


@st.composite
def meeting_slices(draw: st.DrawFn) -> list[FlowspaceSlice]:
    """Slices that meet in one of those shapes, or in any."""
    shape = draw(st.sampled_from((None, *SHAPES)))
    if shape is None:
        return draw(slice_sets())
    names = draw(st.permutations(("a", "b")))
    return sorted(
        (a_slice(name, *rules, tables=3) for name, rules in zip(names, shape, strict=True)),
        key=lambda one: one.name,
    )


def rule_matches(one: FlowspaceSlice) -> list[Match]:
    """The matches of all rules of a slice."""
    return [match for one_rule in one.rules for match in one_rule.matches]


# ------------------------------------------------------------------------------------------------- requests


@st.composite
def outputs(draw: st.DrawFn, one: FlowspaceSlice, *, may_table: bool = False) -> act.Output:
    """An output, mostly to a port that the slice's rules name."""
    named = [match.fields["in_port"][0] for match in rule_matches(one) if "in_port" in match.fields]
    reserved = (FLOOD, ALL, IN_PORT, CONTROLLER, *((TABLE,) if may_table else ()))
    kind = draw(st.sampled_from(("own", "own", "own", "any", "reserved")))
    if kind == "reserved":
        port = draw(st.sampled_from(reserved))
        return act.Output(port, 0xFFFF if port == CONTROLLER else 0)
    return act.Output(draw(st.sampled_from(named if named and kind == "own" else PORTS)))


_set_fields = st.one_of(
    st.sampled_from(VLANS).map(lambda vlan: act.SetField("vlan_vid", tag(vlan))),
    _hardware.map(lambda address: act.SetField("eth_dst", address)),
    _hardware.map(lambda address: act.SetField("eth_src", address)),
    _addresses.map(lambda address: act.SetField("ipv4_src", address)),
    _addresses.map(lambda address: act.SetField("ipv4_dst", address)),
)
_rewrites_13 = st.one_of(
    _set_fields,
    st.sampled_from((act.SetField("vlan_vid", tag(200)), act.PopVlan())),
    st.sampled_from(TRANSPORT_PORTS).map(lambda port: act.SetField("udp_dst", port)),
    st.just(act.SetField("vlan_pcp", 3)),
    st.just(act.PushVlan(0x8100)),
    st.just(act.PopVlan()),
    st.just(act.PushMpls(0x8847)),
    st.sampled_from((0x0800, 0x0806, 0x88B5)).map(act.PopMpls),
    st.just(act.DecNwTtl()),
)
_rewrites_10 = st.one_of(
    _set_fields.filter(lambda action: action.name != "vlan_vid"),
    st.sampled_from(VLANS).map(act.SetVlanVid),
    st.just(act.SetVlanPcp(3)),
    st.just(act.StripVlan()),
    st.sampled_from(TRANSPORT_PORTS).map(act.SetTransportDestination),
)


@st.composite
def action_lists(
    draw: st.DrawFn, version: int, one: FlowspaceSlice, *, may_table: bool = False
) -> act.Actions:
    """A few rewrites and outputs; there is an output at the end."""
    rewrites = _rewrites_13 if version >= 4 else _rewrites_10
    output = outputs(one, may_table=may_table)
    return (*draw(st.lists(rewrites | output, max_size=2)), draw(output))


@st.composite
def tenant_matches(draw: st.DrawFn, one: FlowspaceSlice) -> Match:
    """What a tenant matches on: mostly some of its own, with what lets it rewrite."""
    own = st.sampled_from(rule_matches(one))
    match = draw(st.one_of(own, own, flowspace_matches(), st.just(Match())))
    if "vlan_vid" not in match.fields and draw(st.booleans()):
        match = match.having(vlan_vid=draw(st.sampled_from((0, tag(100), tag(200)))))
    if "eth_type" not in match.fields and draw(st.booleans()):
        match = match.having(eth_type=0x0800)
        if draw(st.booleans()):
            match = match.having(ip_proto=17)
    return match


@st.composite
def flow_mods(draw: st.DrawFn, version: int, one: FlowspaceSlice, *, n_tables: int = 3) -> FlowMod:
    """Additions of entries, with every instruction that 1.3 has for a slice."""
    match = draw(tenant_matches(one))
    priority = draw(st.sampled_from((0, 5, 5, 9, 0xFFFF)))
    applied = act.ApplyActions(draw(action_lists(version, one)))
    if version < 4:
        return FlowMod(priority=priority, match=match, instructions=(applied,))
    table_id = draw(st.sampled_from((0, 0, 0, *range(1, n_tables))))
    instructions: list[act.Instruction] = [applied] if draw(st.booleans()) else []
    if not instructions or draw(st.integers(0, 3)) == 0:
        instructions.append(act.WriteActions(draw(action_lists(version, one))))
    if table_id < n_tables - 1 and n_tables > 1 and draw(st.booleans()):
        instructions.append(act.GotoTable(draw(st.integers(table_id + 1, n_tables - 1))))
    return FlowMod(table_id=table_id, priority=priority, match=match, instructions=tuple(instructions))


@st.composite
def chains(draw: st.DrawFn, one: FlowspaceSlice) -> list[FlowMod]:
    """Two entries of which the first sends packets on to the second, in either order."""
    match = draw(tenant_matches(one))
    step = draw(_rewrites_13)
    if isinstance(step, act.SetField) and step.name.startswith(("ipv4", "udp")):
        match = match.having(eth_type=0x0800, ip_proto=17)
    elif "vlan_vid" not in match.fields:
        match = match.having(vlan_vid=tag(draw(st.sampled_from(VLANS))))
    what = draw(st.sampled_from((act.ApplyActions, act.WriteActions)))
    first = FlowMod(match=match, instructions=(what((step,)), act.GotoTable(1)))
    if draw(st.booleans()):  # what is written first is carried out last
        written = act.WriteActions((draw(outputs(one)),))
        first = evolve(first, instructions=(written, act.GotoTable(1)))
        last = FlowMod(table_id=1, match=first.match, instructions=(act.ApplyActions((step,)),))
    else:
        last = FlowMod(table_id=1, instructions=(act.ApplyActions((draw(outputs(one)),)),))
    return list(draw(st.permutations((first, last))))


@st.composite
def packet_outs(draw: st.DrawFn, version: int, one: FlowspaceSlice) -> PacketOut:
    """A packet that a tenant makes up, mostly like one that could have come in."""
    port, packet = draw(packets_like(draw(st.sampled_from(rule_matches(one)))))
    return PacketOut(
        in_port=draw(st.sampled_from((port, port, CONTROLLER))),
        actions=draw(action_lists(version, one, may_table=True)),
        data=packet,
    )
