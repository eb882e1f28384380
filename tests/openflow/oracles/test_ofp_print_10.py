"""Open vSwitch reads our frames of OpenFlow 1.0 with its own strict decoder, and prints what we said."""

import re
import subprocess
from pathlib import Path
from typing import Any

import attrs
import pytest
from hypothesis import HealthCheck, given, settings

from flowvisor.openflow import actions as a
from flowvisor.openflow import error_codes as ec
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow import ports as p
from flowvisor.openflow import v10
from flowvisor.openflow.match import MATCH_ALL, Match
from flowvisor.openflow.messages import Message
from tests.support.message_strategies_10 import MESSAGES_10, messages_10
from tests.support.tools import require_tool

HIGHEST_PORT = 0xFEFF
MESSAGES_PER_CLASS = 40
# Each message's first line: an entry's own lines are indented, a quoted packet's and a log's look otherwise.
HEAD = re.compile(r"^(OFPT|OFPST|OFPRAW)_.*\(xid=0x[0-9a-f]+\)", re.MULTILINE)


def printed(frames: list[bytes], folder: Path) -> str:
    """What `ovs-ofctl ofp-parse` makes of frames."""
    tool = require_tool("ovs-ofctl")
    path = folder / "frames"
    path.write_bytes(b"".join(frames))
    result = subprocess.run([tool, "ofp-parse", str(path)], capture_output=True, check=True, timeout=60)
    return result.stdout.decode("latin-1") + result.stderr.decode("latin-1")


def is_readable(action: a.Action) -> bool:
    """Whether Open vSwitch lets this action pass: it looks at vendors' and at ports that make no sense."""
    match action:
        case a.Output(port=port):
            return port <= HIGHEST_PORT
        case a.Enqueue(port=port):
            return port <= HIGHEST_PORT
    return not isinstance(action, a.OpaqueAction)


def _sane_actions(actions: a.Actions) -> a.Actions:
    # It wants a tag to be there for a priority to be set, and an IP packet for its fields: a match tells it.
    return tuple(action for action in actions if is_readable(action))


def _sane_instructions(instructions: a.Instructions) -> a.Instructions:
    listed = [i for i in instructions if isinstance(i, a.ApplyActions)]
    return tuple(a.ApplyActions(sane) for i in listed if (sane := _sane_actions(i.actions)))


def sane(message: Message) -> Message:
    """The message without what Open vSwitch refuses for its content, however it is written."""
    evolve: Any = attrs.evolve
    match message:
        case m.Hello(versions=versions) if versions is not None:  # it reads one word of the bitmap
            return evolve(message, versions=frozenset(version % 31 + 1 for version in versions))
        case m.Error():  # a quoted request is decoded too
            return evolve(message, error=ec.HELLO_INCOMPATIBLE, data=b"text")
        case m.SetConfig(flags=flags) | m.GetConfigReply(flags=flags):
            return evolve(message, flags=flags % 3)
        case m.PacketOut(in_port=in_port, actions=actions):
            return evolve(message, in_port=in_port % HIGHEST_PORT + 1, actions=_sane_actions(actions))
        case m.FlowMod(flags=flags, instructions=instructions):
            kept = flags & ~m.EMERGENCY
            return evolve(message, flags=kept, instructions=_sane_instructions(instructions))
        case m.PacketIn():
            return evolve(message, total_len=len(message.data))
        case mp.FlowStatsReply(flows=flows):
            kept_flows = [evolve(flow, instructions=_sane_instructions(flow.instructions)) for flow in flows]
            return evolve(message, flows=tuple(kept_flows))
        case m.QueueGetConfigReply(queues=queues, port=port):
            plain = tuple(evolve(queue, opaque=()) for queue in queues)
            return evolve(message, queues=plain, port=port % HIGHEST_PORT + 1)
        case m.QueueGetConfigRequest(port=port):
            return evolve(message, port=port % HIGHEST_PORT + 1)
    return message


# It refuses vendors that it does not know; that it sees the vendor is enough.
VENDORS = (m.Experimenter, mp.ExperimenterMultipartRequest, mp.ExperimenterMultipartReply)


@pytest.mark.parametrize(
    "cls", [cls for cls in MESSAGES_10 if cls not in VENDORS], ids=lambda cls: cls.__name__
)
def test_open_vswitch_reads_every_message(cls: type[Message], tmp_path: Path) -> None:
    messages: list[Message] = []

    @settings(max_examples=MESSAGES_PER_CLASS, database=None, suppress_health_check=list(HealthCheck))
    @given(messages_10(cls))
    def collect(message: Message) -> None:
        messages.append(sane(message))

    collect()
    text = printed([v10.encode(message) for message in messages], tmp_path)
    complaints = [
        line for line in text.splitlines() if "***" in line or "|WARN|" in line or "unknown" in line
    ]
    assert complaints == []
    assert len(HEAD.findall(text)) == len(messages)


