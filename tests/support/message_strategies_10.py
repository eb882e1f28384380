"""Hypothesis strategies for every message that OpenFlow 1.0 can say, and for what they are made of.

`MESSAGES_10[cls]` draws messages of a class in the form that decoding gives them: each decodes to itself.
"""

from typing import Any

from hypothesis import strategies as st

from flowvisor.openflow import actions as a
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow import ports as p
from flowvisor.openflow.fields import FIELDS, VLAN_PRESENT
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import Message
from flowvisor.openflow.v10_error_codes import error_from_10
from tests.support.message_strategies import bits, booleans, few, hw_addrs, texts, u8, u16, u32, u64

port_numbers = st.one_of(st.integers(0, 48), st.integers(0xFFFFFFF8, 0xFFFFFFFF), st.integers(0, 0xFEFF))
durations = {"duration_sec": u32, "duration_nsec": u32}

# ---------------------------------------------------------------------------------------------- match

addresses = st.integers(0, 0xFFFFFFFF)
prefixes = st.integers(1, 32).map(lambda length: 0xFFFFFFFF << (32 - length) & 0xFFFFFFFF)
prefixed = st.tuples(addresses, prefixes).map(lambda pair: (pair[0] & pair[1], pair[1]))
ethernet = st.fixed_dictionaries(
    {},
    optional={
        "in_port": port_numbers,
        **dict.fromkeys(("eth_src", "eth_dst"), st.integers(0, (1 << 48) - 1)),
    },
)
vlan_ids = st.integers(VLAN_PRESENT, VLAN_PRESENT | 0xFFF)
priorities = st.integers(0, 7)
vlans = st.one_of(
    st.just({}),
    st.just({"vlan_vid": 0}),
    st.fixed_dictionaries({"vlan_vid": vlan_ids}, optional={"vlan_pcp": priorities}),
    st.fixed_dictionaries({"vlan_vid": st.just((VLAN_PRESENT, VLAN_PRESENT)), "vlan_pcp": priorities}),
)


def _transport(protocol: int, *names: str) -> st.SearchStrategy[dict[str, Any]]:
    values = {name: st.integers(0, FIELDS[name].all_ones) for name in names}
    return st.fixed_dictionaries({"ip_proto": st.just(protocol)}, optional=values)


transports = st.one_of(
    st.just({}),
    _transport(6, "tcp_src", "tcp_dst"),
    _transport(17, "udp_src", "udp_dst"),
    _transport(132, "sctp_src", "sctp_dst"),
    _transport(1, "icmpv4_type", "icmpv4_code"),
    st.fixed_dictionaries({"ip_proto": u8.filter(lambda protocol: protocol not in (1, 6, 17, 132))}),
)
ipv4 = st.fixed_dictionaries(
    {"eth_type": st.just(0x800)},
    optional={"ip_dscp": st.integers(0, 63), "ipv4_src": prefixed, "ipv4_dst": prefixed},
)
arp = st.fixed_dictionaries(
    {"eth_type": st.just(0x806)}, optional={"arp_op": u8, "arp_spa": prefixed, "arp_tpa": prefixed}
)
networks = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"eth_type": u16}),
    arp,
    st.builds(lambda network, transport: {**network, **transport}, ipv4, transports),
)
matches = st.builds(
    lambda *parts: Match.of(**{name: value for part in parts for name, value in part.items()}),
    *(ethernet, vlans, networks),
)

# -------------------------------------------------------------------------------------------- actions


def _set_field(name: str, most: int) -> st.SearchStrategy[a.SetField]:
    return st.builds(a.SetField, st.just(name), st.integers(0, most))


vendor_bodies = st.integers(0, 3).flatmap(lambda n: st.binary(min_size=4 + 8 * n, max_size=4 + 8 * n))
standard_actions = st.one_of(
    st.builds(a.Output, port_numbers, u16),
    st.builds(a.SetVlanVid, st.integers(0, 0xFFF)),
    st.builds(a.SetVlanPcp, priorities),
    st.builds(a.StripVlan),
    *(_set_field(name, (1 << 48) - 1) for name in ("eth_src", "eth_dst")),
    *(_set_field(name, 0xFFFFFFFF) for name in ("ipv4_src", "ipv4_dst")),
    _set_field("ip_dscp", 63),
    st.builds(a.SetTransportSource, u16),
    st.builds(a.SetTransportDestination, u16),
    st.builds(a.Enqueue, port_numbers, u32),
)
actions = few(
    standard_actions | vendor_bodies.map(lambda body: a.OpaqueAction(int.from_bytes(body[:4], "big"), body)),
    4,
)
instructions = actions.map(lambda listed: (a.ApplyActions(listed),) if listed else ())

# ---------------------------------------------------------------------------------------------- parts

