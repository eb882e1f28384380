"""Match values as people write them, and back: `10.1.0.0/16`, `80-89`, `arp`, `none` are values with masks.

A value is read into alternatives, (value, mask) pairs of which a packet has to fit one: OpenFlow knows masks
but no ranges. Everything raises ValueError with a sentence for the person who wrote it.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from flowvisor.openflow import fields, ports
from flowvisor.openflow.fields import FIELDS, VLAN_NONE, VLAN_PRESENT, Field

Pair = tuple[int, int]

# Of one rule, all lists and ranges multiplied out: each becomes a flow entry of the classifier.
MAX_ALTERNATIVES: Final = 1024

LAYER_4_PORTS: Final = frozenset({"tcp_src", "tcp_dst", "udp_src", "udp_dst", "sctp_src", "sctp_dst"})
_MAC_FIELDS: Final = frozenset({"eth_dst", "eth_src", "arp_sha", "arp_tha", "ipv6_nd_sll", "ipv6_nd_tll"})
_IPV4_FIELDS: Final = frozenset({"ipv4_src", "ipv4_dst", "arp_spa", "arp_tpa"})
_IPV6_FIELDS: Final = frozenset({"ipv6_src", "ipv6_dst", "ipv6_nd_target"})

_NAMES: Final[Mapping[str, Mapping[str, int]]] = {
    "in_port": {"local": ports.LOCAL},
    "eth_type": {
        "arp": fields.ETH_TYPE_ARP,
        "ipv4": fields.ETH_TYPE_IPV4,
        "ipv6": fields.ETH_TYPE_IPV6,
        "lldp": fields.ETH_TYPE_LLDP,
        "bddp": fields.ETH_TYPE_BDDP,
        "vlan": fields.ETH_TYPE_VLAN,
        "mpls": fields.ETH_TYPE_MPLS,
    },
    "ip_proto": {
        "tcp": fields.IP_PROTO_TCP,
        "udp": fields.IP_PROTO_UDP,
        "icmp": fields.IP_PROTO_ICMP,
        "icmpv6": fields.IP_PROTO_ICMPV6,
        "sctp": fields.IP_PROTO_SCTP,
    },
}
_TEXTS: Final = {field: {number: name for name, number in names.items()} for field, names in _NAMES.items()}

# Numbers that OpenFlow gives the field, where they are fewer than its bits would hold.
_BOUNDS: Final[Mapping[str, tuple[int, int]]] = {
    "in_port": (1, ports.MAX_PORT),
    "eth_type": (0x600, 0xFFFF),  # below it is a length (IEEE 802.3)
    "vlan_vid": (0, 0xFFF),
}

_DECIMAL: Final = re.compile(r"0|[1-9][0-9]{0,39}")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-f]{1,32}", re.IGNORECASE)
_RANGE: Final = re.compile(r"([0-9a-fx]+) ?- ?([0-9a-fx]+)", re.IGNORECASE)
_MAC: Final = re.compile(r"[0-9a-f]{2}(:[0-9a-f]{2}){5}", re.IGNORECASE)


class _Notation(NamedTuple):
    """How one kind of value is written: `one` reads a single value, `text` writes it."""

    one: Callable[[str], int]
    text: Callable[[int], str]
    prefix_bits: int | None = None  # of an address that may have "/24" instead of a mask


def parse_number(text: str) -> int:
    """A whole number, decimal or 0x…; leading zeros are refused, because YAML's readers disagree on them."""
    if _DECIMAL.fullmatch(text):
        return int(text)
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 16)
    if text.startswith("0") and _DECIMAL.fullmatch(text.lstrip("0") or "0"):
        raise ValueError(f'"{text}" may be meant as octal; write it without leading zeros, or as 0x…')
    raise ValueError(f'"{text}" is not a number')


