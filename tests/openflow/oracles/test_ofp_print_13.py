"""Open vSwitch reads our frames of OpenFlow 1.3 with its own strict decoder, and prints what we said."""

import re
import subprocess
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowvisor.openflow import actions as a
from flowvisor.openflow import error_codes as ec
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow import v13
from flowvisor.openflow.fields import FIELDS
from flowvisor.openflow.match import Match
from flowvisor.openflow.messages import Message
from flowvisor.openflow.ports import ANY, CONTROLLER, LINK_DOWN, PORT_DOWN, Port
from tests.support.message_strategies import (
    ACTIONS_13,
    Vocabulary,
    every_message_13,
    few,
    instructions_13,
    lists_of,
    matches,
    plain_bands,
    set_fields,
)
from tests.support.tools import require_tool

# What Open vSwitch has not implemented: it has no such ports, fields and actions.
HIGHEST_PORT = 0xFEFF
NOT_MATCHED = {"in_phy_port", "pbb_isid", "ipv6_exthdr"}
NOT_DONE = {a.PushPbb, a.PopPbb, a.CopyTtlIn, a.CopyTtlOut, a.OpaqueAction}
NOT_SET = {*NOT_MATCHED, "mpls_bos", "ip_proto", "eth_type"}
# It knows no experimenter but a few, and wants a table's features complete: see the last test.
NOT_SHOWN = {
    *(m.Experimenter, mp.ExperimenterMultipartRequest, mp.ExperimenterMultipartReply),
    *(mp.TableFeaturesRequest, mp.TableFeaturesReply),
}
# It reads the whole of a flow-mod before it compares its actions with its match, which is not a codec's part.
SENSELESS = "OFPBAC_MATCH_INCONSISTENT"

ports = st.integers(1, HIGHEST_PORT)
names = tuple(name for name in FIELDS if name not in NOT_MATCHED)


def shown_match(match: Match) -> Match:
    """With the values that Open vSwitch has for these fields."""
    for name, legal in (
        ("in_port", range(1, HIGHEST_PORT + 1)),
        ("arp_op", range(0x100)),
        ("icmpv6_code", range(1)),  # it wants 0 beside the fields of neighbour discovery
    ):
        value = match.exact(name)
        if value is not None:
            match = match.having(**{name: legal[value % len(legal)]})
    return match


def shown_set_field(action: a.SetField) -> a.SetField:
    """With the values that Open vSwitch has for these fields."""
    if action.name == "arp_op":
        return a.SetField("arp_op", action.value & 0xFF)
    return a.SetField("vlan_vid", action.value | 0x1000) if action.name == "vlan_vid" else action


done = {cls: strategy for cls, strategy in ACTIONS_13.items() if cls not in NOT_DONE}
done[a.Output] = st.builds(a.Output, ports)
done[a.Group] = st.builds(a.Group, st.integers(0, m.MAX_GROUP))
done[a.SetField] = set_fields(tuple(name for name in FIELDS if name not in NOT_SET)).map(shown_set_field)
action_lists = few(st.one_of(*done.values()), 4)
given_instructions = instructions_13(action_lists)
given_instructions[a.GotoTable] = st.builds(a.GotoTable, st.integers(1, 254))
given_instructions[a.Meter] = st.builds(a.Meter, st.integers(1, 0xFFFF0000))
instruction_lists = lists_of(given_instructions, without=a.OpaqueInstruction)

SHOWN = every_message_13(
    Vocabulary(
        ports=ports,
        out_ports=ports,
        matches=matches(opaque=False, names=names).map(shown_match),
        actions=action_lists,
        shown_actions=action_lists,
        instructions=instruction_lists,
        shown_instructions=instruction_lists,
        bands=few(plain_bands),
        queue_properties=st.just(()),
    )
)


def shown_buckets(group_type: int, buckets: tuple[m.Bucket, ...]) -> tuple[m.Bucket, ...]:
    """As groups of this type have them: one in an indirect one, weights to select by, ports to watch."""
    kept = buckets[:1] if group_type == m.GROUP_TYPE_INDIRECT else buckets
    return tuple(
        attrs.evolve(
            bucket,
            weight=bucket.weight if group_type == m.GROUP_TYPE_SELECT else 0,
            watch_port=1 if group_type == m.GROUP_TYPE_FAST_FAILOVER else ANY,
            watch_group=m.ANY_GROUP,
        )
        for bucket in kept
    )


