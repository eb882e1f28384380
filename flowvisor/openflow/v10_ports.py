"""Ports in OpenFlow 1.0 (section 5.2.1): 16-bit numbers, feature bits of their own, no speeds."""

from __future__ import annotations

from struct import Struct
from typing import Final

from flowvisor.errors import Inexpressible
from flowvisor.openflow.error_codes import REQUEST_BAD_PORT, ErrorCode
from flowvisor.openflow.ports import BLOCKED, LIVE, MAX_PORT, Port
from flowvisor.openflow.reader import Reader, text_field

MAX_PORT_10: Final = 0xFF00  # OFPP_MAX; the reserved numbers are above, in the same order as 1.3's
NONE_10: Final = 0xFFFF
PORT_LENGTH: Final = 48
_RESERVED: Final = 0xFFFF0000  # what a reserved number has in 1.3 above its 16 bits of 1.0

_PORT: Final = Struct("!H6s16sIIIIII")
_NAME_LENGTH: Final = 16

# Both versions begin with 10 Mbit/s half duplex to 10 Gbit/s. 1.3 puts four faster rates before the medium.
_RATES: Final = 0x7F
_MEDIA_10: Final = 0xF80  # copper, fiber, autonegotiation, pause, asymmetric pause
_MEDIA_SHIFT: Final = 4
_ONLY_13: Final = ~(BLOCKED | LIVE)


def port_from_10(number: int) -> int:
    """The neutral (32-bit) number of a port."""
    return number if number < MAX_PORT_10 else number | _RESERVED


def port_to_10(number: int, error: ErrorCode = REQUEST_BAD_PORT) -> int:
    """The 16-bit number of a port; raises `Inexpressible` with `error` if it has none."""
    if number < MAX_PORT_10:
        return number
    if number < MAX_PORT:
        raise Inexpressible(error, f"port {number} does not fit into the 16 bits of OpenFlow 1.0")
    return number & 0xFFFF


def features_from_10(bits: int) -> int:
    """The neutral form of a port's feature bits."""
    return bits & _RATES | (bits & _MEDIA_10) << _MEDIA_SHIFT


def features_to_10(bits: int) -> int:
    """A port's feature bits without the rates that 1.0 has no bit for (40 Gbit/s and more)."""
    return bits & _RATES | bits >> _MEDIA_SHIFT & _MEDIA_10


def decode_port(reader: Reader) -> Port:
    """Read an ofp_phy_port."""
    start = reader.offset
    number, hw_addr, _, config, state, current, advertised, supported, peer = reader.unpack(_PORT)
    return Port(
        number=port_from_10(number),
        hw_addr=hw_addr,
        name=Reader(reader.data, start + 8).text(_NAME_LENGTH),
        config=config,
        state=state & _ONLY_13,
        current=features_from_10(current),
        advertised=features_from_10(advertised),
        supported=features_from_10(supported),
        peer=features_from_10(peer),
    )


def encode_port(port: Port) -> bytes:
    """Write an ofp_phy_port; the speeds, which 1.0 does not know, are left out."""
    return _PORT.pack(
        port_to_10(port.number),
        port.hw_addr,
        text_field(port.name, _NAME_LENGTH),
        port.config,
        port.state & _ONLY_13,
        features_to_10(port.current),
        features_to_10(port.advertised),
        features_to_10(port.supported),
        features_to_10(port.peer),
    )