def _parse_mac(text: str) -> int:
    if not _MAC.fullmatch(text):
        raise ValueError(f'"{text}" is not a MAC address, like 00:16:3e:00:00:01')
    return int(text.replace(":", ""), 16)


def _format_mac(value: int) -> str:
    return value.to_bytes(6, "big").hex(":")


def _parse_ipv4(text: str) -> int:
    try:
        return int(ipaddress.IPv4Address(text))
    except ValueError as error:
        raise ValueError(f'"{text}" is not an IPv4 address') from error


def _parse_ipv6(text: str) -> int:
    try:
        address = ipaddress.IPv6Address(text)
    except ValueError as error:
        raise ValueError(f'"{text}" is not an IPv6 address') from error
    if address.scope_id is not None:
        raise ValueError(f'"{text}": no packet carries a zone')
    return int(address)


_MAC_ADDRESS: Final = _Notation(_parse_mac, _format_mac)
_IPV4_ADDRESS: Final = _Notation(_parse_ipv4, lambda value: str(ipaddress.IPv4Address(value)), 32)
_IPV6_ADDRESS: Final = _Notation(_parse_ipv6, lambda value: str(ipaddress.IPv6Address(value)), 128)
_NUMBER: Final = _Notation(parse_number, str)


def _notation_of(field: Field) -> _Notation:
    if field.name in _MAC_FIELDS:
        return _MAC_ADDRESS
    if field.name in _IPV4_FIELDS:
        return _IPV4_ADDRESS
    return _IPV6_ADDRESS if field.name in _IPV6_FIELDS else _NUMBER


def parse_value(name: str, text: str) -> tuple[Pair, ...]:
    """The alternatives that a text means for a field, as (value, mask) in the terms of a `Match`."""
    field = FIELDS[name]
    notation = _notation_of(field)
    if "/" in text:
        pairs = [_masked(field, notation, text)]
    elif text in _NAMES.get(name, ()):
        pairs = [(_NAMES[name][text], field.all_ones)]
    elif name == "vlan_vid" and text == "none":
        return ((VLAN_NONE, field.all_ones),)
    elif notation is _NUMBER and (found := _RANGE.fullmatch(text)):
        pairs = _range(field, parse_number(found[1]), parse_number(found[2]))
    else:
        pairs = [(_bounded(field, notation.one(text), text), field.all_ones)]
        _refuse_the_vlan_that_may_mean_untagged(name, text, pairs[0][0])
    if name == "vlan_vid":
        return tuple((value | VLAN_PRESENT, mask | VLAN_PRESENT) for value, mask in pairs)
    if any(mask == 0 for _, mask in pairs):
        raise _every_value(name, text)
    return tuple(pairs)


def format_value(name: str, value: int, mask: int | None = None) -> str:
    """The text of one pair, such that `parse_value` reads it back; without a mask of an exact value."""
    field = FIELDS[name]
    notation = _notation_of(field)
    mask = field.all_ones if mask is None else mask
    if name == "vlan_vid":
        if value & mask == VLAN_NONE:
            return "none"
        if mask == VLAN_PRESENT:
            return "0-4095"
        value, mask = value & ~VLAN_PRESENT, mask & ~VLAN_PRESENT
        return str(value) if mask == 0xFFF and value else f"{value:#x}/{mask:#x}"
    if mask == field.all_ones:
        text = f"{value:#06x}" if name == "eth_type" else notation.text(value)
        return _TEXTS.get(name, {}).get(value, text)
    if notation.prefix_bits and _is_prefix(mask, notation.prefix_bits):
        return f"{notation.text(value)}/{mask.bit_count()}"
    if notation is _NUMBER:
        return f"{value:#x}/{mask:#x}"
    return f"{notation.text(value)}/{notation.text(mask)}"


