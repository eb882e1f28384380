"""Lists of what the API answers, as types: an object with one list in it, so that more may come to stand there."""

from __future__ import annotations

from typing import TypedDict

from flowvisor.admin.rest.shapes import (
    Allocation,
    Controller,
    Datapath,
    Event,
    FlowEntry,
    Link,
    Policy,
    Port,
    RefusedRequest,
    Slice,
    Switch,
)


class Refusals(TypedDict):
    """The requests of a slice that were refused lately, the latest last."""

    refusals: list[RefusedRequest]


class Datapaths(TypedDict):
    """All that are connected, or that the main file names."""

    datapaths: list[Datapath]


class Ports(TypedDict):
    """All ports of a datapath."""

    ports: list[Port]


class Slices(TypedDict):
    """All slices that the reader may know of."""

    slices: list[Slice]


class Policies(TypedDict):
    """All policies that the reader may know of."""

    policies: list[Policy]


class Switches(TypedDict):
    """Virtual switches."""

    switches: list[Switch]


class Controllers(TypedDict):
    """Controllers, one for each virtual switch that it controls."""

    controllers: list[Controller]


class Links(TypedDict):
    """Links, each direction by itself."""

    links: list[Link]


class Allocations(TypedDict):
    """What has been allocated to slices."""

    allocations: list[Allocation]


class Flows(TypedDict):
    """Flow entries."""

    flows: list[FlowEntry]


class Events(TypedDict):
    """Events, the latest last."""

    events: list[Event]
