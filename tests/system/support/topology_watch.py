"""os-ken's own topology application, watched: python -m tests.system.support.topology_watch PORT 1.0|1.3.

The application is os_ken.topology.switches as it comes, told to look for links. What is added here writes the links
that it knows to standard output whenever they are others.
"""

import json
import logging
import os
import sys
from typing import Any, ClassVar

from os_ken import cfg
from os_ken.base import app_manager
from os_ken.controller.handler import set_ev_cls
from os_ken.lib import hub
from os_ken.ofproto import ofproto_v1_0, ofproto_v1_3
from os_ken.topology import event

WIRE_VERSIONS = {"1.0": ofproto_v1_0.OFP_VERSION, "1.3": ofproto_v1_3.OFP_VERSION}


class Watch(app_manager.OSKenApp):  # type: ignore[misc]
    OFP_VERSIONS: ClassVar = [WIRE_VERSIONS[os.environ.get("TOPOLOGY_WATCH_VERSION", "1.3")]]

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.links: set[tuple[int, int, int, int]] = set()

    @set_ev_cls(event.EventLinkAdd)
    def link_added(self, added: Any) -> None:
        self.links.add(ends_of(added.link))
        self.tell()

    @set_ev_cls(event.EventLinkDelete)
    def link_deleted(self, deleted: Any) -> None:
        self.links.discard(ends_of(deleted.link))
        self.tell()

    def tell(self) -> None:
        print("links", json.dumps(sorted(self.links)), flush=True)


def ends_of(link: Any) -> tuple[int, int, int, int]:
    return link.src.dpid, link.src.port_no, link.dst.dpid, link.dst.port_no


def main() -> None:
    port, os.environ["TOPOLOGY_WATCH_VERSION"] = sys.argv[1:3]
    logging.basicConfig(level=logging.WARNING)
    hub.patch()
    app_manager.AppManager.get_instance()
    # These declare the options that are set below.
    import os_ken.controller.controller
    import os_ken.topology.switches  # noqa: F401

    arguments = ["--ofp-listen-host", "127.0.0.1", "--ofp-tcp-listen-port", port, "--observe-links"]
    cfg.CONF(args=arguments, project="os_ken")
    app_manager.AppManager.run_apps(["os_ken.topology.switches", "tests.system.support.topology_watch"])


if __name__ == "__main__":
    main()
