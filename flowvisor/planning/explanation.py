"""Whose a packet is that comes in at a port, and why: the rules that claim it, and the entries that decide."""

# Strategy: a packet of which not all is known is a box, as everywhere. A rule that covers the box has the packet for
# sure; one that only overlaps it may have it, and what it depends on are the fields that the rule names and nobody has
# given. So there is one way for whole packets and for a few fields.

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from attrs import evolve, field, frozen

from flowvisor.configuration.match_reader import FLOWSPACE_FIELDS
from flowvisor.configuration.match_values import parse_value
from flowvisor.configuration.snapshot import Configuration
from flowvisor.errors import Place
from flowvisor.flowspace.box import Box, covers, overlaps
from flowvisor.flowspace.layout import FIELD_SLOTS, boxes_of, match_of
from flowvisor.flowspace.packet_point import point_behind_one_tag, point_of_packet
from flowvisor.openflow.match import Match
from flowvisor.planning.ahead import Ahead
from flowvisor.planning.answer_explanation import answering_entries
from flowvisor.planning.claims import claims_of
from flowvisor.planning.embedding_ahead import embedded
from flowvisor.planning.entries import CLASSIFIER_TABLE
from flowvisor.planning.network_claims import network_claims, port_denials
from flowvisor.planning.own_state import own_entries
from flowvisor.planning.ownership import LOCAL_BOX, LOCAL_GUARD_RANK, names_local, rank_of
from flowvisor.planning.plan import DatapathPlan, compile_plan
from flowvisor.planning.preview import LIKELY, Entry, describe_entry, describe_match
from flowvisor.policies.acl import Acl
from flowvisor.slices.flowspace_slice import FlowspaceRule
from flowvisor.slices.virtual_switch import VirtualPort

OWNS: Final = "has it"
MAY_OWN: Final = "may have it"
LOSES: Final = "loses it"
NOT_LOCAL: Final = "does not name local"
MAX_ALTERNATIVES: Final = 8  # kinds of packets that a few fields may mean; more are not told apart


@frozen
class Claim:
    """A rule that names the packet, and what comes of it; `depends_on` are fields that have not been given.

    It may also be what a virtual network has there: `what` says what of it, and there is no priority. Packets that no
    host may send are claimed for nobody, and no line of any file says so.
    """

    slice: str
    place: Place | None
    priority: int | None
    match: str
    outcome: str
    depends_on: tuple[str, ...] = ()
    what: str = ""
    rank: int = field(default=0, eq=False)
    port: VirtualPort | None = field(default=None, eq=False)


@frozen
class Denial:
    """A rule of an ACL that keeps the packet from its owner, or may; ADDRESSES instead of an ACL are a port's own."""

    policy: str
    place: Place
    is_sure: bool


@frozen
class Explanation:
    """One packet at one datapath. `owner` is None if it is nobody's, or depends on what has not been given.

    `what` says what of a virtual network has it. `claims` are in the order in which they count; `readers` are slices
    that are shown it although it is another's. `entries` are those of the hypervisor's own that the packet may meet, by
    which the datapath decides, up to the one that it does meet; none where flow entries are cut to what slices own.
    """

    datapath: str
    packet: str
    owner: str | None
    depends_on: tuple[str, ...]
    claims: tuple[Claim, ...]
    denials: tuple[Denial, ...]
    readers: tuple[tuple[str, Place], ...]
    enforcement: str
    entries: tuple[Entry, ...]
    what: str = ""


def packets_of(text: str) -> list[Box]:
    """The packets that `in_port=1,tcp_dst=80` means, as disjoint boxes; raises ValueError."""
    fields: dict[str, tuple[int, int]] = {}
    for one in filter(None, (part.strip() for part in text.split(","))):
        name, separator, value = one.partition("=")
        if not separator or name not in FLOWSPACE_FIELDS:
            raise ValueError(f'"{one}" is not FIELD=VALUE; fields are {", ".join(FLOWSPACE_FIELDS)}')
        pairs = parse_value(name, value)
        if name in fields or len(pairs) != 1:
            raise ValueError(f"{name} has one value in a packet")
        (fields[name],) = pairs
    boxes = boxes_of(Match(fields))
    if not boxes:
        raise ValueError("there is no packet that has all these fields")
    return list(boxes[:MAX_ALTERNATIVES])


def packets_of_bytes(data: bytes, in_port: int) -> list[Box]:
    """A packet that came in by a port; one with two tags twice, for how many a datapath looks behind is its own."""
    behind_one = point_behind_one_tag(data, in_port)
    return [point_of_packet(data, in_port), *([] if behind_one is None else [behind_one])]


def explain(ahead: Ahead, dpid: int, packet: Box) -> Explanation:
    """Why a packet is whose it is, by the files that run; a datapath that is away is taken for a likely one."""
    files, facts = ahead.before, ahead.datapaths.get(dpid, LIKELY)
    ahead = evolve(ahead, datapaths={**ahead.datapaths, dpid: facts})
    plan = compile_plan(
        files.flowspace_slices,
        ahead.allocations,
        dpid=dpid,
        version=facts.version,
        n_tables=facts.n_tables,
        acls=files.acls,
        claims=claims_of(files),
        part=embedded(ahead, files, ahead.allocations).part(dpid),
    )
    found = (*_claims(files, dpid, packet), *_claims_of_networks(ahead, dpid, packet))
    claims = _decided(sorted(found, key=lambda one: -one.rank), packet)
    sure = next((one for one in claims if one.outcome == OWNS), None)
    before = [one for one in claims if one.outcome == MAY_OWN]
    owner = sure.slice if sure is not None and all(one.slice == sure.slice for one in before) else None
    owner = owner or None
    denials = tuple(_denials(files, dpid, owner, sure, packet)) if owner and sure else ()
    depends_on = [name for one in before if one.slice != owner for name in one.depends_on]
    if any(one.is_sure for one in denials):
        owner = None
    return Explanation(
        datapath=files.datapath_name(dpid),
        packet=describe_match(match_of(packet)),
        owner=owner,
        depends_on=tuple(dict.fromkeys(depends_on)),
        claims=tuple(claims),
        denials=denials,
        readers=tuple(_readers(files, dpid, packet)),
        enforcement=plan.enforcement.value,
        entries=tuple(_entries_met(plan, packet)),
        what=sure.what if owner and sure else "",
    )


