"""A quota: how much of the datapaths' state a slice may hold."""

from __future__ import annotations

from attrs import frozen


@frozen
class Quota:
    """The most of each that the slice may have at a time; None is no limit.

    `flow_entries` counts over all datapaths, `flow_entries_per_datapath`, `groups` and `meters` at each.
    """

    name: str
    flow_entries_per_datapath: int | None = None
    flow_entries: int | None = None
    groups: int | None = None
    meters: int | None = None
