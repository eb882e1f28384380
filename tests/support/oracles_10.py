"""os-ken's objects of OpenFlow 1.0 made of ours, and ours of os-ken's."""

from collections.abc import Callable
from typing import Any

from os_ken.ofproto import ofproto_v1_0_parser as osken
from os_ken.ofproto.ofproto_protocol import ProtocolDesc

from flowvisor.openflow import actions as a
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import Message
from flowvisor.openflow.ports import Port
from flowvisor.openflow.v10_error_codes import error_from_10, error_to_10

PROTOCOL = ProtocolDesc(version=1)


def port_10(number: int) -> int:
    return number & 0xFFFF


def port_13(number: int) -> int:
    return number if number < 0xFF00 else number + 0xFFFF0000


def mac(number: int) -> bytes:
    return number.to_bytes(6, "big")


# ---------------------------------------------------------------------------------------------- match

# Where 1.0 keeps what; an address is kept with the length of its prefix.
_PLACES = {
    "eth_type": "dl_type",
    "vlan_pcp": "dl_vlan_pcp",
    **dict.fromkeys(("ip_proto", "arp_op"), "nw_proto"),
    **dict.fromkeys(("tcp_src", "udp_src", "sctp_src", "icmpv4_type"), "tp_src"),
    **dict.fromkeys(("tcp_dst", "udp_dst", "sctp_dst", "icmpv4_code"), "tp_dst"),
}
_ADDRESSES = {"ipv4_src": "nw_src", "ipv4_dst": "nw_dst", "arp_spa": "nw_src", "arp_tpa": "nw_dst"}
_UPPER = {1: ("icmpv4_type", "icmpv4_code"), 6: ("tcp_src", "tcp_dst"), 17: ("udp_src", "udp_dst")}
_UPPER[132] = ("sctp_src", "sctp_dst")


def their_match(match: Match) -> Any:
    values: dict[str, Any] = {}
    for name, value, mask in match:
        if name == "in_port":
            values["in_port"] = port_10(value)
        elif name in ("eth_src", "eth_dst"):
            values["dl_" + name[4:]] = mac(value)
        elif name == "vlan_vid" and mask == FIELDS["vlan_vid"].all_ones:
            values["dl_vlan"] = value & 0xFFF if value else 0xFFFF
        elif name == "ip_dscp":
            values["nw_tos"] = value * 4
        elif name in _ADDRESSES:
            values[_ADDRESSES[name]] = value
            values[_ADDRESSES[name] + "_mask"] = mask.bit_count()
        elif name != "vlan_vid":
            values[_PLACES[name]] = value
    return osken.OFPMatch(**values)


def our_match(theirs: Any) -> Match:
    def has(name: str) -> bool:
        try:
            theirs[name]
        except KeyError:
            return False
        return True

    fields: dict[str, Any] = {}
    if has("in_port"):
        fields["in_port"] = port_13(theirs.in_port)
    for name in ("src", "dst"):
        if has("dl_" + name):
            fields["eth_" + name] = int.from_bytes(getattr(theirs, "dl_" + name), "big")
    if has("dl_vlan_pcp"):
        fields |= {"vlan_vid": (0x1000, 0x1000), "vlan_pcp": theirs.dl_vlan_pcp}
    if has("dl_vlan"):
        fields["vlan_vid"] = 0 if theirs.dl_vlan == 0xFFFF else 0x1000 | theirs.dl_vlan
    if has("dl_type"):
        fields["eth_type"] = theirs.dl_type
    if has("nw_tos"):
        fields["ip_dscp"] = theirs.nw_tos // 4
    is_arp = fields.get("eth_type") == 0x806
    if has("nw_proto"):
        fields["arp_op" if is_arp else "ip_proto"] = theirs.nw_proto
    for place, name in (
        ("nw_src", "arp_spa" if is_arp else "ipv4_src"),
        ("nw_dst", "arp_tpa" if is_arp else "ipv4_dst"),
    ):
        if length := theirs[place + "_mask"]:
            fields[name] = (getattr(theirs, place), (1 << 32) - (1 << 32 - length))
    for place, index in (("tp_src", 0), ("tp_dst", 1)):
        if has(place):
            fields[_UPPER[theirs.nw_proto][index]] = getattr(theirs, place)
    return Match.of(**fields)


