"""What systemd is told of the service: that it is ready, is alive, or ends (sd_notify(3))."""

from __future__ import annotations

import os
import socket
from collections.abc import MutableMapping
from typing import Final

MICROSECONDS_PER_SECOND: Final = 1_000_000


class Systemd:
    """The manager that started us, if there is one; telling it anything never fails.

    `watchdog_seconds` is how often it must hear that we are alive, None if it does not ask. The variables by which
    it is found are taken out of the environment, so that no child believes to be meant.
    """

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        self._address = environment.pop("NOTIFY_SOCKET", "")
        microseconds = environment.pop("WATCHDOG_USEC", "")
        meant = environment.pop("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        self.watchdog_seconds = (
            int(microseconds) / MICROSECONDS_PER_SECOND if meant and microseconds.isdecimal() else None
        )

    def ready(self, status: str) -> None:
        """The service does what it is there for."""
        self._tell(f"READY=1\nSTATUS={status}")

    def alive(self) -> None:
        """The service is not stuck."""
        if self.watchdog_seconds is not None:
            self._tell("WATCHDOG=1")

    def stopping(self) -> None:
        """The service ends."""
        self._tell("STOPPING=1")

    def _tell(self, text: str) -> None:
        if not self._address:
            return
        # A name that begins with @ is in the abstract namespace, where its first byte is 0.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as plug:
                plug.setblocking(False)
                plug.sendto(text.encode(), address)
        except OSError:
            return  # who does not listen does not want to know
