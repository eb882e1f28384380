"""Ethernet frames as they pass a host's interface: put there by hand, and seen by eye."""

import contextlib
import socket
import struct
from collections.abc import Iterator

from tests.system.support.namespaces import Namespace

ETH_P_ALL = 3
SO_RCVBUFFORCE = 33
SOL_PACKET, PACKET_AUXDATA, PACKET_OUTGOING = 263, 8, 4
TP_STATUS_VLAN_VALID, TP_STATUS_VLAN_TPID_VALID = 0x10, 0x40
# tpacket_auxdata: status, length, snapped length; mac, net, tag, tag's ethertype
AUXDATA = struct.Struct("IIIHHHH")
BUFFER_BYTES = 4 << 20


class Wire:
    """The end of a host's cable: everything that arrives there from now on, tags and all."""

    def __init__(self, namespace: Namespace, interface: str) -> None:
        self._socket = namespace.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER_BYTES)
        self._socket.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        self._socket.bind((interface, ETH_P_ALL))
        self._socket.setblocking(False)

    def send(self, frame: bytes) -> None:
        self._socket.send(frame)

    def arrived(self) -> list[bytes]:
        """What has come since the last call."""
        return list(self._arrivals())

    def _arrivals(self) -> Iterator[bytes]:
        with contextlib.suppress(BlockingIOError):
            while True:
                frame, ancillary, _, address = self._socket.recvmsg(65535, 256)
                if address[2] != PACKET_OUTGOING:
                    yield with_tag(frame, ancillary)

    def close(self) -> None:
        self._socket.close()


def with_tag(frame: bytes, ancillary: list[tuple[int, int, bytes]]) -> bytes:
    """The frame as it was on the wire: Linux takes the outer VLAN tag off and tells it apart."""
    for level, kind, value in ancillary:
        if (level, kind) == (SOL_PACKET, PACKET_AUXDATA):
            status, _, _, _, _, tag, ethertype = AUXDATA.unpack_from(value)
            if status & TP_STATUS_VLAN_VALID:
                tpid = ethertype if status & TP_STATUS_VLAN_TPID_VALID else 0x8100
                return frame[:12] + struct.pack("!HH", tpid, tag) + frame[12:]
    return frame
