"""What one version says in the other's words does the same to every packet."""

from collections.abc import Iterable
from struct import pack

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.emulation.rewriting import rewrite
from flowvisor.errors import Inexpressible
from flowvisor.openflow import actions as a
from flowvisor.openflow import error_codes as ec
from flowvisor.openflow import v10_actions, v10_match
from flowvisor.openflow.bridge import (
    action_set_in_order,
    actions_to_10,
    actions_to_13,
    flow_to_13,
    instructions_to_10,
    is_tagged,
    tag_variants,
)
from flowvisor.openflow.match import MATCH_ALL, Match
from flowvisor.openflow.packet import parse
from flowvisor.openflow.ports import CONTROLLER, FLOOD, IN_PORT, LOCAL, MAX_PORT
from tests.support.examples import examples
from tests.support.message_strategies import ACTIONS_13
from tests.support.message_strategies_10 import standard_actions
from tests.support.refusals import inexpressible

UNTAGGED = Match.of(vlan_vid=0)
TAGGED = Match.of(vlan_vid=(0x1000, 0x1000))
TCP = Match.of(eth_type=0x800, ip_proto=6)
MACS = bytes.fromhex("0200000000aa 0200000000bb")


def _can_be_said_in_both(action: a.Action) -> bool:
    """A queue belongs to a real port: what ENQUEUE to CONTROLLER would mean, 1.0.1 does not say (5.2.4)."""
    return not isinstance(action, a.Enqueue) or action.port <= MAX_PORT


ACTION_LISTS = st.lists(standard_actions.filter(_can_be_said_in_both), max_size=6).map(tuple)


def _ipv4(protocol: int, body: bytes) -> bytes:
    header = pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(body), 0, 0, 64, protocol, 0, b"\n\0\0\1", b"\n\0\0\2")
    return b"\x08\x00" + header + body


_TCP = pack("!HHIIHHHH", 1000, 80, 1, 2, 0x5000, 100, 0, 0)
_UDP = pack("!HHHH", 1000, 53, 12, 0) + b"data"
_ARP = bytes.fromhex("0806 0001 0800 06 04 0001 0200000000bb 0a000001 000000000000 0a000002")
_IPV6 = b"\x86\xdd" + pack("!IHBB16s16s", 6 << 28, len(_TCP), 6, 64, b"\xfd" + bytes(15), b"\xfd" * 16) + _TCP
PAYLOADS = [
    _ipv4(6, _TCP),
    _ipv4(17, _UDP),
    _ipv4(1, b"\x08" + bytes(7)),
    _ARP,
    _IPV6,
    b"\x88\xcc" + bytes(50),
]
TAGS = [b"", b"\x81\x00\x00\x00", b"\x81\x00\x60\x07"]
PACKETS = [MACS + tag + payload for tag in TAGS for payload in PAYLOADS]

# What a 1.0 match can name of a packet.
NAMES = ("eth_src", "eth_type", "vlan_vid", "vlan_pcp", "ip_proto", "ipv4_src", "tcp_dst")


def outputs(packet: bytes, actions: Iterable[a.Action]) -> list[tuple[int, int, bytes]]:
    """What comes out where, through which queue: the plain meaning of a list of actions, of either version."""
    queue_id = 0
    out = []
    for action in actions:
        match action:
            case a.Output(port=port):
                out.append((port, queue_id, packet))
            case a.Enqueue(port=port, queue_id=own):
                out.append((port, own, packet))
            case a.SetQueue(queue_id=queue_id):
                pass
            case _:
                packet = rewrite(packet, action)
    return out


def matched_by(match: Match, packet: bytes) -> bool:
    fields = parse(packet)
    return all(name in fields and fields[name] & mask == value for name, value, mask in match)


@st.composite
def packets_and_matches(draw: st.DrawFn) -> tuple[bytes, Match]:
    """A packet and a match that it has: some of its fields, and always what they need."""
    packet = draw(st.sampled_from(PACKETS))
    fields = parse(packet)
    names = [name for name in NAMES if name in fields and draw(st.booleans())]
    if {"ip_proto", "ipv4_src", "tcp_dst"} & set(names):
        names.append("eth_type")
    if "tcp_dst" in names:
        names.append("ip_proto")
    match = Match.of(**{name: fields[name] for name in names})
    if "vlan_pcp" in names and "vlan_vid" not in names:
        if not fields["vlan_vid"]:
            return packet, match.without("vlan_pcp")
        match = match.having(vlan_vid=(0x1000, 0x1000))
    return packet, match


