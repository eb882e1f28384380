"""ovs-ofctl as a tenant runs it: it dials a virtual switch that is listened on for it."""

import subprocess
from pathlib import Path

import attrs

from tests.support.tools import require_tool
from tests.system.support.namespaces import Namespace
from tests.system.support.processes import Program, run


@attrs.frozen
class Ofctl:
    """One tenant's way to one virtual switch, in one version."""

    target: str
    version: str
    namespace: Namespace
    folder: Path  # of its control socket, while it monitors
    options: tuple[str, ...] = ()

    def argv(self, command: str, *words: str) -> list[str]:
        protocols = f"OpenFlow{self.version.replace('.', '')}"
        return [require_tool("ovs-ofctl"), "-O", protocols, *self.options, command, self.target, *words]

    def __call__(self, command: str, *words: str) -> str:
        """What it prints; fails if it does."""
        return run(self.argv(command, *words), inside=self.namespace.inside, environment=self.environment)

    def refused(self, command: str, *words: str) -> str:
        """What it says when the switch refuses, which it tells in its output or by its status."""
        done = subprocess.run(
            [*self.namespace.inside, *self.argv(command, *words)],
            capture_output=True,
            text=True,
            timeout=30,
        )
        said = done.stdout + done.stderr
        if done.returncode == 0 and "OFPT_ERROR" not in said:
            raise AssertionError(f"{command} {' '.join(words)} was not refused:\n{said}")
        return said

    @property
    def environment(self) -> dict[str, str]:
        return {"OVS_RUNDIR": str(self.folder)}

    def flows(self) -> list[str]:
        """The flow entries, a line each, without what changes with time."""
        lines = self("dump-flows").splitlines()
        return sorted(line.split(", ", 5)[-1].strip() for line in lines if "actions=" in line)

    def monitor(self, log: Path, *words: str) -> Program:
        """Everything that the switch says, into a log, until it is stopped."""
        argv = self.argv("monitor", *words)
        return Program(argv, log=log, inside=self.namespace.inside, environment=self.environment)
