"""What is different between two configurations, in the admin's own words: names of files, and of keys in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from attrs import evolve, field, fields, frozen

from flowvisor.configuration.snapshot import Configuration, Settings

# Keys whose attribute has another name.
_KEYS: Final[Mapping[str, str]] = {
    "versions": "openflow",
    "rules": "flowspace",
    "scheduled": "policies",
    "may_configure_ports": "port_mod",
    "controller_certificates": "controller_certificate",
    "certificates": "datapaths",
    "wanted": "datapaths",
    "watches_files": "watch",
    "capacities": "links",
    "tunnel_ports": "links",
    "logical": "switches",
}
_NOT_A_KEY: Final = "place"

# What the main file says of these counts from the next start on: sockets that are open and probes that are under way.
NOT_LIVE: Final = ("listen", "admin", "tokens", "state", "links", "labels", "discovery")
_OF_LINKS: Final = ("capacities", "tunnel_ports")


@frozen
class Differences:
    """Objects of one folder, by name; `changed` says which of their keys."""

    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    changed: Mapping[str, tuple[str, ...]] = field(factory=dict)

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.changed)


@frozen
class Changes:
    """All differences; `settings` are keys of the main file."""

    slices: Differences = field(factory=Differences)
    policies: Differences = field(factory=Differences)
    settings: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.slices or self.policies or self.settings)

    @property
    def are_live(self) -> bool:
        """Does anything change while we run?"""
        return bool(self.slices or self.policies or set(self.settings) - set(NOT_LIVE))

    @property
    def not_live(self) -> tuple[str, ...]:
        """Those keys of the main file that count only from the next start on."""
        return tuple(key for key in self.settings if key in NOT_LIVE)


NOTHING: Final = Changes()


def changes(before: Configuration, after: Configuration) -> Changes:
    """What differs, where things stand in the files aside."""
    return Changes(
        slices=_differences(
            {one.name: one for one in before.slices}, {one.name: one for one in after.slices}
        ),
        policies=_differences(before.policies, after.policies),
        settings=_keys_that_differ(before.settings, after.settings),
    )


def live(settings: Settings, running: Settings) -> Settings:
    """The settings that count while we run: the new ones, but for what cannot change."""
    kept = {key: getattr(running, key) for key in (*NOT_LIVE, *_OF_LINKS)}
    return evolve(settings, **kept)


def _differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> Differences:
    return Differences(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed={
            name: _keys_that_differ(before[name], after[name])
            for name in sorted(before.keys() & after.keys())
            if before[name] != after[name]
        },
    )


def _keys_that_differ(before: Any, after: Any) -> tuple[str, ...]:
    if type(before) is not type(after):
        return ("kind",)
    return tuple(dict.fromkeys(_differing(before, after)))


def _differing(before: Any, after: Any) -> Iterator[str]:
    for one in fields(type(before)):
        if one.name != _NOT_A_KEY and getattr(before, one.name) != getattr(after, one.name):
            yield _KEYS.get(one.name, one.name)
