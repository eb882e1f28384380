"""What an ACL says of groups: at each port what belongs to them, and an error where nothing does."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from flowvisor.configuration.documents import TextFile
from flowvisor.configuration.reader import read_configuration
from flowvisor.configuration.snapshot import Configuration
from flowvisor.errors import ConfigurationError
from flowvisor.openflow.fields import ETH_TYPE_ARP, ETH_TYPE_IPV4, ETH_TYPE_IPV6
from flowvisor.openflow.match import Match
from flowvisor.planning import proof
from flowvisor.planning.acl_groups import matches_of, refuse_groups
from flowvisor.planning.proof import prove, prove_ahead
from flowvisor.policies.acl import Acl, AclRule
from flowvisor.slices.virtual_network import SecurityGroup, VirtualNetwork
from flowvisor.slices.virtual_switch import LinkEnd
from tests.support.admin_files import MAIN, rule, slice_file
from tests.support.flowspace_strategies import applies
from tests.support.slices import arp, ethernet, ipv4
from tests.support.virtual import PLACE, a_network
from tests.support.virtual_world import VirtualWorld
from tests.support.world import configuration

WEB, DB = 0x0A000000, 0x0A000100  # 10.0.0.0/24 and 10.0.1.0/24
V6 = 0x2001_0DB8 << 96
NET_4, NET_6 = 0xFFFFFF00, (1 << 128) - (1 << 64)
HERE, THERE = LinkEnd("big", 1), LinkEnd("big", 2)
GROUPS = {
    "web": SecurityGroup("web", frozenset({HERE}), ((WEB, NET_4),), ((V6, NET_6),), PLACE),
    "db": SecurityGroup("db", frozenset(), ((DB, NET_4),), (), PLACE),
    "room": SecurityGroup("room", frozenset({HERE}), (), (), PLACE),
}

_v4 = st.sampled_from([WEB + 5, DB + 5, DB + 6, 0x0B000001])
_v6 = st.sampled_from([V6 + 5, V6 + (1 << 64)])
_packets = st.one_of(
    st.builds(
        lambda src, dst, port: {
            **{"eth_type": ETH_TYPE_IPV4, "ipv4_src": src, "ipv4_dst": dst},
            **{"ip_proto": 6, "tcp_dst": port},
        },
        _v4,
        _v4,
        st.sampled_from([80, 443]),
    ),
    st.builds(lambda spa, tpa: {"eth_type": ETH_TYPE_ARP, "arp_spa": spa, "arp_tpa": tpa}, _v4, _v4),
    st.builds(
        lambda src, dst: {"eth_type": ETH_TYPE_IPV6, "ipv6_src": src, "ipv6_dst": dst, "ip_proto": 17},
        _v6,
        _v6,
    ),
    st.just({"eth_type": 0x88CC}),
)
_names = st.sampled_from([None, *GROUPS])
_matches = st.sampled_from(
    [Match(), Match.of(tcp_dst=80), Match.of(eth_type=ETH_TYPE_ARP), Match.of(ipv4_dst=DB + 5)]
)


def belongs(group: SecurityGroup, addresses: list[int], port: LinkEnd | None) -> bool:
    """The naive answer, of the addresses that a packet has on one side."""
    if port is not None and group.ports and port not in group.ports:
        return False
    pairs = (*group.ipv4, *group.ipv6)
    if port is not None and not pairs:
        return True
    return any(address & mask == value for address in addresses for value, mask in pairs)


@given(_names, st.sampled_from([None, "web", "db"]), _matches, _packets, st.sampled_from([HERE, THERE]))
def test_a_rule_is_of_the_packets_of_its_match_that_are_from_the_one_group_and_to_the_other(
    source: str | None, target: str | None, match: Match, fields: dict[str, int], port: LinkEnd
) -> None:
    one = AclRule(True, None, (match,), PLACE, from_group=source, to_group=target)
    sources = [fields[name] for name in ("ipv4_src", "arp_spa", "ipv6_src") if name in fields]
    targets = [fields[name] for name in ("ipv4_dst", "arp_tpa", "ipv6_dst") if name in fields]
    wanted = (
        applies(match, fields)
        and (source is None or belongs(GROUPS[source], sources, port))
        and (target is None or belongs(GROUPS[target], targets, None))
    )
    assert any(applies(each, fields) for each in matches_of(one, GROUPS, port)) == wanted


def test_a_rule_without_groups_is_what_it_says() -> None:
    matches = (Match.of(in_port=1), Match.of(eth_type=ETH_TYPE_ARP))
    assert matches_of(AclRule(True, None, matches, PLACE), {}, HERE) == matches


# ------------------------------------------------------------------------------------------------ what is refused


def files(*rules: str, groups: str = "", more: str = "policies: [sec]\n") -> Configuration:
    """A virtual network and a slice, the first of which has an ACL whose first rule stands in line 4."""
    acl = TextFile(
        "policies/sec.yaml", "kind: acl\nname: sec\nrules:\n" + "".join(f"  - {one}\n" for one in rules)
    )
    head = "kind: virtual-network\nname: blue\ncontrollers: [tcp:127.0.0.1:6801]\n"
    body = f"switches: {{big: {{ports: {{1: leaf-1/3, 2: leaf-1/4}}}}}}\n{more}groups: {{{groups}}}\n"
    return read_configuration(MAIN, [TextFile("slices/blue.yaml", head + body)], [acl])


def told(of: Configuration) -> list[str]:
    with pytest.raises(ConfigurationError) as caught:
        refuse_groups(of)
    return [str(problem) for problem in caught.value.problems]


BOTH = "web: {ports: [big/1], addresses: [10.0.0.0/24]}, db: {addresses: ['2001:db8::1']}, room: {ports: [big/2]}"


def test_what_groups_can_say_is_right() -> None:
    rules = ("{from: web, to: web, permit: {tcp_dst: 80}}", "{to: web, deny: {}}", "{from: room, deny: {}}")
    assert prove(files(*rules, groups=BOTH)) == []
    # Exceptions that a flowspace slice could not have: at a virtual port the first filter that matches decides.
    assert prove(files("{from: web, permit: {eth_type: arp}}", "{deny: {}}", groups=BOTH)) == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("{from: wab, deny: {}}", 'from: blue has no group "wab"; did you mean "web"?'),
        ("{to: x, deny: {}}", 'to: blue has no group "x"'),
        (
            "{to: room, deny: {}}",
            'to: "room" has no addresses in blue, by which to know what goes there; '
            "write addresses: [ADDRESS] in slices/blue.yaml:6:99",
        ),
        ("{from: web, to: db, deny: {}}", "rules: no packet in blue is all that it says"),
        ("{from: web, deny: {eth_type: 0x88cc}}", "rules: no packet in blue is all that it says"),
    ],
)
def test_what_they_cannot_is_refused_where_it_stands(line: str, problem: str) -> None:
    assert told(files(line, groups=BOTH)) == [f"policies/sec.yaml:4:5: {problem}"]


def test_a_rule_that_multiplies_out_to_too_many_is_refused() -> None:
    many = ", ".join(f"10.0.0.{n}" for n in range(1, 66))
    of = files("{from: web, to: web, deny: {}}", groups=f"web: {{addresses: [{many}]}}")
    assert told(of) == [
        "policies/sec.yaml:4:5: rules: its matches and the addresses of its groups in blue multiply out to 4225, "
        "more than 4096; name prefixes instead of addresses"
    ]


def test_an_acl_that_only_counts_at_times_is_looked_at_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "MAX_MOMENTS", 1)  # however late they are
    of = files("{from: web, deny: {}}", more="policies: [{policy: sec, when: {days: sun}}]\n")
    with pytest.raises(ConfigurationError, match='from: blue has no group "web"'):
        prove_ahead(of, datetime(2026, 11, 23, tzinfo=timezone.utc))


def test_a_flowspace_slice_has_no_groups() -> None:
    acl = TextFile("policies/sec.yaml", "kind: acl\nname: sec\nrules:\n  - {from: web, to: db, deny: {}}\n")
    one = slice_file("a", rule("in_port: 1"), more="policies: [sec]\n")
    assert told(read_configuration(MAIN, [one], [acl])) == [
        f'policies/sec.yaml:4:5: {key}: "{name}" is the name of a group, and a is no virtual network'
        for key, name in (("from", "web"), ("to", "db"))
    ]


# ------------------------------------------------------------------------------------------------ on datapaths


BIG = 0xA0
NETWORK = a_network("blue", {"big": {1: "1/1", 2: "2/1", 3: "3/1"}})


def guarded(web_port: int) -> VirtualNetwork:
    """What is at a port of the web may ask those of the database, at one port of theirs."""
    groups = {
        "web": SecurityGroup("web", frozenset({LinkEnd("big", web_port)}), ((WEB, NET_4),), (), PLACE),
        "db": SecurityGroup("db", frozenset({LinkEnd("big", 2)}), ((DB, NET_4),), (), PLACE),
    }
    return evolve(NETWORK, groups=groups, policies=("sec",))


SEC = Acl(
    "sec",
    (
        AclRule(False, None, (Match.of(udp_dst=80),), PLACE, from_group="web", to_group="db"),
        AclRule(True, None, (Match(),), PLACE, to_group="db"),
    ),
)


def sent(src: int, dst: int, port: int = 80) -> bytes:
    return ethernet(eth_type=ETH_TYPE_IPV4, payload=ipv4(src, dst, upper_ports=(1000, port)))


def heard_of(world: VirtualWorld, packet: bytes) -> list[int]:
    """The ports at which a packet gets through to somebody."""
    return [port for port in (1, 2, 3) if world.reached(port, 1, packet)]


def test_datapaths_let_in_what_the_groups_allow_and_follow_when_those_change() -> None:
    world = VirtualWorld([guarded(1)], policies=[SEC])
    world.learning("blue", BIG)
    asked = sent(WEB + 5, DB + 5)
    assert heard_of(world, asked) == [1]
    assert heard_of(world, sent(WEB + 5, DB + 5, port=22)) == []
    assert heard_of(world, sent(WEB + 0x200, DB + 5)) == []
    assert heard_of(world, ethernet(eth_type=ETH_TYPE_ARP, payload=arp(WEB + 5, DB + 5))) == []
    assert heard_of(world, sent(WEB + 5, WEB + 6, port=22)) == [1, 2, 3]
    world.reload(configuration(guarded(3), policies=[SEC]))
    assert heard_of(world, asked) == [3]
