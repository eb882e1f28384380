"""A learning switch on os-ken: python -m tests.system.support.learning_switch PORT 1.0|1.3 [OPTION…].

os-ken no longer ships an application or a command to run one, so this is both. It does what the well-known
simple_switch and simple_switch_13 do, and knows nothing of any hypervisor.
"""

import logging
import os
import sys
from collections import defaultdict
from typing import Any, ClassVar

from os_ken import cfg
from os_ken.base import app_manager
from os_ken.controller import ofp_event
from os_ken.controller.handler import CONFIG_DISPATCHER, MAIN_DISPATCHER, set_ev_cls
from os_ken.lib import hub
from os_ken.lib.mac import haddr_to_str
from os_ken.ofproto import ofproto_v1_0, ofproto_v1_3

WIRE_VERSIONS = {"1.0": ofproto_v1_0.OFP_VERSION, "1.3": ofproto_v1_3.OFP_VERSION}
LLDP = b"\x88\xcc"


class LearningSwitch(app_manager.OSKenApp):  # type: ignore[misc]
    OFP_VERSIONS: ClassVar = [WIRE_VERSIONS[os.environ.get("LEARNING_SWITCH_VERSION", "1.3")]]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.ports: dict[int, dict[bytes, int]] = defaultdict(dict)

    @set_ev_cls(ofp_event.EventOFPSwitchFeatures, CONFIG_DISPATCHER)
    def datapath_joined(self, event: Any) -> None:
        datapath = event.msg.datapath
        if datapath.ofproto.OFP_VERSION > ofproto_v1_0.OFP_VERSION:
            ofproto = datapath.ofproto
            miss = datapath.ofproto_parser.OFPActionOutput(ofproto.OFPP_CONTROLLER, ofproto.OFPCML_NO_BUFFER)
            self.add_flow(datapath, priority=0, match={}, action=miss)

    @set_ev_cls(ofp_event.EventOFPPacketIn, MAIN_DISPATCHER)
    def packet_came(self, event: Any) -> None:
        message, datapath = event.msg, event.msg.datapath
        is_first_version = datapath.ofproto.OFP_VERSION == ofproto_v1_0.OFP_VERSION
        in_port = message.in_port if is_first_version else message.match["in_port"]
        packet = message.data
        if packet[12:14] == LLDP:
            return
        destination, source = packet[:6], packet[6:12]
        known = self.ports[datapath.id]
        known[source] = in_port
        out_port = known.get(destination, datapath.ofproto.OFPP_FLOOD)
        action = datapath.ofproto_parser.OFPActionOutput(out_port)
        if out_port != datapath.ofproto.OFPP_FLOOD:
            if is_first_version:
                match = {"in_port": in_port, "dl_dst": destination, "dl_src": source}
            else:
                match = {
                    "in_port": in_port,
                    "eth_dst": haddr_to_str(destination),
                    "eth_src": haddr_to_str(source),
                }
            self.add_flow(datapath, priority=1, match=match, action=action)
        self.send_packet(datapath, message=message, in_port=in_port, action=action)

    def send_packet(self, datapath: Any, *, message: Any, in_port: int, action: Any) -> None:
        unbuffered = message.buffer_id == datapath.ofproto.OFP_NO_BUFFER
        out = datapath.ofproto_parser.OFPPacketOut(
            datapath=datapath,
            buffer_id=message.buffer_id,
            in_port=in_port,
            actions=[action],
            data=message.data if unbuffered else None,
        )
        datapath.send_msg(out)

    def add_flow(self, datapath: Any, *, priority: int, match: dict[str, Any], action: Any) -> None:
        ofproto, parser = datapath.ofproto, datapath.ofproto_parser
        what: dict[str, Any] = {"actions": [action]}
        if ofproto.OFP_VERSION > ofproto_v1_0.OFP_VERSION:
            what = {"instructions": [parser.OFPInstructionActions(ofproto.OFPIT_APPLY_ACTIONS, [action])]}
        flow = parser.OFPFlowMod(
            datapath=datapath,
            priority=priority,
            match=parser.OFPMatch(**match),
            command=ofproto.OFPFC_ADD,
            **what,
        )
        datapath.send_msg(flow)


def main() -> None:
    port, os.environ["LEARNING_SWITCH_VERSION"] = sys.argv[1:3]
    logging.basicConfig(level=logging.WARNING)
    hub.patch()
    # Here it is Exception: an application that raises would end without a word.
    hub.TaskExit = SystemExit
    # Started as a script this module has another name; os-ken imports it by the one given here.
    application = "tests.system.support.learning_switch"
    app_manager.AppManager.get_instance()
    import os_ken.controller.controller  # noqa: F401 - it declares the options that are set below

    listen = ["--ofp-tcp-listen-port", port, "--ofp-ssl-listen-port", port]  # which of them, its keys say
    arguments = ["--ofp-listen-host", "127.0.0.1", *listen, *sys.argv[3:]]
    cfg.CONF(args=arguments, project="os_ken")
    app_manager.AppManager.run_apps([application])


if __name__ == "__main__":
    main()
