"""What the API answers about changes, as types: what a reload would do, and what it has done."""

from __future__ import annotations

from typing import Annotated, Literal, TypedDict

from flowvisor.admin.rest.shapes import Name


class Differences(TypedDict):
    """Files of one folder, by name."""

    added: list[str]
    removed: list[str]
    changed: Annotated[dict[str, list[str]], "which of its keys, by name"]


class FileChanges(TypedDict):
    """What is different in the files."""

    slices: Differences
    policies: Differences
    settings: Annotated[list[str], "keys of the main file"]
    after_restart: Annotated[list[str], "those of them that count from the next start on"]


class PlannedEntry(TypedDict):
    """One of the hypervisor's own flow entries."""

    priority: int
    packets: str
    to: Annotated[str, "whose they are"]


class ChangedEntry(PlannedEntry):
    """One that gives its packets to somebody else."""

    before: Annotated[str, "whose they were"]


class PlannedEntries(TypedDict):
    """What becomes of the hypervisor's own flow entries."""

    added: list[PlannedEntry]
    changed: list[ChangedEntry]
    removed: list[PlannedEntry]


class PlannedSwitch(TypedDict):
    """What becomes of a slice's virtual switch."""

    channels: Literal["kept", "opened", "closed", "reopened"]
    hung_up_on: list[str]
    called: list[str]
    ports_gained: list[str]
    ports_lost: list[str]


class PlannedEnforcement(TypedDict):
    """What keeps slices apart."""

    before: str
    after: str


class PlannedDatapath(TypedDict):
    """What becomes of a datapath."""

    datapath: Name
    enforcement: PlannedEnforcement | None
    entries: PlannedEntries
    slices: dict[str, PlannedSwitch]


class PlannedPort(TypedDict):
    """Where a virtual port lies."""

    port: int
    before: str | None
    after: str | None


class PlannedNetwork(TypedDict):
    """What becomes of a virtual switch of a virtual network."""

    network: str
    switch: str
    channels: Literal["kept", "opened", "closed", "reopened"]
    ports: list[PlannedPort]
    hung_up_on: list[str]
    called: list[str]


class Plan(FileChanges):
    """What a reload would do now."""

    changes: Annotated[bool, "whether it would do anything"]
    datapaths: list[PlannedDatapath]
    networks: list[PlannedNetwork]


class Reloaded(TypedDict):
    """What a reload has come to."""

    revision: Annotated[int, "of what is in force; a new one if anything has changed"]
    seconds: float
    changes: FileChanges


class Written(TypedDict):
    """A file that was written, and is in force."""

    name: Name
    is_new: bool
    revision: Annotated[int, "of what is in force"]
    changes: FileChanges
