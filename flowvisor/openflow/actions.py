"""Actions and instructions, the same objects for every version.

Strategy: what OpenFlow 1.0 and 1.3 both have is one class. What means something else in 1.0 is a class of its
own (`SetVlanVid` adds a tag where there is none, `SetTransportSource` goes by the packet's protocol), because
turning it into 1.3 needs the match beside it; that is done in `flowvisor.openflow.bridge`, not in a codec.
"""

from __future__ import annotations

from typing import Final, Union

from attrs import frozen

NO_BUFFER_LEN: Final = 0xFFFF  # OFPCML_NO_BUFFER: send the whole packet to the controller, do not buffer it


@frozen
class Output:
    """Send the packet out of a port; `max_len` counts only towards the controller."""

    port: int
    max_len: int = 0


@frozen
class SetField:
    """Set a field of the packet; `name` is in FIELDS."""

    name: str
    value: int


@frozen
class OpaqueSetField:
    """1.3 only: a SET_FIELD whose OXM entry (header and body) is not understood.

    Decoded from datapaths only, whose statistics show everybody's entries; a controller's is refused.
    """

    header: int
    body: bytes


@frozen
class PushVlan:
    ethertype: int


@frozen
class PopVlan:
    """1.3's POP_VLAN; 1.0's STRIP_VLAN, which lets an untagged packet be, is decoded to `StripVlan`."""


@frozen
class PushMpls:
    ethertype: int


@frozen
class PopMpls:
    ethertype: int


@frozen
class PushPbb:
    ethertype: int


@frozen
class PopPbb:
    pass


@frozen
class CopyTtlOut:
    pass


@frozen
class CopyTtlIn:
    pass


@frozen
class SetMplsTtl:
    ttl: int


@frozen
class DecMplsTtl:
    pass


@frozen
class SetNwTtl:
    ttl: int


@frozen
class DecNwTtl:
    pass


@frozen
class Group:
    group_id: int


@frozen
class SetQueue:
    queue_id: int


@frozen
class Enqueue:
    """1.0 only: output through a queue of a port."""

    port: int
    queue_id: int


@frozen
class SetVlanVid:
    """1.0 only: set the VLAN id (12 bits), adding a tag where there is none."""

    vid: int


@frozen
class SetVlanPcp:
    """1.0 only: set the VLAN priority, adding a tag where there is none."""

    pcp: int


@frozen
class StripVlan:
    """1.0 only: remove the outermost tag if there is one."""


@frozen
class SetTransportSource:
    """1.0 only: set the TCP or UDP source port, whichever the packet has."""

    port: int


@frozen
class SetTransportDestination:
    """1.0 only: set the TCP or UDP destination port, whichever the packet has."""

    port: int


@frozen
class OpaqueAction:
    """A vendor's action: `body` is all that follows its type and length, the experimenter id first."""

    experimenter: int
    body: bytes


Action = Union[  # noqa: UP007 - a runtime alias that Python 3.10's isinstance and typing both take
    Output, SetField, PushVlan, PopVlan, PushMpls, PopMpls, PushPbb, PopPbb, CopyTtlOut, CopyTtlIn,
    SetMplsTtl, DecMplsTtl, SetNwTtl, DecNwTtl, Group, SetQueue, Enqueue, SetVlanVid, SetVlanPcp, StripVlan,
    SetTransportSource, SetTransportDestination, OpaqueSetField, OpaqueAction,
]  # fmt: skip
Actions = tuple[Action, ...]


@frozen
class GotoTable:
    table_id: int


@frozen
class WriteMetadata:
    metadata: int
    mask: int


@frozen
class WriteActions:
    actions: Actions


@frozen
class ApplyActions:
    """In 1.0, where there are no instructions, a flow entry's actions are decoded to one of these."""

    actions: Actions


@frozen
class ClearActions:
    pass


@frozen
class Meter:
    meter_id: int


@frozen
class OpaqueInstruction:
    """An experimenter's instruction: `body` is all that follows its type and length, the id first."""

    experimenter: int
    body: bytes


Instruction = Union[  # noqa: UP007
    GotoTable, WriteMetadata, WriteActions, ApplyActions, ClearActions, Meter, OpaqueInstruction
]
Instructions = tuple[Instruction, ...]