# -------------------------------------------------------------------------------------------- actions


def their_action(action: a.Action) -> Any:
    match action:
        case a.Output(port=port, max_len=max_len):
            return osken.OFPActionOutput(port_10(port), max_len)
        case a.SetVlanVid(vid=vid):
            return osken.OFPActionVlanVid(vid)
        case a.SetVlanPcp(pcp=pcp):
            return osken.OFPActionVlanPcp(pcp)
        case a.StripVlan():
            return osken.OFPActionStripVlan()
        case a.SetField(name="eth_src", value=value):
            return osken.OFPActionSetDlSrc(mac(value))
        case a.SetField(name="eth_dst", value=value):
            return osken.OFPActionSetDlDst(mac(value))
        case a.SetField(name="ipv4_src", value=value):
            return osken.OFPActionSetNwSrc(value)
        case a.SetField(name="ipv4_dst", value=value):
            return osken.OFPActionSetNwDst(value)
        case a.SetField(name="ip_dscp", value=value):
            return osken.OFPActionSetNwTos(value * 4)
        case a.SetTransportSource(port=port):
            return osken.OFPActionSetTpSrc(port)
        case a.SetTransportDestination(port=port):
            return osken.OFPActionSetTpDst(port)
        case a.Enqueue(port=port, queue_id=queue_id):
            return osken.OFPActionEnqueue(port_10(port), queue_id)
    raise AssertionError(action)