# ------------------------------------------------------------------------------------------ 1.0 to 1.3


@given(packets_and_matches(), ACTION_LISTS)
def test_a_1_0_flow_does_the_same_on_1_3(sample: tuple[bytes, Match], actions: a.Actions) -> None:
    packet, match = sample
    try:
        flows = flow_to_13(match, actions)
    except Inexpressible as error:
        assert (error.error_type, error.error_code) == ec.ACTION_MATCH_INCONSISTENT  # noqa: PT017
        assert match.exact("eth_type") is None or match.exact("ip_proto") is None
        return
    matching = [translated for variant, translated in flows if matched_by(variant, packet)]
    assert [outputs(packet, translated) for translated in matching] == [outputs(packet, actions)]


@given(st.sampled_from(PACKETS), ACTION_LISTS)
def test_a_1_0_packet_out_can_always_be_said_in_1_3(packet: bytes, actions: a.Actions) -> None:
    translated = actions_to_13(actions, Match.of(**parse(packet)))
    assert outputs(packet, translated) == outputs(packet, actions)


@given(ACTION_LISTS)
def test_nothing_of_1_0_alone_is_left(actions: a.Actions) -> None:
    match = Match.of(**parse(PACKETS[0]))
    assert {type(action) for action in actions_to_13(actions, match)} <= set(ACTIONS_13)


@given(st.lists(st.one_of(*(ACTIONS_13[cls] for cls in ACTIONS_13 if cls is not a.SetField))).map(tuple))
def test_1_3s_own_actions_stay_as_they_are(actions: a.Actions) -> None:
    assert actions_to_13(actions, MATCH_ALL) == actions


@pytest.mark.parametrize(
    ("match", "actions", "translated"),
    [
        (TAGGED, (a.SetVlanVid(5),), (a.SetField("vlan_vid", 0x1005),)),
        (UNTAGGED, (a.SetVlanVid(5),), (a.PushVlan(0x8100), a.SetField("vlan_vid", 0x1005))),
        (UNTAGGED, (a.SetVlanPcp(5),), (a.PushVlan(0x8100), a.SetField("vlan_pcp", 5))),
        (
            UNTAGGED,
            (a.SetVlanVid(5), a.SetVlanPcp(1)),
            (a.PushVlan(0x8100), a.SetField("vlan_vid", 0x1005), a.SetField("vlan_pcp", 1)),
        ),
        (TAGGED, (a.StripVlan(), a.StripVlan()), (a.PopVlan(),)),
        (UNTAGGED, (a.StripVlan(),), ()),
        (TAGGED, (a.PopVlan(), a.StripVlan()), (a.PopVlan(),)),
        (UNTAGGED, (a.PushVlan(0x88A8), a.StripVlan()), (a.PushVlan(0x88A8), a.PopVlan())),
        (TCP, (a.SetTransportSource(1),), (a.SetField("tcp_src", 1),)),
        (TCP.having(ip_proto=17), (a.SetTransportDestination(1),), (a.SetField("udp_dst", 1),)),
        (TCP.having(ip_proto=1), (a.SetTransportSource(1),), ()),
        (Match.of(eth_type=0x806), (a.SetTransportSource(1), a.SetField("ipv4_src", 1)), ()),
        (
            Match.of(eth_type=0x86DD),
            (a.SetField("ipv4_src", 1), a.SetField("ip_dscp", 1)),
            (a.SetField("ip_dscp", 1),),
        ),
        (MATCH_ALL, (a.Enqueue(1, 7),), (a.SetQueue(7), a.Output(1))),
        (
            MATCH_ALL,
            (a.Enqueue(1, 7), a.Output(2), a.Output(3)),
            (a.SetQueue(7), a.Output(1), a.SetQueue(0), a.Output(2), a.Output(3)),
        ),
        (MATCH_ALL, (a.SetQueue(3), a.Output(2)), (a.SetQueue(3), a.Output(2))),
    ],
)
def test_1_0s_words_in_1_3s(match: Match, actions: a.Actions, translated: a.Actions) -> None:
    assert actions_to_13(actions, match) == translated


