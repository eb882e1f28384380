"""What physically exists: datapaths and the links between them, and how peers are reached.

* `dpid`: datapath ids as people write them
* `topology`: the links between their ports
* `discovery`: how links are found
* `neighbours`: what ARP and neighbour discovery ask, and the answers
* `connection_method`: where to listen and whom to call, as Open vSwitch writes it
* `tls_files`, `certificate_pin`: what encrypted connections are made with, and which certificate is whose
"""

from __future__ import annotations

from flowvisor.network.connection_method import ConnectionMethod, parse_connection_method
from flowvisor.network.dpid import format_dpid, parse_dpid

__all__ = ["ConnectionMethod", "format_dpid", "parse_connection_method", "parse_dpid"]
