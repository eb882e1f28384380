"""Other files, to draw: one thing or a few in them are not what they were."""

from __future__ import annotations

from collections.abc import Callable

from attrs import evolve
from hypothesis import strategies as st

from flowvisor.slices.flowspace_slice import FlowspaceRule, FlowspaceSlice
from tests.model.topologies import NAMES, READER, TABLES, Topology, quotas, readers
from tests.support.slices import PORTS, acls, can_be_said, flowspace_matches
from tests.support.world import a_slice, ports, rule

PRIORITIES = range(60, 160)


@st.composite
def changed(draw: st.DrawFn, topology: Topology) -> Topology:
    """The network with other files; they may happen to say the same."""
    for _ in range(draw(st.sampled_from((1, 1, 2, 3)))):
        topology = draw(draw(st.sampled_from(_KINDS))(topology))
    return topology


@st.composite
def _rule_more(draw: st.DrawFn, topology: Topology) -> Topology:
    one = draw(st.sampled_from(topology.slices))
    return _put(topology, evolve(one, rules=(*one.rules, draw(_rules(topology)))))


@st.composite
def _rule_less(draw: st.DrawFn, topology: Topology) -> Topology:
    one = draw(st.sampled_from(topology.slices))
    gone = draw(st.integers(0, len(one.rules) - 1))
    rules = one.rules[:gone] + one.rules[gone + 1 :]
    return _put(topology, evolve(one, rules=rules)) if rules else topology


@st.composite
def _rule_changed(draw: st.DrawFn, topology: Topology) -> Topology:
    """Another priority, other packets, or other datapaths."""
    one = draw(st.sampled_from(topology.slices))
    at = draw(st.integers(0, len(one.rules) - 1))
    fresh: FlowspaceRule = draw(_rules(topology))
    names = draw(st.sampled_from((("priority",), ("priority",), ("matches", "priority"), ("datapaths",))))
    rules = list(one.rules)
    rules[at] = evolve(rules[at], **{name: getattr(fresh, name) for name in names})
    return _put(topology, evolve(one, rules=tuple(rules)))


@st.composite
def _rule_handed_on(draw: st.DrawFn, topology: Topology) -> Topology:
    """What one slice had is another's, or both change places."""
    if len(topology.slices) < 2:
        return topology
    one, other = draw(st.permutations(topology.slices))[:2]
    at = draw(st.integers(0, len(one.rules) - 1))
    if draw(st.booleans()):
        topology = _put(topology, evolve(one, rules=other.rules))
        return _put(topology, evolve(other, rules=one.rules))
    left = one.rules[:at] + one.rules[at + 1 :]
    topology = _put(topology, evolve(other, rules=(*other.rules, one.rules[at])))
    return _put(topology, evolve(one, rules=left)) if left else _without(topology, one)


@st.composite
def _slice_gone(draw: st.DrawFn, topology: Topology) -> Topology:
    one = draw(st.sampled_from(topology.slices))
    return _without(topology, one) if len(topology.slices) > 1 else topology


@st.composite
def _slice_more(draw: st.DrawFn, topology: Topology) -> Topology:
    names = [name for name in NAMES if name not in {one.name for one in topology.slices}]
    if not names:
        return topology
    rules = draw(st.lists(_rules(topology), min_size=1, max_size=2, unique_by=lambda one: one.priority))
    fresh = a_slice(draw(st.sampled_from(names)), *rules, tables=TABLES)
    return evolve(topology, slices=(*topology.slices, fresh))


@st.composite
def _acl_changed(draw: st.DrawFn, topology: Topology) -> Topology:
    """An ACL comes, goes, or says something else."""
    one = draw(st.sampled_from(topology.slices))
    kept = {name: acl for name, acl in topology.acls.items() if name != one.name}
    if one.name in topology.acls and draw(st.booleans()):
        return evolve(topology, acls=kept)
    acl = draw(acls(f"deny-{one.name}").filter(can_be_said))
    return evolve(topology, acls={**kept, one.name: acl})


@st.composite
def _quota_changed(draw: st.DrawFn, topology: Topology) -> Topology:
    """A quota comes, goes, or allows more or less."""
    one = draw(st.sampled_from(topology.slices))
    kept = {name: quota for name, quota in topology.quotas.items() if name != one.name}
    if one.name in topology.quotas and draw(st.booleans()):
        return evolve(topology, quotas=kept)
    return evolve(topology, quotas={**kept, one.name: draw(quotas(one.name))})


@st.composite
def _reader_changed(draw: st.DrawFn, topology: Topology) -> Topology:
    """The slice that owns nothing comes, or goes."""
    others = tuple(one for one in topology.slices if one.name != READER)
    is_there = len(others) < len(topology.slices)
    if not others:
        return topology
    return evolve(
        topology, slices=others if is_there else (*others, draw(readers(_free_priority(draw, topology))))
    )


@st.composite
def _permissions_changed(draw: st.DrawFn, topology: Topology) -> Topology:
    """A slice may only look on, or owns something again."""
    one = draw(st.sampled_from(topology.slices))
    if one.name == READER:
        return topology
    now = {"read"} if one.may_write else {"read", "write"}
    rules = tuple(evolve(each, permissions=frozenset(now)) for each in one.rules)
    return evolve(topology, slices=_with(topology, evolve(one, rules=rules)))


_KINDS: tuple[Callable[[Topology], st.SearchStrategy[Topology]], ...] = (
    _rule_more,
    _rule_less,
    _rule_changed,
    _rule_changed,
    _rule_handed_on,
    _rule_handed_on,
    _slice_gone,
    _slice_more,
    _acl_changed,
    _quota_changed,
    _reader_changed,
    _permissions_changed,
)


@st.composite
def _rules(draw: st.DrawFn, topology: Topology) -> FlowspaceRule:
    """A rule of a priority that no other has."""
    priority = _free_priority(draw, topology)
    at = draw(st.sampled_from((None, None, *((dpid,) for dpid in topology.kinds))))
    if draw(st.booleans()):
        return ports(draw(st.sampled_from(PORTS)), priority=priority, at=at)
    matches = draw(st.lists(flowspace_matches(), min_size=1, max_size=2))
    return rule(*matches, priority=priority, at=at)


def _free_priority(draw: st.DrawFn, topology: Topology) -> int:
    taken = {each.priority for one in topology.slices for each in one.rules}
    return draw(st.sampled_from([one for one in PRIORITIES if one not in taken]))


def _put(topology: Topology, one: FlowspaceSlice) -> Topology:
    """With a slice in its place, which may do what it might before."""
    before = next(each for each in topology.slices if each.name == one.name)
    permissions = before.rules[0].permissions
    rules = tuple(evolve(each, permissions=permissions) for each in one.rules)
    return evolve(topology, slices=_with(topology, evolve(one, rules=rules)))


def _with(topology: Topology, one: FlowspaceSlice) -> tuple[FlowspaceSlice, ...]:
    return tuple(one if each.name == one.name else each for each in topology.slices)


def _without(topology: Topology, one: FlowspaceSlice) -> Topology:
    slices = tuple(each for each in topology.slices if each.name != one.name)
    left = [each.name for each in slices]
    return evolve(
        topology,
        slices=slices,
        acls={name: acl for name, acl in topology.acls.items() if name in left},
        quotas={name: quota for name, quota in topology.quotas.items() if name in left},
    )