@pytest.mark.parametrize("cls", VENDORS, ids=lambda cls: cls.__name__)
def test_open_vswitch_sees_whose_a_vendors_message_is(cls: type[Any], tmp_path: Path) -> None:
    text = printed([v10.encode(cls(experimenter=0x00ABCDEF, body=bytes(8)))], tmp_path)
    assert "0xabcdef" in text


_10_1 = {"eth_type": 0x800, "ipv4_dst": (0x0A010000, 0xFFFF0000)}


@pytest.mark.parametrize(
    ("match", "text"),
    [
        (MATCH_ALL, ""),
        (Match.of(in_port=p.LOCAL), "in_port=LOCAL"),
        (Match.of(eth_src=0x020000000001), "dl_src=02:00:00:00:00:01"),
        (Match.of(vlan_vid=0), "vlan_tci=0x0000"),
        (Match.of(vlan_vid=0x1005), "dl_vlan=5"),
        (Match.of(vlan_vid=0x1005, vlan_pcp=3), "dl_vlan=5,dl_vlan_pcp=3"),
        (Match.of(vlan_vid=(0x1000, 0x1000), vlan_pcp=3), "dl_vlan_pcp=3"),
        (Match.of(eth_type=0x86DD), "ipv6"),
        (Match.of(eth_type=0x05FF), "dl_type=0x05ff"),
        (Match.of(**_10_1), "ip,nw_dst=10.1.0.0/16"),
        (Match.of(ip_dscp=46, **_10_1), "ip,nw_dst=10.1.0.0/16,nw_tos=184"),
        (Match.of(eth_type=0x800, ip_proto=6, tcp_dst=80), "tcp,tp_dst=80"),
        (Match.of(eth_type=0x800, ip_proto=17, udp_src=53), "udp,tp_src=53"),
        (Match.of(eth_type=0x800, ip_proto=132, sctp_src=5), "sctp,tp_src=5"),
        (Match.of(eth_type=0x800, ip_proto=1, icmpv4_type=8, icmpv4_code=0), "icmp,icmp_type=8,icmp_code=0"),
        (Match.of(eth_type=0x806, arp_op=1, arp_tpa=0x0A000001), "arp,arp_tpa=10.0.0.1,arp_op=1"),
    ],
)
def test_open_vswitch_understands_a_match_as_we_mean_it(match: Match, text: str, tmp_path: Path) -> None:
    output = printed([v10.encode(m.FlowMod(match=match, out_port=p.ANY))], tmp_path)
    assert output.splitlines()[0] == f"OFPT_FLOW_MOD (xid=0x0): ADD {text + ' ' if text else ''}actions=drop"


@pytest.mark.parametrize(
    ("action", "text"),
    [
        (a.Output(1), "output:1"),
        (a.Output(p.CONTROLLER, 128), "CONTROLLER:128"),
        (a.Output(p.FLOOD), "FLOOD"),
        (a.Output(p.IN_PORT), "IN_PORT"),
        (a.SetVlanVid(5), "mod_vlan_vid:5"),
        (a.SetVlanPcp(5), "mod_vlan_pcp:5"),
        (a.StripVlan(), "strip_vlan"),
        (a.SetField("eth_src", 1), "mod_dl_src:00:00:00:00:00:01"),
        (a.SetField("eth_dst", 2), "mod_dl_dst:00:00:00:00:00:02"),
        (a.SetField("ipv4_src", 1), "mod_nw_src:0.0.0.1"),
        (a.SetField("ipv4_dst", 2), "mod_nw_dst:0.0.0.2"),
        (a.SetField("ip_dscp", 46), "mod_nw_tos:184"),
        (a.SetTransportSource(80), "mod_tp_src:80"),
        (a.SetTransportDestination(80), "mod_tp_dst:80"),
        (a.Enqueue(3, 7), "enqueue:3:7"),
    ],
    ids=str,
)
def test_open_vswitch_understands_an_action_as_we_mean_it(
    action: a.Action, text: str, tmp_path: Path
) -> None:
    match = Match.of(eth_type=0x800, ip_proto=6)
    message = m.FlowMod(match=match, instructions=(a.ApplyActions((action,)),))
    assert printed([v10.encode(message)], tmp_path).splitlines()[0].endswith(f"ADD tcp actions={text}")
