"""An emulated network on sockets: python -m tests.system.support.emulated FLOWVISOR_PORT CONTROLLER_PORT...

Three datapaths in a row, 1 to 3, each with two hosts' ports; a learning switch listens at each controller's port, and
every half second a host at each of two datapaths sends a packet to the other.
"""

import sys
from typing import Any

from twisted.internet.task import LoopingCall

from flowvisor.emulation.datapath import EmulatedDatapath
from flowvisor.emulation.hosts import Host
from flowvisor.emulation.network import Network
from flowvisor.emulation.shell import LearningController, RunningNetwork

HOST = "127.0.0.1"
PORTS = (1, 2, 3, 4)  # hosts at 1 and 2, cables at 3 and 4


def main(flowvisor: int, controllers: list[int]) -> None:
    from twisted.internet import reactor as running_reactor

    reactor: Any = running_reactor
    network = Network()
    for dpid in (1, 2, 3):
        network.add(EmulatedDatapath(dpid, 4, ports=PORTS))
    network.link((1, 4), (2, 3))
    network.link((2, 4), (3, 3))
    hosts = [Host(f"host-{dpid}", 0x020000000000 + dpid, 0x0A000000 + dpid) for dpid in (1, 3)]
    for host, dpid in zip(hosts, (1, 3), strict=True):
        network.attach(host, dpid, 1)
    for port in controllers:
        LearningController(reactor, frozenset({1, 4})).listen(HOST, port)
    running = RunningNetwork(reactor, network)
    running.start()
    for dpid in network.datapaths:
        running.connect(dpid, HOST, flowvisor)

    def talk() -> None:
        for one, other in (hosts, reversed(hosts)):
            running.send(
                one, [other.mac.to_bytes(6, "big") + one.mac.to_bytes(6, "big") + b"\x88\xb5" + bytes(50)]
            )

    LoopingCall(talk).start(0.5, now=False)
    reactor.run()


if __name__ == "__main__":
    main(int(sys.argv[1]), [int(port) for port in sys.argv[2:]])