features = bits(*(1 << bit for bit in (*range(7), *range(11, 16))))
port_states = bits(p.LINK_DOWN, 1 << 8, 1 << 9)
ports = st.builds(p.Port, port_numbers, hw_addrs, texts(16), u32, port_states, *[features] * 4)
queues = st.builds(
    m.PacketQueue,
    u32,
    min_rate=st.none() | u16,
    opaque=few(st.builds(m.OpaqueProperty, st.sampled_from((0, 2, 0xFFFF)), st.binary(max_size=9))),
)
capabilities = bits(
    *(m.FLOW_STATS, m.TABLE_STATS, m.PORT_STATS, m.IP_REASSEMBLY, m.QUEUE_STATS, m.STP_10, m.ARP_MATCH_IP_10)
)
_pairs_10 = [(0, 2), (1, 9), (2, 9), (3, 6), (4, 2), (5, 3)]  # type, how many codes
errors = st.sampled_from([error_from_10((kind, code)) for kind, count in _pairs_10 for code in range(count)])
data = st.binary(max_size=80)

# ------------------------------------------------------------------------------------------- messages


def _of(cls: type[Message], **fields: st.SearchStrategy[Any]) -> tuple[type[Message], st.SearchStrategy[Any]]:
    return cls, st.builds(cls, xid=u32, **fields)


_flow_stats = st.builds(
    mp.FlowStats,
    table_id=u8,
    **durations,
    **dict.fromkeys(("priority", "idle_timeout", "hard_timeout"), u16),
    **dict.fromkeys(("cookie", "packet_count", "byte_count"), u64),
    match=matches,
    instructions=instructions,
)
_filter = {"table_id": u8, "out_port": port_numbers, "match": matches}
_config = {"flags": u16, "miss_send_len": u16}
_vendor = {"experimenter": u32, "body": data}
_packet_ins = st.builds(
    m.PacketIn,
    xid=u32,
    buffer_id=u32,
    total_len=u16,
    reason=st.integers(0, 1),
    match=port_numbers.map(lambda port: Match.of(in_port=port)),
    data=data,
)

MESSAGES_10: dict[type[Message], st.SearchStrategy[Any]] = dict(
    (
        _of(m.Hello, version=st.just(1), versions=st.none() | st.frozensets(st.integers(0, 70), min_size=1)),
        _of(m.Error, error=errors | st.tuples(st.integers(0x100, 0xFFFF), u16), data=data),
        _of(m.EchoRequest, data=data),
        _of(m.EchoReply, data=data),
        _of(m.Experimenter, **_vendor),
        _of(m.FeaturesRequest),
        _of(
            m.FeaturesReply,
            **{"dpid": u64, "n_buffers": u32, "n_tables": u8, "capabilities": capabilities, "actions": u32},
            ports=few(ports),
        ),
        _of(m.GetConfigRequest),
        _of(m.GetConfigReply, **_config),
        _of(m.SetConfig, **_config),
        (m.PacketIn, _packet_ins),
        _of(
            m.FlowRemoved,
            **{"cookie": u64, "priority": u16, "reason": st.integers(0, 2), "idle_timeout": u16},
            **{"packet_count": u64, "byte_count": u64, "match": matches, **durations},
        ),
        _of(m.PortStatus, reason=st.integers(0, 2), port=ports),
        _of(m.PacketOut, buffer_id=u32, in_port=port_numbers, actions=actions, data=data),
        _of(
            m.FlowMod,
            **{"cookie": u64, "command": st.integers(0, 4), "idle_timeout": u16, "hard_timeout": u16},
            **{"priority": u16, "buffer_id": u32, "out_port": port_numbers, "match": matches},
            flags=bits(m.SEND_FLOW_REM, m.CHECK_OVERLAP, m.EMERGENCY),
            instructions=instructions,
        ),
        _of(m.PortMod, port=port_numbers, hw_addr=hw_addrs, config=u32, mask=u32, advertise=features),
        _of(mp.DescRequest),
        _of(mp.FlowStatsRequest, **_filter),
        _of(mp.AggregateStatsRequest, **_filter),
        _of(mp.TableStatsRequest),
        _of(mp.PortStatsRequest, port=port_numbers),
        _of(mp.QueueStatsRequest, port=port_numbers.filter(lambda port: port != p.ALL), queue_id=u32),
        _of(mp.ExperimenterMultipartRequest, **_vendor),
        _of(
            mp.DescReply,
            more=booleans,
            **dict.fromkeys(("manufacturer", "hardware", "software", "datapath"), texts(256)),
            serial_number=texts(32),
        ),
        _of(mp.FlowStatsReply, more=booleans, flows=few(_flow_stats)),
        _of(mp.AggregateStatsReply, more=booleans, packet_count=u64, byte_count=u64, flow_count=u32),
        _of(
            mp.TableStatsReply,
            more=booleans,
            tables=few(st.builds(mp.TableStats, u8, u32, u64, u64, texts(32), u32, u32)),
        ),
        _of(mp.PortStatsReply, more=booleans, ports=few(st.builds(mp.PortStats, port_numbers, *[u64] * 12))),
        _of(
            mp.QueueStatsReply,
            more=booleans,
            queues=few(st.builds(mp.QueueStats, port_numbers, u32, u64, u64, u64)),
        ),
        _of(mp.ExperimenterMultipartReply, more=booleans, **_vendor),
        _of(m.BarrierRequest),
        _of(m.BarrierReply),
        _of(m.QueueGetConfigRequest, port=port_numbers),
        _of(m.QueueGetConfigReply, port=port_numbers, queues=few(queues)),
    )
)


def messages_10(cls: type[Message]) -> st.SearchStrategy[Any]:
    """Messages of one class, as decoding gives them."""
    return MESSAGES_10[cls]