def shown(message: Any) -> Any:
    """A message whose numbers are among those that the specification names."""
    match message:
        case m.Error():
            pairs = [pair for name, pair in vars(ec).items() if name.isupper() and isinstance(pair, tuple)]
            pair = pairs[message.error[1] % len(pairs)]
            return attrs.evolve(
                message, error=pair, data=message.data[:7]
            )  # from 8 on it is read as a message
        case m.SetConfig() | m.GetConfigReply():
            return attrs.evolve(message, flags=message.flags % 3)
        case m.MeterMod():
            return attrs.evolve(message, flags=message.flags & 0xC | (message.flags & 1 or 2))
        case m.PacketIn():
            return attrs.evolve(message, total_len=max(message.total_len, len(message.data)))
        case m.PortStatus():
            return attrs.evolve(message, reason=message.reason % 3)
        case m.RoleReply():
            return attrs.evolve(message, role=message.role % 3 + 1)
        case m.FlowMod():
            return attrs.evolve(message, table_id=0)
        case m.GroupMod():
            group_type = message.group_type if message.buckets else m.GROUP_TYPE_ALL
            return attrs.evolve(
                message,
                command=message.command % 2,  # a delete has no buckets
                group_type=group_type,
                group_id=message.group_id % m.MAX_GROUP,
                buckets=shown_buckets(group_type, message.buckets),
            )
        case mp.GroupDescReply():
            groups = (
                attrs.evolve(
                    group,
                    group_id=group.group_id % m.MAX_GROUP,
                    buckets=shown_buckets(group.group_type, group.buckets),
                )
                for group in message.groups
            )
            return attrs.evolve(message, groups=tuple(groups))
    return message


def printed(folder: Path, *messages: Message) -> str:
    """What `ovs-ofctl` makes of a stream of messages."""
    stream = folder / "stream"
    stream.write_bytes(b"".join(map(v13.encode, messages)))
    arguments = [require_tool("ovs-ofctl"), "-O", "OpenFlow13", "ofp-parse", str(stream)]
    done = subprocess.run(arguments, capture_output=True, check=True, timeout=60)
    return done.stdout.decode("latin-1")