_OUR_ACTION: dict[type, Callable[[Any], a.Action]] = {
    osken.OFPActionOutput: lambda t: a.Output(port_13(t.port), t.max_len),
    osken.OFPActionVlanVid: lambda t: a.SetVlanVid(t.vlan_vid),
    osken.OFPActionVlanPcp: lambda t: a.SetVlanPcp(t.vlan_pcp),
    osken.OFPActionStripVlan: lambda t: a.StripVlan(),
    osken.OFPActionSetDlSrc: lambda t: a.SetField("eth_src", int.from_bytes(t.dl_addr, "big")),
    osken.OFPActionSetDlDst: lambda t: a.SetField("eth_dst", int.from_bytes(t.dl_addr, "big")),
    osken.OFPActionSetNwSrc: lambda t: a.SetField("ipv4_src", t.nw_addr),
    osken.OFPActionSetNwDst: lambda t: a.SetField("ipv4_dst", t.nw_addr),
    osken.OFPActionSetNwTos: lambda t: a.SetField("ip_dscp", t.tos // 4),
    osken.OFPActionSetTpSrc: lambda t: a.SetTransportSource(t.tp),
    osken.OFPActionSetTpDst: lambda t: a.SetTransportDestination(t.tp),
    osken.OFPActionEnqueue: lambda t: a.Enqueue(port_13(t.port), t.queue_id),
}


def our_instructions(theirs: list[Any]) -> a.Instructions:
    listed = tuple(_OUR_ACTION[type(action)](action) for action in theirs)
    return (a.ApplyActions(listed),) if listed else ()


def _their_actions(instructions: a.Instructions) -> list[Any]:
    return [their_action(action) for instruction in instructions for action in instruction.actions]  # type: ignore


# ------------------------------------------------------------------------- what a controller says: theirs

THEIR_MESSAGES: dict[type[Message], Callable[[Any], Any]] = {
    m.Hello: lambda o: osken.OFPHello(PROTOCOL),
    m.Error: lambda o: osken.OFPErrorMsg(PROTOCOL, *error_to_10(o.error), o.data),
    m.EchoRequest: lambda o: osken.OFPEchoRequest(PROTOCOL, o.data),
    m.EchoReply: lambda o: osken.OFPEchoReply(PROTOCOL, o.data),
    m.FeaturesRequest: lambda o: osken.OFPFeaturesRequest(PROTOCOL),
    m.GetConfigRequest: lambda o: osken.OFPGetConfigRequest(PROTOCOL),
    m.SetConfig: lambda o: osken.OFPSetConfig(PROTOCOL, o.flags, o.miss_send_len),
    m.PacketOut: lambda o: osken.OFPPacketOut(
        PROTOCOL,
        o.buffer_id,
        port_10(o.in_port),
        [their_action(action) for action in o.actions],
        o.data or None,
    ),
    m.FlowMod: lambda o: osken.OFPFlowMod(
        *(PROTOCOL, their_match(o.match), o.cookie, o.command, o.idle_timeout, o.hard_timeout, o.priority),
        *(o.buffer_id, port_10(o.out_port), o.flags, _their_actions(o.instructions)),
    ),
    m.PortMod: lambda o: osken.OFPPortMod(
        PROTOCOL, port_10(o.port), o.hw_addr.hex(":"), o.config, o.mask, o.advertise
    ),
    m.BarrierRequest: lambda o: osken.OFPBarrierRequest(PROTOCOL),
    m.QueueGetConfigRequest: lambda o: osken.OFPQueueGetConfigRequest(PROTOCOL, port_10(o.port)),
    mp.DescRequest: lambda o: osken.OFPDescStatsRequest(PROTOCOL, 0),
    mp.TableStatsRequest: lambda o: osken.OFPTableStatsRequest(PROTOCOL, 0),
    mp.PortStatsRequest: lambda o: osken.OFPPortStatsRequest(PROTOCOL, 0, port_10(o.port)),
    mp.QueueStatsRequest: lambda o: osken.OFPQueueStatsRequest(PROTOCOL, 0, port_10(o.port), o.queue_id),
    mp.FlowStatsRequest: lambda o: osken.OFPFlowStatsRequest(
        PROTOCOL, 0, their_match(o.match), o.table_id, port_10(o.out_port)
    ),
    mp.AggregateStatsRequest: lambda o: osken.OFPAggregateStatsRequest(
        PROTOCOL, 0, their_match(o.match), o.table_id, port_10(o.out_port)
    ),
}


def their_frame(message: Message) -> bytes:
    """os-ken's bytes of what our message says."""
    theirs = THEIR_MESSAGES[type(message)](message)
    theirs.set_xid(message.xid)
    theirs.serialize()
    return bytes(theirs.buf)


# ---------------------------------------------------------------- what a datapath says: ours, as they read it


def _text(data: bytes) -> str:
    return data.split(b"\0")[0].decode("latin-1")


def _features(bits: int) -> int:
    return bits & 0x7F | (bits & 0xF80) << 4


def our_port(theirs: Any) -> Port:
    return Port(
        *(port_13(theirs.port_no), bytes.fromhex(theirs.hw_addr.replace(":", "")), _text(theirs.name)),
        *(theirs.config, theirs.state),
        *(_features(bits) for bits in (theirs.curr, theirs.advertised, theirs.supported, theirs.peer)),
    )


def _our_features(t: Any) -> dict[str, Any]:
    bits = t.capabilities
    return {
        **{name: getattr(t, name) for name in ("n_buffers", "n_tables", "actions")},
        "dpid": t.datapath_id,
        "capabilities": bits & 0x67 | (bits >> 3 & 1) * m.STP_10 | (bits >> 7 & 1) * m.ARP_MATCH_IP_10,
        "ports": {our_port(port) for port in t.ports.values()},
    }


def _same_names(*names: str) -> Callable[[Any], dict[str, Any]]:
    return lambda t: {name: getattr(t, name) for name in names}


def _flow(t: Any) -> mp.FlowStats:
    names = (
        "table_id",
        "duration_sec",
        "duration_nsec",
        "priority",
        "idle_timeout",
        "hard_timeout",
        "cookie",
    )
    known = {name: getattr(t, name) for name in (*names, "packet_count", "byte_count")}
    return mp.FlowStats(**known, match=our_match(t.match), instructions=our_instructions(t.actions))


_FLOW_MOD = ("cookie", "command", "idle_timeout", "hard_timeout", "priority", "buffer_id", "flags")
_PORT_COUNTERS = (
    *(
        "rx_packets",
        "tx_packets",
        "rx_bytes",
        "tx_bytes",
        "rx_dropped",
        "tx_dropped",
        "rx_errors",
        "tx_errors",
    ),
    *("rx_frame_err", "rx_over_err", "rx_crc_err", "collisions"),
)
_TABLE_COUNTERS = ("active_count", "lookup_count", "matched_count")

# What os-ken reads, as arguments of our class.
AS_READ: dict[type[Message], Callable[[Any], dict[str, Any]]] = {
    m.Error: lambda t: {"error": error_from_10((t.type, t.code)), "data": bytes(t.data)},
    m.EchoRequest: lambda t: {"data": bytes(t.data)},
    m.EchoReply: lambda t: {"data": bytes(t.data)},
    m.Experimenter: lambda t: {"experimenter": t.vendor, "body": bytes(t.data)},
    m.FeaturesReply: _our_features,
    m.GetConfigReply: _same_names("flags", "miss_send_len"),
    m.PacketIn: lambda t: {
        **_same_names("buffer_id", "total_len", "reason")(t),
        **{"match": Match.of(in_port=port_13(t.in_port)), "data": bytes(t.data)},
    },
    m.FlowRemoved: lambda t: {
        **_same_names("cookie", "priority", "reason", "duration_sec", "duration_nsec", "idle_timeout")(t),
        **{"packet_count": t.packet_count, "byte_count": t.byte_count, "match": our_match(t.match)},
    },
    m.PortStatus: lambda t: {"reason": t.reason, "port": our_port(t.desc)},
    m.FlowMod: lambda t: {
        **_same_names(*_FLOW_MOD)(t),
        **{"out_port": port_13(t.out_port), "match": our_match(t.match)},
        "instructions": our_instructions(t.actions),
    },
    m.BarrierReply: _same_names(),
    m.QueueGetConfigReply: lambda t: {
        "port": port_13(t.port),
        "queues": tuple(
            m.PacketQueue(queue.queue_id, min_rate=queue.properties[0].rate if queue.properties else None)
            for queue in t.queues
        ),
    },
    mp.DescReply: lambda t: {
        "manufacturer": _text(t.body.mfr_desc),
        "hardware": _text(t.body.hw_desc),
        "software": _text(t.body.sw_desc),
        "serial_number": _text(t.body.serial_num),
        "datapath": _text(t.body.dp_desc),
    },
    mp.FlowStatsReply: lambda t: {"flows": tuple(_flow(flow) for flow in t.body)},
    mp.AggregateStatsReply: lambda t: _same_names("packet_count", "byte_count", "flow_count")(t.body[0]),
    mp.TableStatsReply: lambda t: {
        "tables": tuple(
            mp.TableStats(
                *(table.table_id, *(getattr(table, name) for name in _TABLE_COUNTERS), _text(table.name)),
                *(table.wildcards, table.max_entries),
            )
            for table in t.body
        )
    },
    mp.PortStatsReply: lambda t: {
        "ports": tuple(
            mp.PortStats(port_13(port.port_no), *(getattr(port, name) for name in _PORT_COUNTERS))
            for port in t.body
        )
    },
    mp.QueueStatsReply: lambda t: {
        "queues": tuple(
            mp.QueueStats(port_13(q.port_no), q.queue_id, q.tx_bytes, q.tx_packets, q.tx_errors)
            for q in t.body
        )
    },
}


def as_they_read(frame: bytes) -> Any:
    """os-ken's object of a frame."""
    header = (frame[0], frame[1], int.from_bytes(frame[2:4], "big"), int.from_bytes(frame[4:8], "big"))
    return osken.msg_parser(PROTOCOL, *header, frame)
