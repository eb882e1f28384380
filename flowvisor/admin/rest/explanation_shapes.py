"""Whose a packet is and why, as types."""

from __future__ import annotations

from typing import Annotated, TypedDict

from flowvisor.admin.rest.shapes import Name


class ExplainedClaim(TypedDict):
    """A rule that names the packet, or what a virtual network has there, and what comes of it."""

    slice: str
    place: Annotated[str | None, "file, line and column"]
    priority: int | None
    what: Annotated[str, "of a virtual network: what of it"]
    match: str
    outcome: str
    depends_on: Annotated[list[str], "fields that have not been given"]


class ExplainedDenial(TypedDict):
    """A rule that keeps the packet from its owner, or may."""

    policy: str
    place: str
    is_sure: bool


class Reader(TypedDict):
    """A slice that is shown the packet although it is another's."""

    slice: Name
    place: str


class MetEntry(TypedDict):
    """A flow entry of the hypervisor's own that the packet may meet."""

    priority: int
    packets: str
    to: str


class Explanation(TypedDict):
    """Whose a packet is that comes in there, and why."""

    datapath: Name
    packet: Annotated[str, "as far as it was given"]
    owner: Annotated[str | None, "None if it is nobody's, or depends on what was not given"]
    what: Annotated[str, "what of a virtual network has it"]
    depends_on: list[str]
    claims: Annotated[list[ExplainedClaim], "in the order in which they count"]
    denials: list[ExplainedDenial]
    readers: list[Reader]
    enforcement: Annotated[str, "what keeps slices apart there"]
    entries: Annotated[list[MetEntry], "up to the one that it does meet"]


class Explanations(TypedDict):
    """One for each kind of packets that the fields may mean."""

    explanations: list[Explanation]
