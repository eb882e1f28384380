"""A desk behind a real socket of this machine, for clients that know nothing else; it runs in a thread of its own."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from tests.support.admin import Desk


@contextmanager
def served(desk: Desk) -> Iterator[str]:
    """The URL of a desk, as long as the block lasts; one connection is served at a time."""
    listening = socket.create_server(("127.0.0.1", 0))
    listening.settimeout(0.05)
    is_over = threading.Event()
    thread = threading.Thread(target=_serve, args=(desk, listening, is_over), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        is_over.set()
        thread.join(5)
        listening.close()


def _serve(desk: Desk, listening: socket.socket, is_over: threading.Event) -> None:
    while not is_over.is_set():
        try:
            connection, _ = listening.accept()
        except TimeoutError:
            continue
        with connection:
            _converse(desk, connection, is_over)


def _converse(desk: Desk, connection: socket.socket, is_over: threading.Event) -> None:
    connection.settimeout(0.02)
    line = desk.line()
    while not is_over.is_set() and not line.transport.disconnecting:
        try:
            data = connection.recv(65536)
        except TimeoutError:
            data = None
        if data == b"":
            break
        if data:
            line.write(data)
        desk.shell.reactor.advance(0.02)
        desk.shell.settle()
        connection.sendall(line.take())
    line.hang_up()
