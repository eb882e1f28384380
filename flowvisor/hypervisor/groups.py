"""A slice's groups at one datapath: what the tenant calls them, what they are called there, and what they may do.

Strategy: a group is what its tenant wrote last, and also what it was before for as long as the datapath has not said
that it took the change: whatever uses the group is judged by all of these *versions*, so that a change which the
datapath refuses leaves nothing behind that only the refused one would have allowed. For changes that come later each
group keeps the *uses* that entries make of it: how packets come to it, not the entries, of which there may be many.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Set
from typing import Final, NamedTuple

from attrs import Factory, define

from flowvisor.flowspace.box import Box
from flowvisor.openflow.actions import Actions, Group
from flowvisor.openflow.bridge import action_set_in_order
from flowvisor.openflow.messages import ANY_GROUP, MAX_GROUP, Bucket

# Different ways in which entries send packets to one group. An entry that would be one more is refused.
MAX_USES: Final = 256
# What all groups of a virtual switch weigh together, 100 bytes of memory each; a group that would be more is refused.
MAX_WEIGHT: Final = 256 * 1024
_BUCKET_WEIGHT: Final = 4  # an action's is 1
NO_GROUP: Final = MAX_GROUP + 1  # an id that no group can have


class Use(NamedTuple):
    """How packets that have just come in reach a group: what entries match, if that matters, and then change."""

    matched: tuple[Box, ...] | None
    steps: Actions


class Version:
    """What a tenant wrote of a group at one time; `names` are the groups that its buckets send packets to or watch.

    `lists` are what its buckets do, each in the order in which it does, and what several do once.
    """

    __slots__ = ("buckets", "kind", "lists", "names", "weight")

    def __init__(self, kind: int, buckets: tuple[Bucket, ...]) -> None:
        self.kind = kind
        self.buckets = buckets
        self.weight = sum(_BUCKET_WEIGHT + len(bucket.actions) for bucket in buckets)
        self.lists = tuple(dict.fromkeys(action_set_in_order(bucket.actions) for bucket in buckets))
        self.names = frozenset(
            action.group_id
            for bucket in buckets
            for action in (*bucket.actions, Group(bucket.watch_group))
            if isinstance(action, Group) and action.group_id != ANY_GROUP
        )


@define(eq=False)
class TenantGroup:
    """A group. Any of its versions may be what the datapath has now; the last is what the tenant wants."""

    physical: int
    versions: list[Version]
    uses: set[Use] = Factory(set)
    is_spread: bool = False  # packets come to it that several tables may have rewritten


class Groups:
    """The groups of one virtual switch, by the tenant's ids."""

    __slots__ = ("_named_by", "by_id", "by_physical", "weight")

    def __init__(self) -> None:
        self.weight = 0  # of all versions of all
        self.by_id: dict[int, TenantGroup] = {}
        self.by_physical: dict[int, int] = {}  # the tenant's id of each
        self._named_by: dict[int, set[int]] = {}

    def __len__(self) -> int:
        return len(self.by_id)

    def add(self, group_id: int, physical: int, version: Version) -> TenantGroup:
        """Put a new group in."""
        group = self.by_id[group_id] = TenantGroup(physical, [version])
        self.by_physical[physical] = group_id
        self._note(group_id, version)
        return group

    def change(self, group_id: int, version: Version) -> None:
        """Let a group be something else from now on."""
        group = self.by_id[group_id]
        group.versions = [*group.versions, version]
        self._note(group_id, version)

    def keep(self, group_id: int, versions: list[Version]) -> None:
        """Leave a group only some of its versions."""
        group = self.by_id[group_id]
        self._forget(group_id)
        group.versions = versions
        for version in versions:
            self._note(group_id, version)

    def take_out(self, group_id: int) -> TenantGroup:
        """Remove a group that is there."""
        self._forget(group_id)
        group = self.by_id.pop(group_id)
        del self.by_physical[group.physical]
        return group

    def has_room_for(self, version: Version) -> bool:
        """Whether one more version may be kept."""
        return self.weight + version.weight <= MAX_WEIGHT

    def _note(self, group_id: int, version: Version) -> None:
        self.weight += version.weight
        for name in version.names:
            self._named_by.setdefault(name, set()).add(group_id)

    def _forget(self, group_id: int) -> None:
        for version in self.by_id[group_id].versions:
            self.weight -= version.weight
            for name in version.names & self._named_by.keys():
                self._named_by[name].discard(group_id)
                if not self._named_by[name]:
                    del self._named_by[name]

    def to_virtual(self, physical: int) -> int:
        """What the tenant calls a group of the datapath's; NO_GROUP if it is not the slice's."""
        return self.by_physical.get(physical, NO_GROUP)

    def buckets_of(self, group_id: int) -> Iterator[Actions]:
        """The lists of actions that a group may carry out, each in the order in which it does."""
        group = self.by_id.get(group_id)
        for version in group.versions if group is not None else ():
            yield from version.lists

    def named_by(self, group_id: int) -> Set[int]:
        """The groups that name this one, or did before what has not been done yet."""
        return self._named_by.get(group_id, frozenset())

    def latest_naming(self, group_id: int) -> set[int]:
        """The groups that name this one by what the tenant wants of them now."""
        return {one for one in self.named_by(group_id) if group_id in self.by_id[one].versions[-1].names}

    def leading_to(self, group_id: int) -> set[int]:
        """The group, and all from which packets may come to it."""
        return _closure(group_id, self.named_by)

    def latest_leading_to(self, group_id: int) -> set[int]:
        """The same by what the tenant wants now."""
        return _closure(group_id, self.latest_naming)


def _closure(start: int, following: Callable[[int], Set[int]]) -> set[int]:
    found, ahead = {start}, [start]
    while ahead:
        more = following(ahead.pop()) - found
        found |= more
        ahead += more
    return found


def users_first(names: Mapping[int, Collection[int]]) -> list[int]:
    """Groups in an order in which each comes before those that it names; `names` says which those are."""
    ordered: list[int] = []
    seen: set[int] = set()
    for start in names:
        path = [(start, iter(names[start]))] if start not in seen else []
        seen.add(start)
        while path:
            group_id, ahead = path[-1]
            following = next((one for one in ahead if one in names and one not in seen), None)
            if following is None:
                ordered.append(group_id)
                path.pop()
            else:
                seen.add(following)
                path.append((following, iter(names[following])))
    ordered.reverse()
    return ordered
