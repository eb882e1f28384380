"""What `check` says of virtual networks: what can never be is refused, what may come right later is a warning."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from itertools import islice
from typing import NamedTuple

from flowvisor.configuration.match_values import format_value
from flowvisor.configuration.snapshot import Configuration
from flowvisor.errors import ConfigurationError, Problem
from flowvisor.flowspace.box import overlaps
from flowvisor.flowspace.layout import boxes_of
from flowvisor.flowspace.region import TooManyPieces
from flowvisor.network.dpid import format_dpid
from flowvisor.network.topology import End, Topology
from flowvisor.openflow.fields import FIELDS, VLAN_PRESENT
from flowvisor.planning.allocation import LAST_TABLE, Allocations
from flowvisor.planning.claims import attached
from flowvisor.planning.embedding import NO_PATH, UNREACHED, Embedder
from flowvisor.planning.port_filters import MAX_FILTERS, each_filter_of
from flowvisor.planning.underlay import FIRST_EDGE_VERSION, KnownDatapath, Underlay
from flowvisor.slices.flowspace_slice import ALL_DATAPATHS, FlowspaceRule
from flowvisor.slices.slice import PortName
from flowvisor.slices.virtual_network import VirtualNetwork
from flowvisor.slices.virtual_switch import Attachment, LogicalSwitch, VirtualPort


class _Claim(NamedTuple):
    """A place that a port may lie at."""

    network: VirtualNetwork
    switch: LogicalSwitch
    port: VirtualPort
    where: Attachment

    def __str__(self) -> str:
        return f"port {self.port.number} of {self.network.name}/{self.switch.name}"

    def problem(self, message: str, suggestion: str = "") -> Problem:
        return Problem(self.port.place, str(self.port.number), message, suggestion)


def refuse_networks(configuration: Configuration) -> None:
    """Raise ConfigurationError if a virtual network can never be."""
    claims = list(_claims(configuration))
    problems = [
        *_claimed_twice(claims, configuration),
        *_on_links(claims, configuration),
        *_named_by_rules(claims, configuration, everywhere=False),
        *_taken_dpids(configuration),
        *_too_few_labels(configuration),
        *_too_many_filters(configuration),
    ]
    if not problems:
        problems = list(_without_paths(configuration, (NO_PATH,)))
    if problems:
        raise ConfigurationError(problems)


def network_warnings(configuration: Configuration) -> list[Problem]:
    """What may come right by itself, or is not what one would think."""
    claims = list(_claims(configuration))
    found = [
        *_unnamed(claims, configuration),
        *_named_by_rules(claims, configuration, everywhere=True),
        *_rules_for_labels(configuration),
        *_not_answered(configuration),
        *_without_paths(configuration, (UNREACHED,)),
    ]
    return sorted(found, key=lambda problem: problem.place)


def _claims(configuration: Configuration) -> Iterator[_Claim]:
    for network in configuration.virtual_networks:
        for switch in network.logical.values():
            for port in switch.ports.values():
                for where in port.places:
                    yield _Claim(network, switch, port, where)


def _told(end: End, configuration: Configuration) -> str:
    return f"{configuration.datapath_name(end.dpid)}/{end.port}"


def _claimed_twice(claims: list[_Claim], configuration: Configuration) -> Iterator[Problem]:
    by_end: dict[End, list[_Claim]] = defaultdict(list)
    for claim in claims:
        for other in by_end[claim.where.end]:
            if other.where.vlan is None or claim.where.vlan is None or other.where.vlan == claim.where.vlan:
                where = _told(claim.where.end, configuration)
                message = f"{where} is claimed by {other} already, in {other.port.place}"
                suggestion = "share a port by VLANs: DATAPATH/PORT@VLAN"
                yield claim.problem(message, suggestion if other.where.vlan is None else "")
                break
        by_end[claim.where.end].append(claim)


def _on_links(claims: list[_Claim], configuration: Configuration) -> Iterator[Problem]:
    ends = {end for link in configuration.settings.links for end in link}
    for claim in claims:
        if claim.where.end in ends:
            where = _told(claim.where.end, configuration)
            yield claim.problem(f"{where} is the end of a link between datapaths, in links: of the main file")


def _named_by_rules(
    claims: list[_Claim], configuration: Configuration, *, everywhere: bool
) -> Iterator[Problem]:
    """Places that a flowspace rule names by their ports, at all datapaths or at some."""
    by_port: dict[int, list[tuple[str, FlowspaceRule]]] = defaultdict(list)
    for one in configuration.flowspace_slices:
        for rule in one.rules:
            if rule.may_write and (rule.datapaths is ALL_DATAPATHS) == everywhere:
                exact = {match.exact("in_port") for match in rule.matches}
                for port in exact - {None}:
                    by_port[port or 0].append((one.name, rule))
    for claim in claims:
        places = boxes_of(attached(claim.where))
        for name, rule in by_port.get(claim.where.end.port, ()):
            boxes = (box for match in rule.matches for box in boxes_of(match) if match.exact("in_port"))
            if rule.is_at(claim.where.end.dpid) and any(overlaps(box, places[0]) for box in boxes):
                where = _told(claim.where.end, configuration)
                message = f"{where} is named by a rule of {name}, too, in {rule.place}"
                yield claim.problem(message, "the virtual network has it" if everywhere else "")
                break


def _taken_dpids(configuration: Configuration) -> Iterator[Problem]:
    names = {dpid: name for name, dpid in configuration.settings.datapaths.items()}
    for network in configuration.virtual_networks:
        for switch in network.logical.values():
            if switch.dpid in names:
                message = f"{format_dpid(switch.dpid)} is the datapath {names[switch.dpid]}"
                yield Problem(switch.place, switch.name, message, "write another dpid")


def _too_few_labels(configuration: Configuration) -> Iterator[Problem]:
    left = len(configuration.settings.labels)
    for network in configuration.virtual_networks:
        if not network.is_tunnelled:
            needed = len(list(network.labelled_ports))
            if needed > left:
                labels = configuration.settings.labels
                message = (
                    f"its ports need {needed} labels, and of {labels.start}-{labels.stop - 1} {left} are left"
                )
                yield Problem(network.place, "switches", message, "widen labels: in the main file")
            left -= min(needed, left)


def _too_many_filters(configuration: Configuration) -> Iterator[Problem]:
    """ACLs that cannot be put in force at some port, or would take too many entries there."""
    for network in configuration.virtual_networks:
        acl = configuration.acls.get(network.name)
        for switch in network.logical.values():
            for port in switch.ports.values():
                if port.link is not None:
                    continue
                where = f"port {port.number} of {network.name}/{switch.name}"
                beyond = islice(each_filter_of(port, acl, switch.name, network.groups), MAX_FILTERS, None)
                try:
                    is_beyond = any(True for _ in beyond)
                except TooManyPieces as error:
                    yield Problem(network.place, "policies", f"at {where} its acl cannot be said: {error}")
                    return
                if is_beyond:
                    message = f"its acl takes more than {MAX_FILTERS} entries at {where}"
                    yield Problem(network.place, "policies", message)
                    return


def _unnamed(claims: list[_Claim], configuration: Configuration) -> Iterator[Problem]:
    named = set(configuration.settings.datapaths.values())
    for claim in claims:
        if claim.where.end.dpid not in named:
            message = (
                f"no datapath is named {format_dpid(claim.where.end.dpid)}; {claim} is down until it connects"
            )
            yield claim.problem(message)


def _rules_for_labels(configuration: Configuration) -> Iterator[Problem]:
    labels = configuration.settings.labels
    if all(network.is_tunnelled for network in configuration.virtual_networks):
        return
    for one in configuration.flowspace_slices:
        for rule in one.rules:
            vlans = [vlan for match in rule.matches if (vlan := match.exact("vlan_vid"))]
            taken = [vlan & ~VLAN_PRESENT for vlan in vlans if vlan & ~VLAN_PRESENT in labels]
            if taken:
                message = f"VLAN {taken[0]} is among the labels of virtual networks, and nobody's"
                yield Problem(rule.place, "flowspace", message, "choose other labels: in the main file")


def _not_answered(configuration: Configuration) -> Iterator[Problem]:
    """Where questions who has an address are to be answered, addresses that several ports have."""
    for network in configuration.virtual_networks:
        for switch in network.logical.values() if network.answers_arp else ():
            for port in switch.ports.values():
                yield from _at_other_ports(switch, port)


def _at_other_ports(switch: LogicalSwitch, port: VirtualPort) -> Iterator[Problem]:
    own = port.addresses
    if own is None:
        return
    for name, addresses in (("ipv4_src", own.ipv4), ("ipv6_src", own.ipv6)):
        for address in addresses:
            first = switch.named_addresses[address][0]
            if first != port.number:
                written = format_value(name, address, FIELDS[name].all_ones)
                message = (
                    f"{written} is said of port {first}, too, so that nobody is answered who asks for it"
                )
                yield Problem(port.place, str(port.number), message)


def _without_paths(configuration: Configuration, reasons: tuple[str, ...]) -> Iterator[Problem]:
    """What no path leads to, by the links that were declared, where no others are looked for."""
    settings = configuration.settings
    networks = [
        network
        for network in configuration.virtual_networks
        if network.is_tunnelled or not settings.discovery
    ]
    if not networks:
        return
    allocations = Allocations().allocate(networks, settings.labels)
    states = Embedder(networks, allocations).embed(_all_that_is_declared(configuration)).ports
    told = set()
    for network in networks:
        for share, switch in network.shares:
            for port in switch.ports.values():
                if states[PortName(share, port.number)].reason not in reasons or port.link in told:
                    continue
                if port.link is not None:
                    told.add(port.link)
                    link = network.links[port.link]
                    message = "no path of links: in the main file leads from one end to the other"
                    yield Problem(link.place, link.name, message)
                else:
                    message = "links: in the main file lead there from only some of its switch's datapaths"
                    yield Problem(port.place, str(port.number), message)


def _all_that_is_declared(configuration: Configuration) -> Underlay:
    """Every datapath that files name somewhere, with all that it could have."""
    settings = configuration.settings
    ports: dict[int, dict[int, bool]] = defaultdict(dict)
    for end in (end for link in settings.links for end in link):
        ports[end.dpid][end.port] = True
    for claim in _claims(configuration):
        ports[claim.where.end.dpid][claim.where.end.port] = True
    enough = max(
        LAST_TABLE, sum(size for one in configuration.slices for size in one.block_sizes.values()) + 1
    )
    datapaths = [KnownDatapath(dpid, FIRST_EDGE_VERSION, enough, each) for dpid, each in ports.items()]
    return Underlay.of(datapaths, Topology(settings.links), settings.capacities, settings.tunnel_ports)
