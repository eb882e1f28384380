"""What POX's openflow.discovery says and hears, played on os-ken: python -m tests.system.support.pox_discovery PORT.

POX is on no package index. This sends the packets that it sends (LLDP to its own multicast address, chassis "dpid:…",
port number in decimal), in its way (OpenFlow 1.0, one after the other, all within a cycle), installs its entry
first, and believes what it believes. The links that it knows are written to standard output when they are others.
"""

import json
import logging
import struct
import sys
import time
from typing import Any, ClassVar

from os_ken import cfg
from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import DEAD_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib import hub
from os_ken.ofproto import ofproto_v1_0

MULTICAST = bytes.fromhex("012320000001")
LLDP_TYPE = 0x88CC
PRIORITY = 65000
CYCLE_SECONDS, TIMEOUT_SECONDS = 5.0, 10.0
CHASSIS, PORT, TTL, DESCRIPTION, END = 1, 2, 3, 6, 0
LOCAL_CHASSIS, PORT_COMPONENT = b"\x07", b"\x02"


def tlv(kind: int, value: bytes = b"") -> bytes:
    return struct.pack("!H", kind << 9 | len(value)) + value


def discovery_packet(dpid: int, port: int, hw_addr: bytes) -> bytes:
    name = f"dpid:{dpid:x}".encode()
    tlvs = [
        tlv(CHASSIS, LOCAL_CHASSIS + name),
        tlv(PORT, PORT_COMPONENT + str(port).encode()),
        tlv(TTL, struct.pack("!H", 120)),
        tlv(DESCRIPTION, name),
        tlv(END),
    ]
    return MULTICAST + hw_addr + struct.pack("!H", LLDP_TYPE) + b"".join(tlvs)


def sender_of(packet: bytes) -> tuple[int, int] | None:
    """The dpid and port that such a packet tells, None if it is none."""
    if packet[:6] != MULTICAST or packet[12:14] != LLDP_TYPE.to_bytes(2, "big"):
        return None
    found, at = {}, 14
    while at + 2 <= len(packet):
        (head,) = struct.unpack_from("!H", packet, at)
        found[head >> 9] = packet[at + 2 : at + 2 + (head & 0x1FF)]
        at += 2 + (head & 0x1FF)
    return int(found[DESCRIPTION].decode().removeprefix("dpid:"), 16), int(found[PORT][1:])


class Discovery(app_manager.OSKenApp):  # type: ignore[misc]
    OFP_VERSIONS: ClassVar = [ofproto_v1_0.OFP_VERSION]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.datapaths: dict[int, Any] = {}
        self.links: dict[tuple[int, int, int, int], float] = {}
        self.threads.append(hub.spawn(self.send_in_turn))

    @set_ev_cls(ofp_event.EventOFPStateChange, [MAIN_DISPATCHER, DEAD_DISPATCHER])
    def connection_changed(self, event: Any) -> None:
        datapath = event.datapath
        if event.state == DEAD_DISPATCHER:
            self.datapaths.pop(datapath.id, None)
            return
        self.datapaths[datapath.id] = datapath
        parser, ofproto = datapath.ofproto_parser, datapath.ofproto
        match = parser.OFPMatch(dl_type=LLDP_TYPE, dl_dst=MULTICAST)
        entry = parser.OFPFlowMod(
            datapath=datapath,
            match=match,
            cookie=0,
            command=ofproto.OFPFC_ADD,
            priority=PRIORITY,
            actions=[parser.OFPActionOutput(ofproto.OFPP_CONTROLLER)],
        )
        datapath.send_msg(entry)

    def send_in_turn(self) -> None:
        while True:
            ends = [(one, port) for one in self.datapaths.values() for port in one.ports.values()]
            for datapath, port in ends:
                if port.port_no < datapath.ofproto.OFPP_MAX:
                    self.send(datapath, port)
                    hub.sleep(CYCLE_SECONDS / len(ends))
            hub.sleep(0.1)
            self.forget_old_links()

    def send(self, datapath: Any, port: Any) -> None:
        parser, ofproto = datapath.ofproto_parser, datapath.ofproto
        hw_addr = bytes.fromhex(port.hw_addr.replace(":", ""))
        out = parser.OFPPacketOut(
            datapath=datapath,
            buffer_id=ofproto.OFP_NO_BUFFER,
            in_port=ofproto.OFPP_CONTROLLER,
            actions=[parser.OFPActionOutput(port.port_no)],
            data=discovery_packet(datapath.id, port.port_no, hw_addr),
        )
        datapath.send_msg(out)

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def packet_came(self, event: Any) -> None:
        message = event.msg
        sender = sender_of(message.data)
        if sender is None or sender[0] not in self.datapaths:
            return
        link = (*sender, message.datapath.id, message.in_port)
        is_new = link not in self.links
        self.links[link] = time.monotonic()
        if is_new:
            self.tell()

    def forget_old_links(self) -> None:
        since = time.monotonic() - TIMEOUT_SECONDS
        old = [link for link, seen_at in self.links.items() if seen_at < since]
        for link in old:
            del self.links[link]
        if old:
            self.tell()

    def tell(self) -> None:
        print("links", json.dumps(sorted(self.links)), flush=True)


def main() -> None:
    logging.basicConfig(level=logging.WARNING)
    hub.patch()
    hub.TaskExit = SystemExit  # here it is Exception: an application that raises would end without a word
    app_manager.AppManager.get_instance()
    import os_ken.controller.controller  # noqa: F401 - it declares the options that are set below

    arguments = ["--ofp-listen-host", "127.0.0.1", "--ofp-tcp-listen-port", sys.argv[1]]
    cfg.CONF(args=arguments, project="os_ken")
    app_manager.AppManager.run_apps(["tests.system.support.pox_discovery"])


if __name__ == "__main__":
    main()
