"""A flowspace slice: which rules say something about which datapath."""

from attrs import evolve

from flowvisor.errors import Place
from flowvisor.openflow.match import Match
from flowvisor.slices.flowspace_slice import ALL_DATAPATHS, MAX_PRIORITY, FlowspaceRule, FlowspaceSlice

PLACE = Place("slices/a.yaml", 1, 1)


def rule(datapaths: frozenset[int] | None, priority: int = 1) -> FlowspaceRule:
    return FlowspaceRule(
        datapaths=datapaths,
        priority=priority,
        matches=(Match(),),
        permissions=frozenset({"read", "write"}),
        place=PLACE,
    )


def test_a_datapath_has_the_rules_that_name_it_and_those_for_all_in_the_order_of_the_file() -> None:
    everywhere, here, there = rule(ALL_DATAPATHS, 3), rule(frozenset({1, 2}), 2), rule(frozenset({2}), 1)
    one = FlowspaceSlice(
        name="a",
        controllers=(),
        versions=frozenset({4}),
        tables=8,
        policies=(),
        place=PLACE,
        rules=(there, everywhere, here),
    )
    assert one.rules_at(1) == (everywhere, here)
    assert one.rules_at(2) == (there, everywhere, here)
    assert one.rules_at(3) == (everywhere,)


def test_a_slice_may_write_if_any_of_its_rules_lets_it() -> None:
    reading = evolve(rule(ALL_DATAPATHS), permissions=frozenset({"read"}))
    one = FlowspaceSlice(
        name="a",
        controllers=(),
        versions=frozenset({4}),
        tables=8,
        policies=(),
        place=PLACE,
        rules=(reading,),
    )
    assert (reading.may_write, one.may_write) == (False, False)
    assert evolve(one, rules=(reading, rule(ALL_DATAPATHS))).may_write


def test_the_priorities_of_the_classifiers_entries_fit_into_16_bits() -> None:
    # One entry below all rules, two for each priority, the guard round LOCAL, two again for each priority of rules
    # that name LOCAL, and the highest for the hypervisor itself.
    assert 1 + 2 * (MAX_PRIORITY + 1) + 1 + 2 * (MAX_PRIORITY + 1) + 1 <= 0x10000