@pytest.mark.parametrize(
    ("match", "action"),
    [
        (MATCH_ALL, a.SetVlanVid(1)),
        (MATCH_ALL, a.SetVlanPcp(1)),
        (MATCH_ALL, a.StripVlan()),
        (MATCH_ALL, a.SetField("ipv4_dst", 1)),
        (MATCH_ALL, a.SetTransportSource(1)),
        (Match.of(eth_type=0x800), a.SetTransportSource(1)),
    ],
)
def test_an_action_whose_effect_the_match_does_not_tell_is_inexpressible(
    match: Match, action: a.Action
) -> None:
    assert inexpressible(lambda: actions_to_13((action,), match)) == ec.ACTION_MATCH_INCONSISTENT


def test_after_a_push_of_mpls_there_is_no_ip_to_set() -> None:
    actions = (a.PushMpls(0x8847), a.SetTransportSource(1))
    assert actions_to_13(actions, TCP) == actions[:1]
    popped = (a.PushMpls(0x8847), a.PopMpls(0x800), a.SetTransportSource(1))
    assert inexpressible(lambda: actions_to_13(popped, TCP)) == ec.ACTION_MATCH_INCONSISTENT


def test_a_flow_that_needs_to_know_of_the_tag_becomes_two() -> None:
    flows = flow_to_13(Match.of(in_port=1), (a.StripVlan(), a.Output(2)))
    assert flows == [
        (Match.of(in_port=1, vlan_vid=(0x1000, 0x1000)), (a.PopVlan(), a.Output(2))),
        (Match.of(in_port=1, vlan_vid=0), (a.Output(2),)),
    ]
    assert flow_to_13(MATCH_ALL, (a.Output(2),)) == [(MATCH_ALL, (a.Output(2),))]


@pytest.mark.parametrize(
    ("match", "tagged"),
    [(MATCH_ALL, None), (UNTAGGED, False), (TAGGED, True), (Match.of(vlan_vid=0x1005), True)],
)
def test_a_match_tells_of_the_tag(match: Match, tagged: bool | None) -> None:
    assert is_tagged(match) is tagged
    assert len(tag_variants(match)) == (2 if tagged is None else 1)


def test_a_match_on_bits_of_the_vlan_id_or_on_the_priority_is_of_tagged_packets() -> None:
    assert tag_variants(Match.of(vlan_vid=(5, 0xFFF))) == [Match.of(vlan_vid=0x1005)]
    assert tag_variants(Match.of(vlan_pcp=1)) == [Match.of(vlan_vid=(0x1000, 0x1000), vlan_pcp=1)]
    assert tag_variants(Match.of(vlan_vid=(0, 1)))[1] == UNTAGGED


# ------------------------------------------------------------------------------------------ 1.3 to 1.0

_fields_13 = st.one_of(
    st.builds(a.SetField, st.just("vlan_vid"), st.integers(0x1000, 0x1FFF)),
    st.builds(a.SetField, st.just("vlan_pcp"), st.integers(0, 7)),
    st.builds(
        a.SetField, st.sampled_from(("tcp_src", "tcp_dst", "udp_src", "udp_dst")), st.integers(0, 0xFFFF)
    ),
    st.builds(a.SetField, st.sampled_from(("eth_src", "ipv4_dst", "ip_dscp")), st.integers(0, 63)),
)
actions_13 = st.lists(
    st.one_of(
        _fields_13,
        st.builds(a.Output, st.sampled_from((1, 2, IN_PORT, CONTROLLER))),
        st.builds(a.SetQueue, st.integers(0, 2)),
        st.sampled_from((a.PushVlan(0x8100), a.PopVlan())),
    ),
    max_size=6,
).map(tuple)


def is_legal(action: a.Action, fields: dict[str, int]) -> bool:
    """Whether 1.3 allows a set-field for a packet like this one (section 5.12)."""
    return not isinstance(action, a.SetField) or action.name in fields or action.name.startswith("vlan")


