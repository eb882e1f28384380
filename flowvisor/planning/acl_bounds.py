"""What `check` says of ACLs: what a datapath could not be told, or would need too many entries for, is refused.

An ACL costs one entry in the classifier for each pair of a flowspace rule and a denial that have packets in common,
never for pairs that have none: 200 denials of addresses cost a slice of 50 whole ports at most 10,000 entries, and
200 if each denial names its port.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flowvisor.configuration.snapshot import Configuration
from flowvisor.errors import ConfigurationError, Place, Problem
from flowvisor.flowspace.box import Box
from flowvisor.flowspace.layout import match_of
from flowvisor.flowspace.region import TooManyPieces
from flowvisor.planning.exact_matches import exact_where_required
from flowvisor.planning.overlaps import describe_datapath
from flowvisor.planning.ownership import Ownership
from flowvisor.policies.acl import MAX_DENIED_BOXES, Acl
from flowvisor.slices.flowspace_slice import ALL_DATAPATHS, FlowspaceSlice

# In the classifier, for what is denied to one slice at one datapath. Open vSwitch takes some 50,000 entries a second.
MAX_DENYING_ENTRIES: Final = 16384

_SOME_OTHER: Final = -1  # stands for all datapaths that no rule names


def refuse_acls(configuration: Configuration) -> None:
    """Raise ConfigurationError if an ACL cannot be put in force, alone or with a slice that has it."""
    acls = [policy for policy in configuration.policies.values() if isinstance(policy, Acl)]
    # One that names groups is for virtual networks, at whose ports the first filter that matches decides.
    problems = [problem for acl in acls if not acl.names_groups for problem in _of_acl(acl)]
    if not problems:
        for one in configuration.flowspace_slices:
            acl = configuration.policy_of(one, Acl)
            if acl is not None:
                problems += _of_slice(one, acl, configuration)
    if problems:
        raise ConfigurationError(problems)


def _of_acl(acl: Acl) -> Iterator[Problem]:
    told: set[Place] = set()
    for dpid in _named(acl):
        entries = 0
        for denial in acl.denials_at(dpid):
            message = suggestion = ""
            try:
                entries += sum(_entries(box) for box in denial.boxes())
                if entries > MAX_DENIED_BOXES:
                    message = f"up to here {entries} entries, more than {MAX_DENIED_BOXES}"
            except TooManyPieces:
                message = (
                    "what the exceptions before it leave takes more matches than a datapath can be given"
                )
                suggestion = "deny kinds of packets by name, and except addresses only"
            if message:
                if denial.rule.place not in told:
                    told.add(denial.rule.place)
                    yield Problem(denial.rule.place, key="rules", message=message, suggestion=suggestion)
                break


def _entries(box: Box) -> int:
    return sum(1 for _ in exact_where_required(match_of(box)))


def _of_slice(one: FlowspaceSlice, acl: Acl, configuration: Configuration) -> Iterator[Problem]:
    for dpid in dict.fromkeys((*_named(acl), *_named(one))):
        ownership = Ownership.at(dpid, [one], {one.name: acl})
        entries = 0
        for denied in ownership.denied_boxes():
            entries += _entries(denied.box)
            if entries > MAX_DENYING_ENTRIES:
                where = describe_datapath(ALL_DATAPATHS if dpid == _SOME_OTHER else dpid, configuration)
                message = f'"{acl.name}" takes more than {MAX_DENYING_ENTRIES} entries at {where}'
                suggestion = "let its rules and the slice's name the same fields, or less"
                yield Problem(one.place, key="policies", message=message, suggestion=suggestion)
                return


def _named(one: Acl | FlowspaceSlice) -> list[int]:
    """The datapaths that rules name, and one that stands for all others."""
    return sorted({_SOME_OTHER, *(dpid for rule in one.rules for dpid in rule.datapaths or ())})
