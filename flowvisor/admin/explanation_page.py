"""Whose a packet is and why, as JSON for programs, and lines made of that for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flowvisor.planning.explanation import MAY_OWN, Explanation
from flowvisor.planning.network_claims import ADDRESSES
from flowvisor.planning.preview import Entry


def explanation_lines(told: Mapping[str, Any]) -> Iterator[str]:
    """What is known of one packet: whose it is, then the rules in the order in which they count, then the entries."""
    yield f"{told['datapath']}: {told['packet']}"
    yield f"  {_verdict(told)}"
    for claim in told["claims"]:
        yield f"  {_whose(claim)}: {claim['match']}: {_outcome(claim)}"
    for denial in told["denials"]:
        said = "denies it" if denial["is_sure"] else "may deny it"
        policy = denial["policy"]
        by = f"the policy {policy}" if policy != ADDRESSES else "the port, by its addresses,"
        yield f"  {denial['place']}: {by} {said}"
    for reader in told["readers"]:
        yield f"  {reader['place']}: {reader['slice']} may look at it"
    for entry in told["entries"]:
        yield f"  entry, {Entry(**entry)}"
    if told["enforcement"] == "intersect":
        yield "  flow entries are cut to what their slices own: no entry of the hypervisor's decides"


def _verdict(told: Mapping[str, Any]) -> str:
    if told["owner"] is not None:
        return f"belongs to {told['owner']}" + (f", {told['what']}" if told["what"] else "")
    if told["depends_on"]:
        return f"depends on {', '.join(told['depends_on'])}"
    if any(denial["is_sure"] for denial in told["denials"]):
        return "belongs to nobody: it is denied to the slice that names it"
    return "belongs to nobody"


def _whose(claim: Mapping[str, Any]) -> str:
    if claim["place"] is None:
        return f"{claim['what']}, which no host may send"
    of = claim["what"] or f"priority {claim['priority']}"
    return f"{claim['place']}: {claim['slice']}, {of}"


def _outcome(claim: Mapping[str, Any]) -> str:
    if claim["outcome"] == MAY_OWN:
        return f"{MAY_OWN}, which depends on {', '.join(claim['depends_on'])}"
    return str(claim["outcome"])


def explanation_json(one: Explanation) -> dict[str, Any]:
    """All that is known, as one object."""
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
