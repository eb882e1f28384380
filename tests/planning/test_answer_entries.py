"""The table in front of a tenant's: what asks for an address that is known comes to us, and nothing else does."""

from __future__ import annotations

from attrs import evolve

from flowvisor.emulation.datapath import Tell
from flowvisor.emulation.hosts import ARP_REPLY, ARP_REQUEST, BROADCAST, arp, ethernet
from flowvisor.network.topology import End
from flowvisor.openflow.actions import GotoTable, Meter
from flowvisor.openflow.fields import ETH_TYPE_ARP, ETH_TYPE_IPV6
from flowvisor.openflow.messages import PacketIn
from flowvisor.planning.answer_entries import LISTENING_COOKIE, answer_entries, question
from flowvisor.planning.entries import COOKIE
from flowvisor.planning.own_state import own_entries, own_tables
from flowvisor.slices.virtual_network import VirtualNetwork
from flowvisor.slices.virtual_switch import Addresses
from tests.support.slices import udp
from tests.support.virtual import Core, a_network, at

MAC, IP = 0x020000000002, 0x0A000002
IPV6 = 0x20010DB8 << 96 | 2
PLACES = {1: "1/1", 2: "2/1", 3: "1/2@20", 4: "1/3"}
BLUE = a_network(
    "blue",
    {"big": PLACES, "lab": {1: "2/2"}},
    ["big/10 lab/10"],
    addresses={"big/2": Addresses(MAC, (IP,), (IPV6,)), "big/4": Addresses(None, (IP + 2,))},
    answers_arp=True,
)
QUIET = a_network("blue", {"big": PLACES}, addresses={"big/2": Addresses(MAC, (IP,), (IPV6,))})
CABLES = [("1/5", "2/5")]


def a_core(*networks: VirtualNetwork) -> Core:
    core = Core({1: 4, 2: 4}, CABLES, networks or (BLUE,))
    core.put()
    return core


def asks(
    tpa: int = IP,
    *,
    sender: tuple[int, int] = (MAC + 7, IP + 7),
    operation: int = ARP_REQUEST,
    to: int = BROADCAST,
    vlan: int | None = None,
) -> bytes:
    mac, ip = sender
    return ethernet(to, mac, ETH_TYPE_ARP, arp(operation, sha=mac, spa=ip, tha=0, tpa=tpa), vlan=vlan)


def told(core: Core, place: str, packet: bytes, *, copies: bool = False) -> list[tuple[int, int, int]]:
    """What comes to us of a packet, alone or as a copy: table, cookie, and the port that it has come in by."""
    end = at(place).end
    messages = [
        each.message
        for each in core.datapaths[end.dpid].from_port(end.port, packet, 0.0)
        if isinstance(each, Tell)
    ]
    return [
        (one.table_id, one.cookie, one.match.fields["metadata"][0] & 0xFFFF)
        for one in messages
        if isinstance(one, PacketIn) and (one.cookie == LISTENING_COOKIE) == copies
    ]


def test_who_asks_everybody_for_a_known_address_asks_us_at_each_edge() -> None:
    core = a_core()
    tables = {dpid: core.plans[dpid].shares["blue/big"].answer_table for dpid in (1, 2)}
    assert told(core, "1/1", asks()) == [(tables[1], COOKIE, 1)]
    assert told(core, "1/2", asks(vlan=20)) == [(tables[1], COOKIE, 3)]
    assert all(table is not None and table in own_tables(core.plans[dpid]) for dpid, table in tables.items())


def test_all_else_is_the_tenants() -> None:
    core = a_core()
    others = [
        ("1/1", asks(IP + 1)),
        ("1/1", asks(IP + 2)),  # of which no MAC address is known
        ("1/1", asks(to=MAC)),
        ("1/1", asks(operation=ARP_REPLY)),
        ("1/1", asks(vlan=20)),  # a network of the tenant's own
        ("2/1", asks(sender=(MAC, IP))),  # whoever has it tells everybody
        ("2/1", asks(sender=(MAC, 0))),  # and asks whether others have it
        ("2/2", asks()),  # another switch
    ]
    for place, packet in others:
        assert told(core, place, packet) == []
    core.flood()
    for place, packet in others[:7]:
        assert len(core.come_in(at(place).end, packet)) == 4, (place, packet)
    assert core.come_in(at("1/1").end, asks()) == []


def test_nobody_is_answered_for_whose_port_is_down_or_out_of_reach() -> None:
    core = a_core()
    core.broken = {at("1/5").end, at("2/5").end}
    core.put()
    assert told(core, "1/1", asks()) == []
    core.broken = {End(2, 1)}
    core.put()
    assert told(core, "1/1", asks()) == []
    core.broken = set()
    core.put()
    assert len(told(core, "1/1", asks())) == 1


def test_questions_pay_for_themselves() -> None:
    core = a_core()
    plan = evolve(core.plans[1], answer_meters={"blue/big": 7})
    entries = list(answer_entries(plan, plan.shares["blue/big"]))
    assert [one.instructions[0] for one in entries if Meter(7) in one.instructions] == [Meter(7)] * 2


def test_without_it_everything_is_as_it_was() -> None:
    core = a_core(QUIET)
    share = core.plans[1].shares["blue/big"]
    assert list(answer_entries(core.plans[1], share)) == []
    assert (share.answer_table, share.first_table) == (None, share.block.first)


def test_there_is_an_entry_for_each_address_and_not_for_each_port_that_may_ask() -> None:
    def entries(n_ports: int, n_addresses: int) -> int:
        places = {number: f"1/1@{number}" for number in range(1, n_ports + 1)}
        own = Addresses(MAC, tuple(range(1, n_addresses + 1)))
        network = a_network("blue", {"big": places}, addresses={"big/1": own}, answers_arp=True)
        core = Core({1: 4}, [], [network])
        core.put()
        table = core.plans[1].shares["blue/big"].answer_table
        return sum(one.table_id == table for one in own_entries(core.plans[1], {}))

    assert entries(2, 3) == entries(12, 3) == 6 + 3 * 3
    assert entries(12, 9) == 6 + 3 * 9


def test_we_hear_who_says_that_it_has_an_address_unless_that_is_known() -> None:
    core = a_core()
    table = core.plans[1].shares["blue/big"].answer_table
    for packet in (asks(IP + 1), asks(IP + 1, to=MAC), asks(operation=ARP_REPLY)):
        assert told(core, "1/1", packet, copies=True) == [(table, LISTENING_COOKIE, 1)]
    for sender in ((MAC, IP), (MAC, 0)):
        assert told(core, "2/1", asks(IP + 1, sender=sender), copies=True) == []
    for packet in (asks(vlan=20), asks(), asks(IP + 1, sender=(MAC + 7, 0)), udp()):
        assert told(core, "1/1", packet, copies=True) == []


def test_there_is_nothing_else_that_does_not_go_on_to_the_tenants_first_table() -> None:
    core = a_core()
    share = core.plans[1].shares["blue/big"]
    entries = list(answer_entries(core.plans[1], share))
    assert share.first_table == share.block.first - 1
    stopped = [one.match for one in entries if GotoTable(share.block.first) not in one.instructions]
    assert stopped == [question(ETH_TYPE_ARP, IP), question(ETH_TYPE_IPV6, IPV6)]
