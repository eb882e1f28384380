"""What a hop through Twisted costs at the least: bytes copied, no frame looked at.

python -m tests.bench.forwarder LISTEN_PORT CONTROLLER_PORT
"""

import sys

from twisted.internet import reactor
from twisted.internet.endpoints import TCP4ClientEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure


class Half(Protocol):
    """One end; what it receives the other writes."""

    other: "Half | None" = None

    def connectionMade(self) -> None:
        self.transport.setTcpNoDelay(True)

    def join(self, other: "Half") -> None:
        self.other, other.other = other, self
        # Back-pressure: whoever cannot write stops the other one's reading.
        self.transport.registerProducer(other.transport, True)
        other.transport.registerProducer(self.transport, True)

    def dataReceived(self, data: bytes) -> None:
        self.other.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        if self.other is not None:
            self.other.transport.loseConnection()
            self.transport.unregisterProducer()


class Dialling(Half):
    """The end towards the switch: nothing is read before the controller is there."""

    def connectionMade(self) -> None:
        super().connectionMade()
        self.transport.pauseProducing()
        controller = TCP4ClientEndpoint(reactor, "127.0.0.1", int(sys.argv[2]))
        dialled = controller.connect(Factory.forProtocol(Half))
        dialled.addCallbacks(self.dialled, lambda failure: self.transport.loseConnection())

    def dialled(self, other: Half) -> None:
        self.join(other)
        self.transport.resumeProducing()


def main() -> None:
    reactor.listenTCP(int(sys.argv[1]), Factory.forProtocol(Dialling), backlog=1024, interface="127.0.0.1")
    reactor.run()


if __name__ == "__main__":
    main()
