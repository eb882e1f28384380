"""Virtual switches, ports and links as the admin writes them: `1: leaf-1/3`, `2: leaf-2/8@20`, `10: {link: uplink}`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final
from zlib import crc32

from attrs import frozen

from flowvisor.configuration.converters import checked_name, each_of, integer, list_of, parsed
from flowvisor.configuration.documents import ListNode, MappingNode, Node, Scalar, wrong
from flowvisor.configuration.link_reader import read_end
from flowvisor.configuration.match_values import parse_value
from flowvisor.configuration.schema import (
    TEXT,
    Described,
    Key,
    Keys,
    Names,
    Shape,
    described,
    mapping_of,
    object_shape,
    read_keys,
    text_of,
    what_is,
)
from flowvisor.errors import ConfigurationError, Problem
from flowvisor.network.dpid import MAX_DPID, format_dpid, parse_dpid
from flowvisor.openflow.fields import FIELDS
from flowvisor.slices.slice import SwitchSettings
from flowvisor.slices.virtual_switch import (
    MAX_VIRTUAL_PORT,
    UNTAGGED,
    Addresses,
    Attachment,
    LinkEnd,
    LogicalSwitch,
    VirtualLink,
    VirtualPort,
)

# The prefix of Nicira, who had the idea; below it what the names of slice and switch make, the same wherever it runs.
_DEFAULT_DPIDS: Final = 0x00A4_2305_0000_0000

_number = integer(1, MAX_VIRTUAL_PORT)
_vlan = integer(1, 4094)
_PLACE_FORM: Final = "write DATAPATH/PORT, DATAPATH/PORT@VLAN or DATAPATH/PORT@none"
_END_FORM: Final = "write SWITCH/PORT"

_PLACE: Final = {"type": "string", "pattern": "/[0-9]+(@([0-9]+|none))?$"}
END_OF_LINK: Final[Shape] = {"type": "string", "pattern": "/[0-9]+$"}


@frozen
class ReadSwitch:
    """A virtual switch, and what is different at it."""

    logical: LogicalSwitch
    settings: SwitchSettings


@described(_PLACE)
def place(node: Node, names: Names) -> Attachment:
    """A port of a datapath, whole, one VLAN of it, or what comes in there untagged."""
    text, at, tag = text_of(node).partition("@")
    end = read_end(Scalar(node.place, text=text, is_quoted=True), names, _PLACE_FORM)
    if not at:
        return Attachment(end)
    return Attachment(
        end,
        UNTAGGED if tag == "none" else _vlan(Scalar(node.place, text=tag, is_quoted=False), names),
    )


@described({"anyOf": [_PLACE, {"type": "array", "items": _PLACE, "minItems": 1}]})
def places(node: Node, names: Names) -> tuple[Attachment, ...]:
    """One place, or several, of which the first is where it lies."""
    return list_of(place)(node, names) if isinstance(node, ListNode) else (place(node, names),)


def mac_address(text: str) -> int:
    """A MAC address that one machine may have."""
    ((value, mask),) = parse_value("eth_src", text)
    if mask != (1 << 48) - 1 or value >> 40 & 1 or not value:
        raise ValueError(f'"{text}" is not the MAC address of a machine; write aa:bb:cc:dd:ee:ff')
    return value


def _addresses(name: str) -> Described[tuple[int, ...]]:
    """One address of machines, or a list of them."""

    def parse(text: str) -> int:
        ((value, mask),) = parse_value(name, text)
        if mask != FIELDS[name].all_ones or not value:
            raise ValueError(f'"{text}" is not the address of one machine')
        return value

    one = parsed(parse, TEXT)

    @described({"anyOf": [TEXT, {"type": "array", "items": TEXT, "minItems": 1}]})
    def convert(node: Node, names: Names) -> tuple[int, ...]:
        return list_of(one)(node, names) if isinstance(node, ListNode) else (one(node, names),)

    return convert


@described({"type": "string"})
def _link_name(node: Node, names: Names) -> str:
    return checked_name(node)


PORT_KEYS: Final[Keys] = {
    "link": Key(_link_name, meaning="the virtual link that ends there"),
    "at": Key(places, meaning="where it is attached, or the places where it may be; it lies at the first"),
    "follow": Key(parsed(mac_address), meaning="the MAC address that takes it from one place to another"),
    "mac": Key(parsed(mac_address), meaning="the only MAC address that packets may come from"),
    "ipv4": Key(_addresses("ipv4_src"), meaning="likewise the IPv4 address, or several", default=()),
    "ipv6": Key(_addresses("ipv6_src"), meaning="likewise the IPv6 address, or several", default=()),
    "mirror": Key(
        _number, meaning="the port of its switch that gets a copy of all that comes in and goes out here"
    ),
}


def _port(number: int, node: Node, names: Names) -> VirtualPort:
    if isinstance(node, Scalar):
        return VirtualPort(number, (place(node, names),), node.place)
    found = read_keys(_port_mapping(node), PORT_KEYS, names).complete()
    if (found["link"] is None) == (found["at"] is None):
        raise wrong(
            node,
            "a port is attached at a place, or is the end of a link",
            f"{_PLACE_FORM}, or {{link: NAME}}",
        )
    if found["link"] is not None:
        if found["follow"] is not None:
            raise wrong(node, "the end of a link follows nobody")
        if found["mac"] is not None or found["ipv4"] or found["ipv6"]:
            raise wrong(node, "at the end of a link there may be any address")
        if found["mirror"] is not None:
            raise wrong(
                node, "of the end of a link there is no copy", "write mirror: at ports that are attached"
            )
        return VirtualPort(number, (), node.place, link=found["link"])
    if found["follow"] is not None and len(found["at"]) == 1:
        raise wrong(node, "it can follow only where it may go", "write at: [PLACE, ANOTHER]")
    addresses = Addresses(mac=found["mac"], ipv4=found["ipv4"], ipv6=found["ipv6"])
    return VirtualPort(
        number,
        found["at"],
        node.place,
        follows=found["follow"],
        addresses=None if addresses == Addresses() else addresses,
        mirror=found["mirror"],
    )


def _port_mapping(node: Node) -> MappingNode:
    if isinstance(node, ListNode):
        raise wrong(node, "a list where one place is expected", "write {at: [PLACE, ANOTHER]}")
    return mapping_of(node)


@described(
    {
        "type": "object",
        "additionalProperties": {"anyOf": [_PLACE, object_shape(PORT_KEYS)]},
    }
)
def ports(node: Node, names: Names) -> Mapping[int, VirtualPort]:
    """The ports of a virtual switch by number."""
    found: dict[int, VirtualPort] = {}

    def add(key: Scalar, value: Node) -> None:
        number = _number(key, names)
        if number in found:
            raise wrong(key, f"there is a port {number} already")
        found[number] = _port(number, value, names)

    each_of(node, add)
    if not found:
        raise wrong(node, "a switch without ports is none", "write ports: {1: DATAPATH/PORT}")
    problems = [problem for port in found.values() for problem in _wrong_mirror(port, found)]
    if problems:
        raise ConfigurationError(problems)
    return found


def _wrong_mirror(port: VirtualPort, ports: Mapping[int, VirtualPort]) -> Iterator[Problem]:
    """What is wrong with where a port's copies go."""
    if port.mirror is None:
        return
    mirror = ports.get(port.mirror)
    message = ""
    if mirror is port:
        message = "its copies would come out of the port itself"
    elif mirror is None:
        message = f"there is no port {port.mirror}"
    elif mirror.link is not None:
        message = f"port {port.mirror} is the end of a link, and copies are for one that is attached"
    elif mirror.mirror is not None:
        message = f"port {port.mirror} is copied itself, to {mirror.mirror}"
    if message:
        yield Problem(
            port.place, str(port.number), message, "write mirror: PORT, of another port of the switch"
        )