@pytest.mark.parametrize("cls", [cls for cls in SHOWN if cls not in NOT_SHOWN], ids=lambda cls: cls.__name__)
@settings(max_examples=4, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(data=st.data())
def test_open_vswitch_takes_what_we_write(cls: type[Message], data: st.DataObject, tmp_path: Path) -> None:
    messages = data.draw(st.lists(SHOWN[cls].map(shown), min_size=1, max_size=8))
    text = printed(tmp_path, *messages)
    errors = set(re.findall(r"\*\*\*decode error: (\w+)", text))
    assert errors <= {SENSELESS}, text
    xids = re.findall(
        r"^(?:OFPT|OFPST|OFPMP)_\w+ (?:reply |request )?\(OF1\.[3-5]\) \(xid=0x(\w+)\)", text, re.M
    )
    assert [int(xid, 16) for xid in xids] == [message.xid for message in messages], text


def _header(name: str, masked: bool = False) -> int:
    return FIELDS[name].masked_oxm_header if masked else FIELDS[name].oxm_header


PRINTED: list[tuple[Message, str]] = [
    (
        m.FlowMod(
            **{"cookie": 0x1234, "table_id": 3, "priority": 200, "idle_timeout": 10},
            flags=m.SEND_FLOW_REM,
            match=Match.of(
                **{"in_port": 7, "eth_type": 0x0800, "ip_proto": 6, "tcp_dst": 80, "vlan_vid": 0x1064},
                ipv4_src=(0x0A010000, 0xFFFF0000),
            ),
            instructions=(
                a.ApplyActions((a.SetField("eth_dst", 0x0A0B0C0D0E0F), a.PopVlan(), a.Output(2))),
                a.WriteMetadata(5, 0xFF),
                a.GotoTable(4),
            ),
        ),
        "ADD table:3 priority=200,tcp,in_port=7,dl_vlan=100,nw_src=10.1.0.0/16,tp_dst=80 cookie:0x1234"
        " idle:10 send_flow_rem actions=set_field:0a:0b:0c:0d:0e:0f->eth_dst,pop_vlan,output:2,"
        "write_metadata:0x5/0xff,goto_table:4",
    ),
    (
        m.FlowMod(
            match=Match.of(
                **{"eth_type": 0x86DD, "ipv6_flabel": 0x12345},
                ipv6_dst=(0x20010DB8 << 96, 0xFFFFFFFF << 96),
            ),
            instructions=(
                a.ApplyActions((a.PushMpls(0x8847), a.SetField("mpls_label", 77), a.Output(CONTROLLER, 128))),
            ),
        ),
        "ADD ipv6,ipv6_dst=2001:db8::/32,ipv6_label=0x12345"
        " actions=push_mpls:0x8847,set_field:77->mpls_label,CONTROLLER:128",
    ),
    (
        m.PacketIn(
            **{"total_len": 60, "reason": m.REASON_NO_MATCH, "table_id": 5, "cookie": 9},
            match=Match.of(in_port=3, metadata=8),
            data=bytes(60),
        ),
        "table_id=5 cookie=0x9 total_len=60 metadata=0x8,in_port=3 (via no_match) data_len=60 (unbuffered)",
    ),
    (
        m.GroupMod(
            command=m.GROUP_ADD,
            group_type=m.GROUP_TYPE_SELECT,
            group_id=9,
            buckets=(m.Bucket(10, actions=(a.Output(1),)), m.Bucket(20, actions=(a.Output(2),))),
        ),
        "ADD group_id=9,type=select,bucket=weight:10,actions=output:1,bucket=weight:20,actions=output:2",
    ),
    (
        m.MeterMod(command=0, flags=5, meter_id=2, bands=(m.MeterBand(m.BAND_DROP, 1000, 100),)),
        "ADD meter=2 kbps burst bands=\ntype=drop rate=1000 burst_size=100",
    ),
    (
        mp.FlowStatsReply(
            flows=(
                mp.FlowStats(
                    **{"table_id": 2, "duration_sec": 4, "priority": 5, "cookie": 7},
                    **{"packet_count": 8, "byte_count": 9, "match": Match.of(in_port=3)},
                    instructions=(a.ApplyActions((a.Output(2),)),),
                ),
            )
        ),
        "cookie=0x7, duration=4s, table=2, n_packets=8, n_bytes=9, priority=5,in_port=3 actions=output:2",
    ),
    (
        mp.PortDescReply(
            ports=(Port(3, bytes.fromhex("0a0b0c0d0e0f"), "eth3", PORT_DOWN, LINK_DOWN, current_speed=10**6),)
        ),
        "3(eth3): addr:0a:0b:0c:0d:0e:0f\n     config:     PORT_DOWN\n     state:      LINK_DOWN\n"
        "     speed: 1000 Mbps now, 0 Mbps max",
    ),
    (
        mp.MeterStatsReply(meters=(mp.MeterStats(1, 2, 3, 4, 5, 6, ((7, 8),)),)),
        "meter:1 flow_count:2 packet_in_count:3 byte_in_count:4 duration:5.000000006s bands:\n"
        "0: packet_count:7 byte_count:8",
    ),
    (
        mp.GroupStatsReply(groups=(mp.GroupStats(1, 2, 3, 4, 5, 6, ((7, 8),)),)),
        "group_id=1,duration=5.000000006s,ref_count=2,packet_count=3,byte_count=4,"
        "bucket0:packet_count=7,byte_count=8",
    ),
    (
        mp.PortStatsReply(ports=(mp.PortStats(*range(1, 16)),)),
        "port  1: rx pkts=2, bytes=4, drop=6, errs=8, frame=10, over=11, crc=12\n"
        "           tx pkts=3, bytes=5, drop=7, errs=9, coll=13\n           duration=14.000000015s",
    ),
    (
        mp.QueueStatsReply(queues=(mp.QueueStats(1, 2, 3, 4, 5, 6, 7),)),
        "port 1 queue 2: bytes=3, pkts=4, errors=5, duration=6.000000007s",
    ),
    (
        m.QueueGetConfigReply(port=3, queues=(m.PacketQueue(1, 3, 100, 500),)),
        "port=3\nqueue 1: min_rate:10.0% max_rate:50.0%",
    ),
    (m.Hello(version=4, versions=frozenset({1, 4})), "version bitmap: 0x01, 0x04"),
    (
        mp.TableFeaturesReply(
            tables=(
                mp.TableFeatures(
                    2,
                    "one",
                    **{"metadata_match": 0xFF, "max_entries": 1000},
                    properties=(
                        mp.TableProperty(mp.INSTRUCTIONS, (1, 4)),
                        mp.TableProperty(mp.NEXT_TABLES, (4, 5)),
                        mp.TableProperty(mp.WRITE_ACTIONS, (0, 22)),
                        mp.TableProperty(mp.APPLY_ACTIONS, (0, 25)),
                        mp.TableProperty(mp.MATCH, (_header("in_port"), _header("eth_dst", masked=True))),
                        mp.TableProperty(mp.WILDCARDS, (_header("in_port"), _header("eth_dst"))),
                        mp.TableProperty(mp.WRITE_SETFIELD, (_header("eth_src"),)),
                        mp.TableProperty(mp.APPLY_SETFIELD, (_header("vlan_vid"),)),
                    ),
                ),
            )
        ),
        """
  table 2 ("one"):
    metadata: match=0xff write=0
    max_entries=1000
    instructions (table miss and others):
      next tables: 4-5
      instructions: apply_actions goto_table
      Write-Actions features:
        actions: output group
        supported on Set-Field: eth_src
      Apply-Actions features:
        actions: output set_field
        supported on Set-Field: vlan_vid
    matching:
      arbitrary mask: eth_dst
""",
    ),
]


@pytest.mark.parametrize(("message", "text"), PRINTED, ids=[type(message).__name__ for message, _ in PRINTED])
def test_open_vswitch_prints_what_we_said(message: Message, text: str, tmp_path: Path) -> None:
    assert text in printed(tmp_path, message)
