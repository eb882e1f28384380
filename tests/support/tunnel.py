"""TLS as the far end of a connection speaks it, in memory."""

from __future__ import annotations

from OpenSSL import SSL


class Tunnel:
    """Bytes to send become bytes for the wire, bytes from the wire become what was meant."""

    def __init__(self, context: SSL.Context, *, dials: bool) -> None:
        self.connection = SSL.Connection(context, None)
        self.error: SSL.Error | None = None
        self.was_closed_cleanly = False  # by the other side, with close_notify
        self._unsent = b""
        if dials:
            self.connection.set_connect_state()
        else:
            self.connection.set_accept_state()

    def send(self, data: bytes) -> bytes:
        """What goes out now."""
        self._unsent += data
        try:
            self.connection.do_handshake()
            while self._unsent:
                sent = self.connection.send(self._unsent[:16384])
                self._unsent = self._unsent[sent:]
        except SSL.WantReadError:
            pass
        except SSL.Error as error:
            self.error = self.error or error
        return self._for_the_wire()

    def receive(self, data: bytes) -> bytes:
        """What has come in, so far as it is whole."""
        if data:
            self.connection.bio_write(data)
        received = b""
        try:
            self.connection.do_handshake()
            while True:
                received += self.connection.recv(65536)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self.was_closed_cleanly = True
            self.connection.shutdown()
        except SSL.Error as error:
            self.error = self.error or error
        return received

    def _for_the_wire(self) -> bytes:
        wire = b""
        try:
            while True:
                wire += self.connection.bio_read(65536)
        except SSL.Error:  # there is no more
            return wire
