"""What the versions of OpenFlow do differently and no single message says, as data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from attrs import frozen

from flowvisor.openflow.ports import ANY, CONTROLLER


@frozen(kw_only=True)
class Traits:
    """One version's ways.

    `unmatched_to_controller`: a packet that no entry matches goes to the controller, without an entry that says so.
    `modify_adds`: a modify that finds nothing to modify adds (1.0.1, section 4.6).
    `has_tables`: several tables, instructions, groups.
    `ports_in_features`: the ports are told in FEATURES_REPLY, not by a multipart of their own.
    `no_in_port`: the in_port of a PACKET_OUT whose packet came in nowhere.
    `port_bits`: the width of a port number on the wire.
    """

    unmatched_to_controller: bool
    modify_adds: bool
    has_tables: bool
    ports_in_features: bool
    no_in_port: int
    port_bits: int


TRAITS: Final[Mapping[int, Traits]] = {
    1: Traits(
        unmatched_to_controller=True,
        modify_adds=True,
        has_tables=False,
        ports_in_features=True,
        no_in_port=ANY,
        port_bits=16,
    ),
    4: Traits(
        unmatched_to_controller=False,
        modify_adds=False,
        has_tables=True,
        ports_in_features=False,
        no_in_port=CONTROLLER,
        port_bits=32,
    ),
}