@examples(100)
@given(packets_and_matches(), actions_13)
def test_a_1_3_list_does_the_same_on_1_0_or_is_inexpressible(
    sample: tuple[bytes, Match], actions: a.Actions
) -> None:
    packet, match = sample
    match = match.having(vlan_vid=parse(packet)["vlan_vid"])
    legal = tuple(action for action in actions if is_legal(action, parse(packet)))
    try:
        translated = actions_to_10(legal, match)
    except Inexpressible as error:
        assert error.error_type == ec.BAD_ACTION  # noqa: PT017
        return
    v10_actions.encode_actions(translated)  # 1.0 has them all
    queues = [
        (port, 0 if port == CONTROLLER else queue_id, sent) for port, queue_id, sent in outputs(packet, legal)
    ]
    assert outputs(packet, translated) == queues


@given(packets_and_matches(), ACTION_LISTS)
def test_1_0s_own_actions_stay_as_they_are(sample: tuple[bytes, Match], actions: a.Actions) -> None:
    match = sample[1]
    if match.exact("eth_type") in (None, 0x800):
        assert actions_to_10(actions, match) == actions


@given(packets_and_matches(), ACTION_LISTS)
def test_there_and_back_again_does_the_same(sample: tuple[bytes, Match], actions: a.Actions) -> None:
    packet, _ = sample
    match = Match.of(**parse(packet))
    try:
        back = actions_to_10(actions_to_13(actions, match), match)
    except Inexpressible:
        return  # of IPv6, of queues at ports that are not physical
    assert outputs(packet, back) == outputs(packet, actions)


@pytest.mark.parametrize(
    ("match", "actions", "translated"),
    [
        (UNTAGGED, (a.PushVlan(0x8100), a.SetField("vlan_vid", 0x1005)), (a.SetVlanVid(5),)),
        (UNTAGGED, (a.PushVlan(0x8100), a.SetField("vlan_pcp", 5)), (a.SetVlanPcp(5),)),
        (UNTAGGED, (a.PushVlan(0x8100), a.Output(1)), (a.SetVlanVid(0), a.Output(1))),
        (UNTAGGED, (a.PushVlan(0x8100),), (a.SetVlanVid(0),)),
        (
            UNTAGGED,
            (a.PushVlan(0x8100), a.SetField("eth_src", 1), a.SetField("vlan_vid", 0x1005)),
            (a.SetVlanVid(0), a.SetField("eth_src", 1), a.SetVlanVid(5)),
        ),
        (UNTAGGED, (a.PushVlan(0x8100), a.PopVlan()), (a.SetVlanVid(0), a.StripVlan())),
        (TAGGED, (a.SetField("vlan_vid", 0x1005), a.PopVlan()), (a.SetVlanVid(5), a.StripVlan())),
        (TAGGED, (a.PopVlan(), a.PushVlan(0x8100)), (a.StripVlan(), a.SetVlanVid(0))),
        (MATCH_ALL, (a.PopVlan(), a.Output(1)), (a.StripVlan(), a.Output(1))),
        (
            TCP,
            (a.SetField("tcp_src", 1), a.SetField("tcp_dst", 2)),
            (a.SetTransportSource(1), a.SetTransportDestination(2)),
        ),
        (
            MATCH_ALL,
            (a.SetQueue(7), a.Output(1), a.Output(CONTROLLER)),
            (a.Enqueue(1, 7), a.Output(CONTROLLER)),
        ),
        (MATCH_ALL, (a.SetQueue(7), a.SetQueue(0), a.Output(1)), (a.Output(1),)),
        (MATCH_ALL, (a.SetQueue(7), a.Output(IN_PORT)), (a.Enqueue(IN_PORT, 7),)),
    ],
)
def test_1_3s_words_in_1_0s(match: Match, actions: a.Actions, translated: a.Actions) -> None:
    assert actions_to_10(actions, match) == translated