def virtual_switches(keys: Keys) -> Any:
    """The virtual switches of a network by name; `keys` are what may be said of any switch."""
    own: Keys = {
        "dpid": Key(parsed(_virtual_dpid), meaning="what its tenant sees; made of the names unless said"),
        "ports": Key(ports, meaning="its ports, by number", is_required=True),
        **keys,
    }

    @described({"type": "object", "additionalProperties": object_shape(own)})
    def convert(node: Node, names: Names) -> Mapping[str, ReadSwitch]:
        found: dict[str, ReadSwitch] = {}
        by_dpid: dict[int, str] = {}

        def add(key: Scalar, value: Node) -> None:
            name = checked_name(key)
            if name in found:
                raise wrong(key, "two switches have this name")
            values = dict(read_keys(mapping_of(value), own, names).complete())
            dpid, its_ports = values.pop("dpid"), values.pop("ports")
            if dpid is None:
                dpid = _DEFAULT_DPIDS | crc32(f"{names.file_stem}/{name}".encode())
            if dpid in by_dpid:
                raise wrong(value, f"{format_dpid(dpid)} is {by_dpid[dpid]} already", "write another dpid")
            by_dpid[dpid] = name
            found[name] = ReadSwitch(
                LogicalSwitch(name, dpid, its_ports, key.place), SwitchSettings(**values)
            )

        each_of(node, add)
        if not found:
            raise wrong(node, "a network without switches is none")
        return found

    return convert


def _virtual_dpid(text: str) -> int:
    dpid = parse_dpid(text)
    if not 0 < dpid < MAX_DPID:
        raise ValueError(f"no switch has the dpid {text}")
    return dpid


@described(
    {
        "type": "object",
        "additionalProperties": {"type": "array", "items": END_OF_LINK, "minItems": 2, "maxItems": 2},
    }
)
def virtual_links(node: Node, names: Names) -> Mapping[str, VirtualLink]:
    """The virtual links of a network by name."""
    found: dict[str, VirtualLink] = {}

    def add(key: Scalar, value: Node) -> None:
        name = checked_name(key)
        if name in found:
            raise wrong(key, "two links have this name")
        if not isinstance(value, ListNode) or len(value.items) != 2:
            raise wrong(
                value, "a link has two ends", f"write [SWITCH/PORT, SWITCH/PORT], not {what_is(value)}"
            )
        one, other = (link_end(item, names) for item in value.items)
        if one == other:
            raise wrong(value, "a link has two ends, not one twice")
        found[name] = VirtualLink(name, (one, other), value.place)

    each_of(node, add)
    return found


def link_end(node: Node, names: Names) -> LinkEnd:
    """A port of a virtual switch, by the switch's name."""
    switch, slash, port = text_of(node).rpartition("/")
    if not slash:
        raise wrong(node, f"{what_is(node)} is no port of a switch", _END_FORM)
    return LinkEnd(switch, _number(Scalar(node.place, text=port, is_quoted=False), names))
