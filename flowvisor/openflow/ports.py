"""Ports: the reserved numbers, and the description of a port, numbered as in OpenFlow 1.3 (section 7.2.1)."""

from __future__ import annotations

from typing import Final

from attrs import frozen

MAX_PORT: Final = 0xFFFFFF00
IN_PORT: Final = 0xFFFFFFF8
TABLE: Final = 0xFFFFFFF9
NORMAL: Final = 0xFFFFFFFA
FLOOD: Final = 0xFFFFFFFB
ALL: Final = 0xFFFFFFFC
CONTROLLER: Final = 0xFFFFFFFD
LOCAL: Final = 0xFFFFFFFE
ANY: Final = 0xFFFFFFFF  # 1.0's OFPP_NONE

# Port config bits; 1.3 has no STP bits and no NO_FLOOD, their places are free there.
PORT_DOWN: Final = 1 << 0
NO_STP: Final = 1 << 1
NO_RECV: Final = 1 << 2
NO_RECV_STP: Final = 1 << 3
NO_FLOOD: Final = 1 << 4
NO_FWD: Final = 1 << 5
NO_PACKET_IN: Final = 1 << 6

# Port state bits; 1.0 keeps the STP state in bits 8 and 9 instead of BLOCKED and LIVE.
LINK_DOWN: Final = 1 << 0
BLOCKED: Final = 1 << 1
LIVE: Final = 1 << 2


@frozen
class Port:
    """What a datapath says of a port. Feature bits are 1.3's; `hw_addr` is 6 bytes; speeds are in kbit/s."""

    number: int
    hw_addr: bytes = bytes(6)
    name: str = ""
    config: int = 0
    state: int = 0
    current: int = 0
    advertised: int = 0
    supported: int = 0
    peer: int = 0
    current_speed: int = 0
    max_speed: int = 0
