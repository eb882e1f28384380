"""Network namespaces without names: each lives as long as one process, and takes its links with it."""

import ctypes
import fcntl
import os
import socket
import struct
import threading
from collections.abc import Iterable
from pathlib import Path

from tests.support.tools import require_tool
from tests.system.support.processes import Program, run, wait_until

CLONE_NEWNET = 0x40000000
SIOCETHTOOL, ETHTOOL_STXCSUM = 0x8946, 0x17


class Namespace:
    """One network namespace, apart from the machine's and from every other."""

    def __init__(self, folder: Path, name: str) -> None:
        self.name = name
        # Held by a sleeping process instead of a name under /run/netns: what is killed leaves nothing behind.
        self._holder = Program(
            [require_tool("unshare"), "--net", "sleep", "infinity"], log=folder / f"{name}.log"
        )
        wait_until(self._is_apart, what=f"namespace {name}", pause_seconds=0.005)
        self.inside = [require_tool("nsenter"), f"--net={self.path}", "--"]
        # IPv6 would fill the network with router solicitations that nobody asked for.
        for setting in ("all", "default"):
            self.run("sysctl", "-q", "-w", f"net.ipv6.conf.{setting}.disable_ipv6=1")
        self.ip("link set lo up")

    @property
    def pid(self) -> int:
        return self._holder.pid

    @property
    def path(self) -> str:
        return f"/proc/{self.pid}/ns/net"

    def _is_apart(self) -> bool:
        """Until `unshare` has run, the process still stands in the test's own namespace."""
        try:
            return os.readlink(self.path) != os.readlink("/proc/self/ns/net")
        except FileNotFoundError:
            return False

    def run(self, *argv: str) -> str:
        return run(argv, inside=self.inside)

    def ip(self, *commands: str) -> None:
        """Run these `ip` commands, in one process."""
        run([require_tool("ip"), "-batch", "-"], inside=self.inside, given="\n".join(commands))

    def socket(self, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """A socket that lives in this namespace, for the test's own process to use."""
        made: list[socket.socket] = []
        libc = ctypes.CDLL(None, use_errno=True)

        def enter_and_make() -> None:
            with open(self.path) as namespace:
                if libc.setns(namespace.fileno(), CLONE_NEWNET) == 0:
                    made.append(socket.socket(family, kind, protocol))

        # A thread of its own, which ends: only it has changed its namespace, and the socket keeps to that.
        thread = threading.Thread(target=enter_and_make)
        thread.start()
        thread.join()
        if not made:
            raise AssertionError(f"namespace {self.name} cannot be entered")
        return made[0]

    def write_all_checksums(self, interfaces: Iterable[str]) -> None:
        """Turn checksum offload off: a userspace switch has no hardware that would fill the sums in."""
        with self.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            for interface in interfaces:
                off = ctypes.create_string_buffer(struct.pack("II", ETHTOOL_STXCSUM, 0))
                request = struct.pack("16sP16x", interface.encode(), ctypes.addressof(off))
                fcntl.ioctl(control, SIOCETHTOOL, request)

    def close(self) -> None:
        self._holder.kill()
