"""What the versions do differently."""

from __future__ import annotations

from flowvisor.openflow.messages import FeaturesReply
from flowvisor.openflow.ports import Port
from flowvisor.openflow.traits import TRAITS
from flowvisor.openflow.versions import CODECS, codec


def test_every_version_that_has_a_codec_has_traits() -> None:
    assert TRAITS.keys() == CODECS.keys()


def test_1_0_has_one_table_whose_misses_go_to_the_controller_and_modifies_that_add() -> None:
    old = TRAITS[1]
    assert (old.unmatched_to_controller, old.modify_adds, old.has_tables) == (True, True, False)


def test_1_3_has_tables_that_do_what_their_entries_say_and_nothing_else() -> None:
    new = TRAITS[4]
    assert (new.unmatched_to_controller, new.modify_adds, new.has_tables) == (False, False, True)


def test_ports_are_in_the_features_of_the_versions_that_say_so() -> None:
    for version, traits in TRAITS.items():
        told = FeaturesReply(dpid=1, ports=(Port(1),) if traits.ports_in_features else ())
        assert codec(version).decode(codec(version).encode(told)) == told
        assert traits.port_bits == (16 if traits.ports_in_features else 32)
