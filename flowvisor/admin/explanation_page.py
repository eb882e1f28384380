"""Whose a packet is and why, as lines for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flowvisor.planning.explanation import MAY_OWN, Claim, Explanation
from flowvisor.planning.network_claims import ADDRESSES


def explanation_lines(one: Explanation) -> Iterator[str]:
    """What is known of one packet: whose it is, then the rules in the order in which they count, then the entries."""
    yield f"{one.datapath}: {one.packet}"
    yield f"  {_verdict(one)}"
    for claim in one.claims:
        yield f"  {_whose(claim)}: {claim.match}: {_outcome(claim)}"
    for denial in one.denials:
        said = "denies it" if denial.is_sure else "may deny it"
        by = "the policy " + denial.policy if denial.policy != ADDRESSES else "the port, by its addresses,"
        yield f"  {denial.place}: {by} {said}"
    for name, place in one.readers:
        yield f"  {place}: {name} may look at it"
    for entry in one.entries:
        yield f"  entry, {entry}"
    if one.enforcement == "intersect":
        yield "  flow entries are cut to what their slices own: no entry of the hypervisor's decides"


def _verdict(one: Explanation) -> str:
    if one.owner is not None:
        return f"belongs to {one.owner}" + (f", {one.what}" if one.what else "")
    if one.depends_on:
        return f"depends on {', '.join(one.depends_on)}"
    if any(denial.is_sure for denial in one.denials):
        return "belongs to nobody: it is denied to the slice that names it"
    return "belongs to nobody"


def _whose(claim: Claim) -> str:
    if claim.place is None:
        return f"{claim.what}, which no host may send"
    return f"{claim.place}: {claim.slice}, {claim.what or f'priority {claim.priority}'}"


def _outcome(claim: Claim) -> str:
    if claim.outcome == MAY_OWN:
        return f"{claim.outcome}, which depends on {', '.join(claim.depends_on)}"
    return claim.outcome


def explanation_json(one: Explanation) -> dict[str, Any]:
    """The same as one object."""
    return {
        "datapath": one.datapath,
        "packet": one.packet,
        "owner": one.owner,
        "what": one.what,
        "depends_on": list(one.depends_on),
        "claims": [
            {
                "slice": claim.slice,
                "place": None if claim.place is None else str(claim.place),
                "priority": claim.priority,
                "what": claim.what,
                "match": claim.match,
                "outcome": claim.outcome,
                "depends_on": list(claim.depends_on),
            }
            for claim in one.claims
        ],
        "denials": [
            {"policy": denial.policy, "place": str(denial.place), "is_sure": denial.is_sure}
            for denial in one.denials
        ],
        "readers": [{"slice": name, "place": str(place)} for name, place in one.readers],
        "enforcement": one.enforcement,
        "entries": [
            {"priority": entry.priority, "packets": entry.packets, "to": entry.to} for entry in one.entries
        ],
    }