def _claims(files: Configuration, dpid: int, packet: Box) -> Iterator[Claim]:
    for one in files.flowspace_slices:
        for rule in one.rules_at(dpid):
            claim = _claim(one.name, rule, packet) if rule.may_write else None
            if claim is not None:
                yield claim


def _claim(name: str, rule: FlowspaceRule, packet: Box) -> Claim | None:
    """What a rule says of the packet: of its boxes the one that says most."""
    found: Claim | None = None
    for match in rule.matches:
        for box in boxes_of(match):
            if overlaps(box, packet):
                depends_on = _missing(box, packet)
                claim = Claim(
                    slice=name,
                    place=rule.place,
                    priority=rule.priority,
                    match=describe_match(match),
                    outcome=MAY_OWN if depends_on else OWNS,
                    depends_on=depends_on,
                    rank=rank_of(rule, box),
                )
                if found is None or (found.depends_on and not depends_on):
                    found = claim
    return found


def _claims_of_networks(ahead: Ahead, dpid: int, packet: Box) -> Iterator[Claim]:
    for one in network_claims(ahead, dpid):
        for box in boxes_of(one.match):
            if overlaps(box, packet):
                depends_on = _missing(box, packet)
                yield Claim(
                    slice=one.owner,
                    place=one.place,
                    priority=None,
                    match=describe_match(one.match),
                    outcome=MAY_OWN if depends_on else OWNS,
                    depends_on=depends_on,
                    what=one.what,
                    rank=one.rank,
                    port=one.port,
                )


def _missing(box: Box, packet: Box) -> tuple[str, ...]:
    """The fields that a box looks at and of which the packet's is not known."""
    unknown = box.mask & ~packet.mask
    return tuple(name for name in match_of(box).fields if FIELD_SLOTS[name].mask & unknown) if unknown else ()


def _decided(claims: Iterable[Claim], packet: Box) -> list[Claim]:
    """The claims, best first, with what comes of each."""
    found: list[Claim] = []
    is_decided = False
    for claim in claims:
        if is_decided:
            found.append(evolve(claim, outcome=LOSES, depends_on=()))
        elif claim.rank < LOCAL_GUARD_RANK and covers(LOCAL_BOX, packet):
            found.append(evolve(claim, outcome=NOT_LOCAL, depends_on=()))
        elif claim.rank < LOCAL_GUARD_RANK and overlaps(LOCAL_BOX, packet) and claim.outcome == OWNS:
            # It may come from LOCAL, of which a rule without in_port says nothing.
            found.append(evolve(claim, outcome=MAY_OWN, depends_on=("in_port",)))
        else:
            found.append(claim)
            is_decided = claim.outcome == OWNS
    return found


def _denials(files: Configuration, dpid: int, owner: str, claim: Claim, packet: Box) -> Iterator[Denial]:
    """What keeps the packet from its owner; a label's packets were looked at where they came in."""
    acl = files.acls.get(owner)
    if claim.port is not None:
        yield from (Denial(*one) for one in port_denials(acl, claim.port, packet))
    elif not claim.what:
        yield from _denials_of_acl(acl, dpid, packet)


def _denials_of_acl(acl: Acl | None, dpid: int, packet: Box) -> Iterator[Denial]:
    for denial in acl.denials_at(dpid) if acl is not None else ():
        boxes = [box for box in denial.boxes() if overlaps(box, packet)]
        if boxes:
            assert acl is not None
            is_sure = any(covers(box, packet) for box in boxes)
            yield Denial(acl.name, denial.rule.place, is_sure)
            if is_sure:
                return


def _readers(files: Configuration, dpid: int, packet: Box) -> Iterator[tuple[str, Place]]:
    for one in files.flowspace_slices:
        for rule in one.rules_at(dpid):
            boxes = (box for match in rule.matches for box in boxes_of(match))
            if not rule.may_write and any(_is_read(box, packet) for box in boxes):
                yield one.name, rule.place
                break


def _is_read(box: Box, packet: Box) -> bool:
    return overlaps(box, packet) and (names_local(box) or not covers(LOCAL_BOX, packet))


def _entries_met(plan: DatapathPlan, packet: Box) -> Iterator[Entry]:
    in_table_0 = (one for one in own_entries(plan, {}) if one.table_id == CLASSIFIER_TABLE)
    for entry in sorted(in_table_0, key=lambda one: -one.priority):
        boxes = boxes_of(entry.match)
        if any(overlaps(box, packet) for box in boxes):
            yield describe_entry(plan, entry)
            if any(covers(box, packet) for box in boxes):
                yield from answering_entries(plan, entry, packet)
                return


def port_of(packet: Box) -> int | None:
    """The port that a packet comes in by, if that is known; LOCAL is a port, too."""
    shift, mask = FIELD_SLOTS["in_port"]
    return (packet.value & mask) >> shift if packet.mask & mask == mask else None