def without_covered(pairs: tuple[Pair, ...]) -> tuple[Pair, ...]:
    """The pairs without repetitions and without those that a wider one covers."""
    unique = dict.fromkeys(pairs)
    masks = {mask for _, mask in unique}
    if len(masks) == 1:
        return tuple(unique)
    return tuple(
        (value, mask)
        for value, mask in unique
        if not any(wide & mask == wide != mask and (value & wide, wide) in unique for wide in masks)
    )


def _every_value(name: str, text: str) -> ValueError:
    instead = "leave the key out"
    if requires := FIELDS[name].requires:  # leaving it out would mean packets without such a field, too
        selector, (selected, *_) = requires[-1]
        instead = f'write "{selector}: {format_value(selector, selected)}" instead'
    return ValueError(f'"{text}" is every {name}; {instead}')


def _refuse_the_vlan_that_may_mean_untagged(name: str, text: str, value: int) -> None:
    if name == "vlan_vid" and value == 0:
        raise ValueError(f'"{text}": write none for untagged packets, or 0-0 for those with a priority tag')


def _masked(field: Field, notation: _Notation, text: str) -> Pair:
    value_text, _, mask_text = text.partition("/")
    if not field.maskable and field.name not in LAYER_4_PORTS:
        raise ValueError(f"{field.name} cannot be masked")
    value = _bounded(field, notation.one(value_text), value_text)
    if notation.prefix_bits and _DECIMAL.fullmatch(mask_text):
        length = int(mask_text)
        if length > notation.prefix_bits:
            raise ValueError(f'"{text}": a prefix has 0 to {notation.prefix_bits} bits')
        mask = (1 << notation.prefix_bits) - (1 << notation.prefix_bits - length)
    else:
        mask = _bounded(field, notation.one(mask_text), mask_text)
    if value & ~mask:
        tag = VLAN_PRESENT if field.name == "vlan_vid" else 0
        if not mask | tag:
            raise _every_value(field.name, text)
        canonical = format_value(field.name, value & mask | tag, mask | tag)
        raise ValueError(f'"{text}" has bits outside of its mask; did you mean "{canonical}"?')
    return value, mask


def _range(field: Field, low: int, high: int) -> list[Pair]:
    _bounded(field, low, str(low))
    _bounded(field, high, str(high))
    if low > high:
        raise ValueError(f'"{low}-{high}" is empty; write the smaller number first')
    if field.maskable or field.name in LAYER_4_PORTS:
        bits = 12 if field.name == "vlan_vid" else field.bits
        return list(_prefixes(low, high, bits))
    if high - low >= MAX_ALTERNATIVES:
        raise ValueError(
            f'"{low}-{high}" is more than {MAX_ALTERNATIVES} values, and {field.name} has no masks'
        )
    return [(value, field.all_ones) for value in range(low, high + 1)]


def _prefixes(low: int, high: int, bits: int) -> Iterator[Pair]:
    """The fewest prefixes that hold low to high: each time the largest that begins at `low` and fits."""
    while low <= high:
        size = low & -low or 1 << bits
        while low + size - 1 > high:
            size >>= 1
        yield low, (1 << bits) - size
        low += size


def _bounded(field: Field, value: int, text: str) -> int:
    low, high = _BOUNDS.get(field.name, (0, field.all_ones))
    if value in _TEXTS.get(field.name, ()):
        return value
    if not low <= value <= high:
        hint = ""
        if field.name == "eth_type" and _DECIMAL.fullmatch(text) and int(text, 16) in _TEXTS["eth_type"]:
            hint = f'; did you mean "0x{text.zfill(4)}"?'
        raise ValueError(
            f"{field.name} is from {_bound_text(field, low)} to {_bound_text(field, high)}, not {text}{hint}"
        )
    return value


def _bound_text(field: Field, bound: int) -> str:
    return f"{bound:#x}" if field.name == "eth_type" or bound > 0xFFFF else str(bound)


def _is_prefix(mask: int, bits: int) -> bool:
    rest = mask ^ (1 << bits) - 1
    return rest & rest + 1 == 0
