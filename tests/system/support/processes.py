"""Programs that a test starts: none outlives it, and what each said is at hand when it fails."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.support.tools import require_tool
from tests.system.support.tools import PATH

ROOT = Path(__file__).parents[3]
LINES_SHOWN_OF_A_LOG = 40
STOP_SECONDS = 5.0


def wait_until(
    condition: Callable[[], object], *, what: str, timeout_seconds: float = 10.0, pause_seconds: float = 0.05
) -> float:
    """Poll until the condition holds and return how many seconds that took; fail saying what did not come."""
    begun = time.monotonic()
    while not condition():
        if time.monotonic() - begun > timeout_seconds:
            raise AssertionError(f"not within {timeout_seconds} s: {what}")
        time.sleep(pause_seconds)
    return time.monotonic() - begun


def resident_bytes(pid: int) -> int:
    """How much memory a process holds."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError(f"process {pid} has ended")


class Program:
    """One running program. Its output goes to a log; the kernel ends it should the test die first."""

    def __init__(
        self,
        argv: Sequence[str | Path],
        *,
        log: Path,
        inside: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.argv = [str(word) for word in argv]
        self.log = log
        # setpriv and nsenter exec what follows them: the process id stays the program's own.
        prefix = [require_tool("setpriv"), "--pdeathsig", "KILL", "--", *inside]
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [*prefix, *self.argv],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=ROOT,
                env={**os.environ, "PATH": PATH, **(environment or {})},
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    @property
    def said(self) -> str:
        """The end of its log, for messages."""
        lines = self.log.read_text(errors="replace").splitlines()
        return "\n".join([f"--- {self.argv[0]} said:", *lines[-LINES_SHOWN_OF_A_LOG:]])

    def wait_until(
        self, condition: Callable[[], object], *, what: str, timeout_seconds: float = 10.0
    ) -> float:
        """As the function, but gives up at once when the program has ended, and shows its log."""

        def held_or_ended() -> bool:
            return bool(condition()) or not self.is_running

        try:
            taken = wait_until(held_or_ended, what=what, timeout_seconds=timeout_seconds)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.said}") from None
        if not self.is_running:
            raise AssertionError(f"ended with {self._process.returncode} before: {what}\n{self.said}")
        return taken

    def kill(self) -> None:
        """End it as a crash would."""
        self._process.kill()
        self._process.wait()

    def stop(self, politely: signal.Signals = signal.SIGTERM) -> int:
        """End it with this signal and return its exit status; kill it if it does not listen."""
        if self.is_running:
            self._process.send_signal(politely)
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._process.wait()


def run(
    argv: Sequence[str | Path],
    *,
    inside: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    given: str = "",
    timeout_seconds: float = 30.0,
) -> str:
    """Run a command to its end and return what it printed; fail with its complaint."""
    words = [*inside, *(str(word) for word in argv)]
    done = subprocess.run(
        words,
        input=given,
        capture_output=True,
        text=True,
        timeout=timeout_seconds,
        env={**os.environ, "PATH": PATH, **(environment or {})},
        cwd=ROOT,
    )
    if done.returncode != 0:
        raise AssertionError(f"{' '.join(words)} ended with {done.returncode}:\n{done.stderr}{done.stdout}")
    return done.stdout


def python_module(name: str, *arguments: str | Path) -> list[str]:
    """A command line that runs a module of this checkout with this interpreter."""
    return [sys.executable, "-m", name, *(str(argument) for argument in arguments)]
