"""A scripted conversation: a controller's messages of every kind, right and wrong ones, and packets of hosts."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from attrs import evolve

from flowvisor.openflow import actions as act
from flowvisor.openflow import messages as m
from flowvisor.openflow import multipart as mp
from flowvisor.openflow import ports as p
from flowvisor.openflow.match import Match
from tests.support.slices import ethernet, udp
from tests.system.support.conversation import Step

ON_1, ON_2 = Match.of(in_port=1), Match.of(in_port=2)
PACKET = ethernet(eth_type=0x88B5, payload=bytes(range(200)))


def out(*numbers: int, max_len: int = 0xFFFF) -> tuple[act.ApplyActions]:
    """An entry that outputs to ports."""
    return (
        act.ApplyActions(tuple(act.Output(one, max_len if one == p.CONTROLLER else 0) for one in numbers)),
    )


def hw_addr(port: int) -> bytes:
    return bytes((2, 0, 0, 0, 0, port))


def raw(version: int, kind: int, body: bytes = b"", xid: int = 99) -> bytes:
    """A frame that no codec would write."""
    return struct.pack("!BBHI", version, kind, 8 + len(body), xid) + body


def of_the_switch(version: int) -> Iterator[Step]:
    yield Step("echo", [m.EchoRequest(xid=1, data=b"are you there?")])
    yield Step("features", [m.FeaturesRequest(xid=2)])
    yield Step("configuration", [m.GetConfigRequest(xid=3)])
    yield Step("configure", [m.SetConfig(xid=4, miss_send_len=0xFFFF), m.GetConfigRequest(xid=5)])
    yield Step("description", [mp.DescRequest(xid=6)])
    yield Step("statistics of ports", [mp.PortStatsRequest(xid=7), mp.PortStatsRequest(xid=8, port=2)])
    yield Step("statistics of no port", [mp.PortStatsRequest(xid=9, port=99)])
    yield Step("statistics of tables", [mp.TableStatsRequest(xid=10)])
    yield Step("two barriers", [m.BarrierRequest(xid=11), m.BarrierRequest(xid=11)])
    yield Step("queues", [m.QueueGetConfigRequest(xid=12, port=1), mp.QueueStatsRequest(xid=13)])
    yield Step("queues of no port", [m.QueueGetConfigRequest(xid=14, port=99)])


def of_flows(version: int) -> Iterator[Step]:
    mine = m.FlowMod(xid=20, cookie=0xC0, priority=10, match=ON_1, instructions=out(2))
    stats, total = mp.FlowStatsRequest(xid=21), mp.AggregateStatsRequest(xid=22)
    yield Step("add", [mine, stats, total])
    yield Step("an entry is used", packets=[(1, PACKET)], outputs=1)
    yield Step("what it has counted", [stats, total])
    yield Step("add again", [evolve(mine, cookie=0xC1, instructions=out(3)), stats])
    yield Step(
        "modify", [evolve(mine, command=m.MODIFY, cookie=0xC2, match=Match(), instructions=out(2)), stats]
    )
    wrong = evolve(mine, command=m.MODIFY_STRICT, priority=11, match=ON_1, instructions=out(3))
    yield Step("modify strictly what is not there", [wrong, stats])
    right = evolve(mine, command=m.MODIFY_STRICT, instructions=out(3, 2))
    yield Step("modify strictly", [right, stats, evolve(stats, out_port=3), evolve(stats, out_port=1)])
    overlapping = evolve(mine, flags=m.CHECK_OVERLAP, match=Match.of(in_port=1, eth_src=1))
    yield Step("overlap", [overlapping, stats])
    yield Step("what matches in part", [evolve(stats, match=Match.of(eth_src=1)), evolve(stats, match=ON_1)])
    told = evolve(mine, priority=20, cookie=0xC3, flags=m.SEND_FLOW_REM, match=ON_2)
    yield Step("add what is told of", [told, stats])
    yield Step("delete by port", [m.FlowMod(xid=23, command=m.DELETE, table_id=0, out_port=1), stats])
    yield Step("delete", [m.FlowMod(xid=24, command=m.DELETE, table_id=0), stats], unasked=1)
    yield Step(
        "time out", [evolve(told, hard_timeout=1), evolve(told, match=ON_1, idle_timeout=1), stats], unasked=2
    )
    yield Step("delete strictly", [evolve(mine, command=m.DELETE_STRICT, priority=11, instructions=())])
    yield Step("an output to no port", [evolve(mine, instructions=out(99)), stats])
    yield Step("an unknown buffer", [evolve(mine, buffer_id=77), m.FlowMod(command=m.DELETE, table_id=0)])


def of_packets(version: int) -> Iterator[Step]:
    miss = m.FlowMod(xid=30, priority=0, instructions=out(p.CONTROLLER))
    yield Step("unmatched", [miss] if version == 4 else [], packets=[(1, PACKET)], unasked=1)
    asked = m.FlowMod(xid=31, priority=5, cookie=0xD0, match=ON_2, instructions=out(p.CONTROLLER))
    yield Step("asked for", [asked], packets=[(2, PACKET)], unasked=1)
    for name, port, reached in (
        ("flood", p.FLOOD, 2),
        ("all", p.ALL, 2),
        ("back", p.IN_PORT, 1),
        ("one", 3, 1),
    ):
        sent = m.PacketOut(xid=32, in_port=1, actions=(act.Output(port),), data=PACKET)
        yield Step(f"packet-out: {name}", [sent], outputs=reached)
    table = m.PacketOut(xid=33, in_port=1, actions=(act.Output(p.TABLE),), data=PACKET)
    yield Step("packet-out: table", [table], unasked=1)
    nobody = m.PacketOut(xid=34, in_port=p.CONTROLLER, actions=(act.Output(2), act.Output(1)), data=udp())
    yield Step("packet-out: from the controller", [nobody], outputs=2)
    yield Step("packet-out: no port", [m.PacketOut(xid=35, actions=(act.Output(99),), data=PACKET)])
    yield Step("packet-out: no actions", [m.PacketOut(xid=36, data=PACKET)])
    yield Step("packet-out: unknown buffer", [m.PacketOut(xid=37, buffer_id=77, actions=(act.Output(1),))])
    flooded = m.FlowMod(xid=38, priority=7, match=ON_1, instructions=out(p.FLOOD))
    yield Step("flooded", [flooded, mp.FlowStatsRequest(xid=39)], packets=[(1, PACKET)], outputs=2)
    yield Step("no more", [m.FlowMod(xid=40, command=m.DELETE, table_id=m.ALL_TABLES if version == 4 else 0)])


def of_ports(version: int) -> Iterator[Step]:
    ask: m.Message = m.FeaturesRequest(xid=50) if version == 1 else mp.PortDescRequest(xid=50)
    shut = m.PortMod(xid=51, port=2, hw_addr=hw_addr(2), config=p.NO_FWD, mask=p.NO_FWD)
    entry = m.FlowMod(xid=52, priority=9, match=ON_1, instructions=out(2, 3))
    yield Step("shut a port", [entry, shut, ask])
    yield Step("what goes out then", packets=[(1, PACKET)], outputs=1)
    yield Step("open it", [evolve(shut, config=0), ask])
    yield Step("what goes out again", packets=[(1, PACKET)], outputs=2)
    yield Step("deaf", [evolve(shut, port=1, hw_addr=hw_addr(1), config=p.NO_RECV, mask=p.NO_RECV), ask])
    yield Step("what comes in then", packets=[(1, PACKET)])
    yield Step("not deaf", [evolve(shut, port=1, hw_addr=hw_addr(1), config=0, mask=p.NO_RECV), ask])
    yield Step("another address", [evolve(shut, hw_addr=bytes(6))])
    yield Step("no such port", [evolve(shut, port=99)])
    yield Step("ports left", [m.FlowMod(xid=53, command=m.DELETE, table_id=0)])


def of_nonsense(version: int) -> Iterator[Step]:
    request, barrier = (16, 18) if version == 1 else (18, 20)
    yield Step("an experimenter's message", [raw(version, 4, struct.pack("!II", 0x1234, 5))])
    yield Step("Nicira's flow-mod", [raw(version, 4, struct.pack("!II", 0x2320, 13) + bytes(40))])
    yield Step("an unknown type", [raw(version, 77, b"what?")])
    yield Step("an answer instead of a question", [raw(version, barrier + 1)])
    yield Step("too short", [raw(version, 13, b"\0"), raw(version, 14, b"\0\0")])
    head = struct.pack("!HH4x" if version == 4 else "!HH", 0x4242, 0)
    yield Step("unknown statistics", [raw(version, request, head)])
    vendor = struct.pack("!HH4xII" if version == 4 else "!HHII", 0xFFFF, 0, 0x1234, 5)
    yield Step("an experimenter's statistics", [raw(version, request, vendor)])
    monitor = struct.pack("!HH4xII" if version == 4 else "!HHII", 0xFFFF, 0, 0x2320, 2)
    yield Step("Nicira's flow monitor", [raw(version, request, monitor + bytes(16))])


def of_13(version: int) -> Iterator[Step]:
    yield Step("ports", [mp.PortDescRequest(xid=60)])
    yield Step("role", [m.RoleRequest(xid=61, role=m.ROLE_NOCHANGE)])
    yield Step("master", [m.RoleRequest(xid=62, role=m.ROLE_MASTER, generation_id=7)])
    yield Step("stale", [m.RoleRequest(xid=63, role=m.ROLE_SLAVE, generation_id=6)])
    slave = m.RoleRequest(xid=64, role=m.ROLE_SLAVE, generation_id=8)
    yield Step(
        "slave", [slave, m.FlowMod(xid=65), m.PacketOut(xid=66, actions=(act.Output(1),), data=PACKET)]
    )
    yield Step("a slave may read", [mp.FlowStatsRequest(xid=67), m.GetConfigRequest(xid=68)])
    yield Step("equal", [m.RoleRequest(xid=69, role=m.ROLE_EQUAL)])
    yield Step(
        "no such role", [m.RoleRequest(xid=70, role=m.ROLE_NOCHANGE), raw(4, 24, struct.pack("!I4xQ", 9, 0))]
    )
    yield Step("async", [m.GetAsyncRequest(xid=71)])
    masks = m.AsyncMasks(packet_in=(2, 0), port_status=(7, 7), flow_removed=(15, 0))
    yield Step("set async", [m.SetAsync(xid=72, masks=masks), m.GetAsyncRequest(xid=73)])
    miss = m.FlowMod(xid=74, priority=0, instructions=out(p.CONTROLLER))
    yield Step("masked", [miss], packets=[(1, PACKET)])
    yield Step("unmasked", [m.SetAsync(xid=75, masks=m.AsyncMasks())], packets=[(1, PACKET)], unasked=1)
    yield Step("table-mod", [m.TableMod(xid=76, table_id=0), m.TableMod(xid=77, table_id=m.ALL_TABLES)])
    yield Step("features of tables", [mp.TableFeaturesRequest(xid=78)])
    yield Step("no more of these", [m.FlowMod(xid=79, command=m.DELETE, table_id=m.ALL_TABLES)])


def of_pipelines(version: int) -> Iterator[Step]:
    goes_on = (act.WriteMetadata(5, 0xFF), act.GotoTable(1))
    stats = mp.FlowStatsRequest(xid=80)
    first = m.FlowMod(xid=81, priority=3, match=ON_1, instructions=goes_on)
    tagged = (
        act.ApplyActions((act.PushVlan(0x8100), act.SetField("vlan_vid", 0x1000 | 5), act.Output(2))),
        act.WriteActions((act.Output(3),)),
    )
    second = m.FlowMod(
        xid=82, table_id=1, cookie=0xE0, match=Match.of(metadata=(5, 0xFF)), instructions=tagged
    )
    yield Step("two tables", [first, second, stats], packets=[(1, PACKET)], outputs=2)
    yield Step("by table", [evolve(stats, table_id=1), evolve(stats, table_id=2)])
    yield Step(
        "by cookie", [evolve(stats, cookie=0xE0, cookie_mask=0xFF), evolve(stats, cookie=1, cookie_mask=1)]
    )
    yield Step("back in the pipeline", [evolve(second, instructions=(act.GotoTable(1),)), stats])
    changed = evolve(
        second, command=m.MODIFY, cookie=0xE0, cookie_mask=0xFF, instructions=(act.ClearActions(),)
    )
    yield Step("modify by cookie", [changed, stats, evolve(changed, cookie=0xE1), stats])
    flags = m.NO_PACKET_COUNTS | m.NO_BYTE_COUNTS | m.RESET_COUNTS
    yield Step("flags", [evolve(first, flags=flags), stats], packets=[(1, PACKET)])
    yield Step("uncounted", [stats, mp.AggregateStatsRequest(xid=83, table_id=0)])
    yield Step("a prerequisite is missing", [raw(4, 14, _flow_mod_with_match("800016040a000001"))])
    yield Step("a field of another length", [raw(4, 14, _flow_mod_with_match("80000c0401020304"))])
    yield Step("a field twice", [raw(4, 14, _flow_mod_with_match("8000000400000001" * 2))])
    yield Step("a wrong command", [raw(4, 14, _flow_mod_with_match("", command=9))])
    yield Step("a flag that is none", [raw(4, 14, _flow_mod_with_match("", flags=0x800))])
    yield Step("delete in all tables", [m.FlowMod(xid=84, command=m.DELETE, table_id=m.ALL_TABLES), stats])


def of_groups(version: int) -> Iterator[Step]:
    add = m.GroupMod(
        xid=90,
        command=m.GROUP_ADD,
        group_id=7,
        buckets=tuple(m.Bucket(actions=(act.Output(n),)) for n in (2, 3)),
    )
    told = [mp.GroupDescRequest(xid=91), mp.GroupStatsRequest(xid=92)]
    yield Step("group: add", [add, *told])
    yield Step("group: add again", [add])
    uses = m.FlowMod(xid=93, priority=4, match=ON_1, instructions=(act.ApplyActions((act.Group(7),)),))
    stats = mp.FlowStatsRequest(xid=94)
    yield Step("group: used", [uses, stats], packets=[(1, PACKET)], outputs=2)
    yield Step("group: counted", [*told, evolve(stats, out_group=7), evolve(stats, out_group=8)])
    one = evolve(add, command=m.GROUP_MODIFY, group_type=m.GROUP_TYPE_INDIRECT, buckets=add.buckets[1:])
    yield Step("group: modify", [one, *told], packets=[(1, PACKET)], outputs=1)
    yield Step("group: modify none", [evolve(one, group_id=8)])
    yield Step("group: use none", [evolve(uses, instructions=(act.ApplyActions((act.Group(8),)),)), stats])
    chained = evolve(add, group_id=9, buckets=(m.Bucket(actions=(act.Group(7),)),))
    yield Step("group: chained", [chained, mp.GroupDescRequest(xid=95)])
    sent = m.PacketOut(xid=96, in_port=1, actions=(act.Group(9),), data=PACKET)
    yield Step("group: packet-out", [sent], outputs=1)
    yield Step("group: delete", [m.GroupMod(xid=97, command=m.GROUP_DELETE, group_id=7), *told, stats])
    yield Step(
        "group: delete all", [m.GroupMod(xid=98, command=m.GROUP_DELETE, group_id=m.ALL_GROUPS), *told]
    )


def of_meters(version: int) -> Iterator[Step]:
    bands = (m.MeterBand(m.BAND_DROP, rate=1000),)
    add = m.MeterMod(xid=100, command=m.METER_ADD, flags=m.METER_KBPS, meter_id=3, bands=bands)
    told = [mp.MeterConfigRequest(xid=101), mp.MeterStatsRequest(xid=102)]
    yield Step("meter: add", [add, *told])
    yield Step("meter: add again", [add])
    uses = m.FlowMod(xid=103, priority=4, match=ON_1, instructions=(act.Meter(3), *out(2)))
    yield Step("meter: used", [uses, mp.FlowStatsRequest(xid=104)], packets=[(1, PACKET)], outputs=1)
    yield Step(
        "meter: modify", [evolve(add, command=m.METER_MODIFY, bands=(evolve(bands[0], rate=50),)), *told]
    )
    yield Step("meter: modify none", [evolve(add, command=m.METER_MODIFY, meter_id=4)])
    yield Step("meter: use none", [evolve(uses, instructions=(act.Meter(4), *out(2)))])
    yield Step("meter: delete", [m.MeterMod(xid=105, command=m.METER_DELETE, meter_id=3), *told])
    yield Step("meter: what used it", [mp.FlowStatsRequest(xid=106)])
    yield Step("meter: nothing left", [m.FlowMod(xid=107, command=m.DELETE, table_id=m.ALL_TABLES)])


def _flow_mod_with_match(oxm: str, *, command: int = 0, flags: int = 0) -> bytes:
    fields = bytes.fromhex(oxm)
    match = struct.pack("!HH", 1, 4 + len(fields)) + fields
    head = struct.pack("!QQBBHHHIIIH2x", 0, 0, 0, command, 0, 0, 1, 0xFFFFFFFF, 0xFFFFFFFF, 0xFFFFFFFF, flags)
    return head + match + bytes(-len(match) % 8)


def steps_of(version: int) -> list[Step]:
    families = [of_the_switch, of_flows, of_packets, of_ports, of_nonsense]
    families += [of_13, of_pipelines, of_groups, of_meters] if version == 4 else []
    return [step for family in families for step in family(version)]
