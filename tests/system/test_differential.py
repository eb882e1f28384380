"""The emulated datapath does what Open vSwitch does: the same requests and packets, entry by entry, port by port."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given, note, settings
from hypothesis import strategies as st

from flowvisor.emulation.pipeline import NO_COOKIE, action_set_order
from flowvisor.openflow import actions as act
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow.match import Match
from flowvisor.openflow.ports import CONTROLLER, TABLE
from tests.model.requests import changes
from tests.support.slices import action_lists, packets_like
from tests.support.world import a_slice, rule
from tests.system.support.namespaces import Namespace
from tests.system.support.open_vswitch import OpenVSwitch
from tests.system.support.tools import require_root
from tests.system.support.twins import PORTS, Answers, Bridge, Twin

EVERYONE = a_slice("everyone", rule(*(Match.of(in_port=port) for port in PORTS), Match()))
N_TABLES = 3
# Groups lead to this one only, which stays: Open vSwitch looks neither for loops nor for groups that are not there.
BASE = m.GroupMod(
    command=m.GROUP_ADD,
    group_type=m.GROUP_TYPE_INDIRECT,
    group_id=1,
    buckets=(m.Bucket(actions=(act.Output(4),)),),
)
GROUPS = (2, 3)
# What takes all that nothing else does: of a miss in 1.0 Open vSwitch tells only whom it has dialled, and in
# 1.3 it carries out the action set of a packet that a later table misses (1.3.5, section 5.4: it is dropped).
REST = {
    1: [m.FlowMod(priority=0, instructions=(act.ApplyActions((act.Output(CONTROLLER, 0xFFFF),)),))],
    4: [m.FlowMod(table_id=table_id, priority=0) for table_id in range(1, N_TABLES)],
}
# Which bucket of several a packet takes in a select group is a datapath's own choice.
ONE_BUCKET = (m.GROUP_TYPE_SELECT,)
BRIDGE = "twin"

CLEAR = {
    1: (m.FlowMod(command=m.DELETE), m.SetConfig(miss_send_len=0xFFFF)),
    4: (
        m.FlowMod(command=m.DELETE, table_id=m.ALL_TABLES),
        m.GroupMod(command=m.GROUP_DELETE, group_id=m.ALL_GROUPS),
        m.MeterMod(command=m.METER_DELETE, meter_id=m.ALL_METERS),
        m.SetConfig(miss_send_len=0xFFFF),
    ),
}
QUESTIONS: dict[int, tuple[mp.MultipartRequest, ...]] = {
    1: (mp.FlowStatsRequest(), mp.AggregateStatsRequest()),
    4: (mp.FlowStatsRequest(), mp.AggregateStatsRequest(), mp.GroupDescRequest(), mp.GroupStatsRequest()),
}


@pytest.fixture(scope="module")
def bridge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bridge]:
    require_root()
    folder = tmp_path_factory.mktemp("twins")
    namespace = Namespace(folder, "twins")
    namespace.ip(*(f"link add p{port} type veth peer name q{port}" for port in PORTS))
    namespace.ip(*(f"link set {end}{port} up" for port in PORTS for end in "pq"))
    namespace.write_all_checksums(f"{end}{port}" for port in PORTS for end in "pq")
    switch = OpenVSwitch(folder, namespace)
    # As the emulation does, and as real tables do at most: two tags are looked behind.
    switch.vsctl("set", "open_vswitch", ".", "other_config:vlan-limit=2")
    switch.add_bridge(
        BRIDGE,
        dpid=0xD1FF,
        versions=("1.0", "1.3"),
        controller="tcp:127.0.0.1:1",
        ports={port: f"p{port}" for port in PORTS},
    )
    made = Bridge(switch, folder, namespace, BRIDGE)
    yield made
    made.close()
    switch.delete_bridge(BRIDGE)
    switch.close()
    namespace.close()


def arrivals(version: int, packets: Iterable[tuple[int, bytes]]) -> list[m.Message]:
    """Packets that come in, as far as a datapath can be told to let them."""
    to_tables = (act.Output(TABLE),)
    return [
        m.PacketOut(in_port=port, actions=to_tables, data=packet) for port, packet in packets if port in PORTS
    ]


@st.composite
def group_mods(draw: st.DrawFn) -> m.GroupMod:
    """A group of any type, of buckets that output, rewrite, or go on to another group."""
    group_type, group_id = draw(st.integers(0, 3)), draw(st.sampled_from(GROUPS))
    bucket = st.builds(
        m.Bucket,
        weight=st.just(1 if group_type == m.GROUP_TYPE_SELECT else 0),
        watch_port=st.sampled_from(PORTS)
        if group_type == m.GROUP_TYPE_FAST_FAILOVER
        else st.just(m.Bucket().watch_port),
        actions=st.one_of(action_lists(4, EVERYONE), st.just((act.Group(BASE.group_id),))),
    )
    command = draw(st.sampled_from((m.GROUP_ADD, m.GROUP_ADD, m.GROUP_ADD, m.GROUP_MODIFY, m.GROUP_DELETE)))
    # What a deletion says besides the id does not matter (1.3.5, section 6.5), but Open vSwitch refuses buckets.
    least, most = (0, 0) if command == m.GROUP_DELETE else (1, 1 if group_type in ONE_BUCKET else 2)
    return m.GroupMod(
        command=command,
        group_type=group_type,
        group_id=group_id,
        buckets=tuple(draw(st.lists(bucket, min_size=least, max_size=most))),
    )


@st.composite
def scripts(draw: st.DrawFn, version: int) -> tuple[list[m.Message], list[m.Message]]:
    """Requests that change tables and groups, and packets."""
    requests: list[m.Message] = [] if version < 4 else [BASE]
    for number in range(draw(st.integers(1, 8))):
        again = [one for one in requests if isinstance(one, m.FlowMod)]
        if version >= 4 and draw(st.integers(0, 3)) == 0:
            requests.append(draw(group_mods()))
            continue
        change = draw(changes(version, EVERYONE, n_tables=N_TABLES))
        if change.command in (m.DELETE, m.DELETE_STRICT):
            change = evolve(change, instructions=())  # they do not matter, but Open vSwitch looks at them
        # Of a group that is not there Open vSwitch finds out only if there is an entry to modify.
        if version >= 4 and change.command == m.ADD and draw(st.integers(0, 4)) == 0:
            change = evolve(
                change, instructions=(act.ApplyActions((act.Group(draw(st.sampled_from(GROUPS))),)),)
            )
        # Which of two entries of one priority a packet meets is nowhere said.
        if change.cookie == NO_COOKIE:  # reserved (1.0.1, section 5.3.3)
            change = evolve(change, cookie=2)
        change = evolve(change, instructions=tuple(_consistent(change)))
        # Open vSwitch counts whatever it was asked not to.
        change = evolve(change, flags=change.flags & ~(m.NO_PACKET_COUNTS | m.NO_BYTE_COUNTS))
        # Nor is any a table-miss entry: of those Open vSwitch takes only the list for a miss, not the action set.
        change = evolve(change, priority=1000 + number)
        if again and draw(st.integers(0, 2)) == 0:  # something else becomes of an entry
            former = draw(st.sampled_from(again))
            change = evolve(change, match=former.match, priority=former.priority)
        requests.append(without_departures(change, requests))
    requests += REST[version]
    matches = [one.match for one in requests if isinstance(one, m.FlowMod)] or [Match()]
    packets = [draw(packets_like(match)) for match in matches]
    if version < 4:  # which says nothing of a second tag
        packets = [(port, packet) for port, packet in packets if packet[16:18] != packet[12:14]]
    return requests, arrivals(version, packets)


def _consistent(change: m.FlowMod) -> Iterator[act.Instruction]:
    """The instructions without what an action set asks of a header that may not be there: Open vSwitch admits it."""
    fields = change.match.fields
    has = {
        act.PopVlan: bool(fields.get("vlan_vid", (0, 0))[0]),
        act.PopMpls: False,
        act.DecNwTtl: fields.get("eth_type", (0, 0))[0] == 0x0800,
    }
    for one in change.instructions:
        if isinstance(one, act.WriteActions):
            kept = tuple(each for each in one.actions if has.get(type(each), True))
            yield act.WriteActions(tuple(action_set_order(kept)))  # in which only the emulation looks at them
        else:
            yield one


def without_departures(change: m.FlowMod, earlier: Sequence[m.Message]) -> m.FlowMod:
    """The same without that in which Open vSwitch departs from the specification, and the emulation does not.

    An entry overlaps its like (1.3.5, section 6.4); Open vSwitch replaces that even if asked to check.
    """
    is_known = any(
        isinstance(one, m.FlowMod) and (one.match, one.priority) == (change.match, change.priority)
        for one in earlier
    )
    return evolve(change, flags=change.flags & ~m.CHECK_OVERLAP) if is_known else change


def comparable(answers: Answers) -> dict[str, Any]:
    """What both should agree on, in words."""
    return {
        "errors": answers.errors,
        "sent": sorted((port, packet.hex()) for port, packet in answers.sent),
        # Of a packet that an action set or a group tells the controller of Open vSwitch does not say the entry.
        "told": sorted(_plain(evolve(message, cookie=0)) for message in answers.events),
        "said": sorted(line for message in answers.replies for line in _lines(message)),
    }


def _plain(message: m.Message) -> str:
    # Open vSwitch does not count the groups that lead to a group.
    return re.sub(r"(duration_n?sec|xid|ref_count)=\d+", "", repr(message))


def _lines(message: m.Message) -> Iterator[str]:
    for name in ("flows", "groups"):
        yield from (_plain(one) for one in getattr(message, name, ()))
    if isinstance(message, mp.AggregateStatsReply):
        yield _plain(message)


def both(bridge: Bridge, twin: Twin, version: int, requests: Sequence[m.Message]) -> None:
    """Tell both, and compare."""
    real, emulated = comparable(bridge.tell(version, requests)), comparable(twin.tell(requests))
    for what in real:
        note(f"{what}: Open vSwitch {real[what]}")
        note(f"{what}: emulated     {emulated[what]}")
    assert real == emulated


@pytest.mark.parametrize("version", [1, 4], ids=["1.0", "1.3"])
@settings(max_examples=40)
@given(data=st.data())
def test_requests_and_packets_have_the_same_effects(
    bridge: Bridge, version: int, data: st.DataObject
) -> None:
    requests, packets = data.draw(scripts(version), label="script")
    bridge.tell(version, CLEAR[version])
    twin = Twin(version)
    both(bridge, twin, version, requests)
    for packet in packets:
        both(bridge, twin, version, [packet])
    both(bridge, twin, version, QUESTIONS[version])