@pytest.mark.parametrize(
    ("match", "actions", "error"),
    [
        (MATCH_ALL, (a.PushVlan(0x8100),), ec.ACTION_BAD_TAG),
        (TAGGED, (a.PushVlan(0x8100),), ec.ACTION_BAD_TAG),
        (UNTAGGED, (a.PushVlan(0x88A8),), ec.ACTION_BAD_TAG),
        (UNTAGGED, (a.PopVlan(),), ec.ACTION_MATCH_INCONSISTENT),
        (UNTAGGED, (a.SetField("vlan_vid", 0x1005),), ec.ACTION_MATCH_INCONSISTENT),
        (MATCH_ALL, (a.SetField("vlan_pcp", 5),), ec.ACTION_MATCH_INCONSISTENT),
        (TCP, (a.SetField("ipv6_src", 5),), ec.ACTION_BAD_SET_TYPE),
        (TCP.having(ip_proto=132), (a.SetField("sctp_src", 5),), ec.ACTION_BAD_SET_TYPE),
        (Match.of(eth_type=0x86DD), (a.SetField("ip_dscp", 5),), ec.ACTION_BAD_SET_TYPE),
        (Match.of(eth_type=0x86DD, ip_proto=6), (a.SetField("tcp_dst", 5),), ec.ACTION_BAD_SET_TYPE),
        (MATCH_ALL, (a.Group(1),), ec.ACTION_BAD_TYPE),
        (MATCH_ALL, (a.DecNwTtl(),), ec.ACTION_BAD_TYPE),
        (MATCH_ALL, (a.OpaqueAction(0x2320, b"\0\0\x23\x20"),), ec.ACTION_BAD_EXPERIMENTER),
        (MATCH_ALL, (a.OpaqueSetField(0, b""),), ec.ACTION_BAD_TYPE),
        (MATCH_ALL, (a.SetQueue(1), a.Output(FLOOD)), ec.ACTION_BAD_QUEUE),
        (MATCH_ALL, (a.SetQueue(1), a.Output(LOCAL)), ec.ACTION_BAD_QUEUE),
    ],
)
def test_what_1_0_cannot_do_is_inexpressible(match: Match, actions: a.Actions, error: ec.ErrorCode) -> None:
    assert inexpressible(lambda: actions_to_10(actions, match)) == error


def test_applied_actions_come_before_the_action_set_which_has_its_own_order() -> None:
    instructions = (
        a.WriteActions((a.Output(2), a.SetQueue(1), a.SetField("eth_src", 1), a.PopVlan())),
        a.ClearActions(),
        a.ApplyActions((a.SetField("eth_dst", 9), a.Output(1))),
    )
    assert instructions_to_10(instructions, TAGGED) == (
        *(a.SetField("eth_dst", 9), a.Output(1)),
        *(a.StripVlan(), a.SetField("eth_src", 1), a.Enqueue(2, 1)),
    )
    assert instructions_to_10((), TAGGED) == ()


def test_an_action_set_holds_one_action_of_a_kind_and_prefers_a_group() -> None:
    written = (a.Output(1), a.SetField("eth_src", 1), a.SetField("eth_dst", 2), a.SetField("eth_src", 3))
    ordered = (a.SetField("eth_src", 3), a.SetField("eth_dst", 2), a.Output(1))
    assert action_set_in_order(written) == ordered
    assert action_set_in_order((a.Output(1), a.Group(7))) == (a.Group(7),)


@given(st.lists(st.one_of(*ACTIONS_13.values()), unique_by=type).map(tuple))
def test_an_action_set_has_one_order(actions: a.Actions) -> None:
    if not any(isinstance(action, a.Group) for action in actions):
        ordered = action_set_in_order(actions)
        assert set(ordered) == set(actions)
        assert action_set_in_order(ordered) == ordered


@pytest.mark.parametrize(
    ("instruction", "error"),
    [
        (a.GotoTable(1), ec.INST_BAD_TABLE_ID),
        (a.WriteMetadata(1, 1), ec.UNSUP_METADATA),
        (a.Meter(1), ec.UNSUP_INST),
        (a.OpaqueInstruction(0x2320, b"\0\0\x23\x20"), ec.INST_BAD_EXPERIMENTER),
    ],
)
def test_an_instruction_that_needs_1_3_is_inexpressible(
    instruction: a.Instruction, error: ec.ErrorCode
) -> None:
    assert inexpressible(lambda: instructions_to_10((instruction,), MATCH_ALL)) == error


def test_the_matches_of_these_tests_are_1_0s() -> None:
    @given(packets_and_matches())
    def check(sample: tuple[bytes, Match]) -> None:
        packet, match = sample
        assert matched_by(match, packet)
        if match.exact("eth_type") != 0x86DD:
            v10_match.encode_match(match)

    check()
