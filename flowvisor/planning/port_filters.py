"""What is let in at a virtual port: its slice's ACL, then the addresses that were declared for it.

Strategy: filters are a list of which the first that matches decides, as the admin thinks of them, and table 0 has the
priorities to say that; taking what is denied off what is let in would make an entry of nearly each bit of an address.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from flowvisor.flowspace.box import intersect
from flowvisor.flowspace.layout import boxes_of, match_of
from flowvisor.openflow.fields import ETH_TYPE_ARP, ETH_TYPE_IPV4, ETH_TYPE_IPV6, ND_ADVERT
from flowvisor.openflow.match import Match
from flowvisor.planning.acl_groups import NO_GROUPS, Groups, matches_of
from flowvisor.planning.exact_matches import exact_where_required
from flowvisor.planning.share import Filter
from flowvisor.policies.acl import Acl
from flowvisor.slices.virtual_switch import Addresses, LinkEnd, VirtualPort

MAX_FILTERS: Final = 4096  # of one port; files with more are refused

_LINK_LOCAL: Final = (0xFE80 << 112, 0xFFC0 << 112)


def filters_of(
    port: VirtualPort, acl: Acl | None, switch: str = "", groups: Groups = NO_GROUPS
) -> tuple[Filter, ...]:
    """What is let in at an attached port and what is not, in the order in which it is looked at; all else is.

    `switch` is whose port it is, and `groups` are its network's. Raises TooManyPieces if the ACL has no such filters.
    """
    return tuple(each_filter_of(port, acl, switch, groups))


def each_filter_of(port: VirtualPort, acl: Acl | None, switch: str, groups: Groups) -> Iterator[Filter]:
    """The same one by one, for whom there may be too many of them."""
    spoofing = [] if port.addresses is None else list(_of_addresses(port.addresses))
    if acl is not None:
        yield from _of_acl(acl, LinkEnd(switch, port.number), groups, spoofing)
    yield from spoofing


def _of_addresses(own: Addresses) -> Iterator[Filter]:
    """Only what has these addresses as its own; of a kind of which none was declared none is, if another kind's was."""
    mac: dict[str, int] = {} if own.mac is None else {"eth_src": own.mac}
    arp = {**mac, "eth_type": ETH_TYPE_ARP, **({} if own.mac is None else {"arp_sha": own.mac})}
    has_any = bool(own.ipv4 or own.ipv6)
    for address in own.ipv4:
        yield _let_in(**arp, arp_spa=address)
        yield _let_in(**mac, eth_type=ETH_TYPE_IPV4, ipv4_src=address)
    if own.ipv4:
        yield _let_in(**arp, arp_spa=0)  # who asks whether an address is taken (RFC 5227)
        yield _let_in(**mac, eth_type=ETH_TYPE_IPV4, ipv4_src=0, ip_proto=17, udp_src=68, udp_dst=67)
    if not has_any:
        yield _let_in(**arp)
    yield _kept_out(eth_type=ETH_TYPE_ARP)
    if has_any:
        yield _kept_out(eth_type=ETH_TYPE_IPV4)
        if own.ipv6:
            yield from _of_ipv6(own, mac)
        yield _kept_out(eth_type=ETH_TYPE_IPV6)
    if own.mac is not None:
        yield _let_in(**mac)
        yield _kept_out()


def _of_ipv6(own: Addresses, mac: dict[str, int]) -> Iterator[Filter]:
    # OpenFlow has no mask for the address in an advertisement; a link-local one is taken to be made of the MAC address.
    may_claim = (*own.ipv6, *(() if own.mac is None else (_made_of(own.mac),)))
    advertised = {"eth_type": ETH_TYPE_IPV6, "ip_proto": 58, "icmpv6_type": ND_ADVERT}
    for address in may_claim:
        yield _let_in(**mac, **advertised, ipv6_nd_target=address)
    yield _kept_out(**advertised)
    sources: tuple[int | tuple[int, int], ...] = (*own.ipv6, _LINK_LOCAL, 0)
    for address in sources:  # 0 is who asks whether an address is taken (RFC 4862)
        yield _let_in(**mac, eth_type=ETH_TYPE_IPV6, ipv6_src=address)


def _made_of(mac: int) -> int:
    """The link-local address that a machine makes of its MAC address (RFC 4291, appendix A)."""
    return 0xFE80 << 112 | (mac >> 24 ^ 0x02_0000) << 40 | 0xFFFE << 24 | mac & 0xFF_FFFF


def _let_in(**fields: int | tuple[int, int]) -> Filter:
    return Filter(Match.of(**fields), is_let_in=True)


def _kept_out(**fields: int | tuple[int, int]) -> Filter:
    return Filter(Match.of(**fields), is_let_in=False)


def _of_acl(acl: Acl, at: LinkEnd, groups: Groups, spoofing: list[Filter]) -> Iterator[Filter]:
    """What the ACL says of one port, for which its in_port means the virtual one. What it permits is to be let in by
    the declared addresses, too.
    """
    for rule in acl.rules:
        for match in matches_of(rule, groups, at):
            value, mask = match.fields.get("in_port", (0, 0))
            if (at.port ^ value) & mask:
                continue
            rest = Match(
                {name: pair for name, pair in match.fields.items() if name != "in_port"}, match.opaque
            )
            for box in boxes_of(rest):
                for one in spoofing if not rule.is_denied else ():
                    both = [intersect(box, other) for other in boxes_of(one.match)]
                    yield from (Filter(match_of(each), one.is_let_in) for each in both if each is not None)
                for exact in exact_where_required(match_of(box)):
                    yield Filter(exact, is_let_in=not rule.is_denied)
