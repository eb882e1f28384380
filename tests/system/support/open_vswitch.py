"""A private Open vSwitch: own database, own daemons, own namespace, and no kernel module."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tests.support.tools import require_tool
from tests.system.support.namespaces import Namespace
from tests.system.support.processes import Program, run
from tests.system.support.tools import leave_out

SCHEMAS = (
    Path("/usr/share/openvswitch/vswitch.ovsschema"),
    Path("/usr/local/share/openvswitch/vswitch.ovsschema"),
)


class OpenVSwitch:
    """ovsdb-server and ovs-vswitchd with everything that they write in one folder."""

    def __init__(self, folder: Path, namespace: Namespace) -> None:
        self._folder = folder
        self._environment = {
            f"OVS_{name}": str(folder) for name in ("RUNDIR", "LOGDIR", "DBDIR", "SYSCONFDIR")
        }
        self._vsctl, self._ofctl = require_tool("ovs-vsctl"), require_tool("ovs-ofctl")
        schema = next((path for path in SCHEMAS if path.exists()), None)
        if schema is None:
            leave_out("Open vSwitch's database schema is not installed")
        database, remote = folder / "conf.db", folder / "db.sock"
        run([require_tool("ovsdb-tool"), "create", database, str(schema)], environment=self._environment)
        self.database = Program(
            [require_tool("ovsdb-server"), database, f"--remote=punix:{remote}", "--pidfile"],
            log=folder / "ovsdb-server.log",
            environment=self._environment,
        )
        self.database.wait_until(remote.exists, what="the socket of ovsdb-server")
        # A packet that nobody was there to be asked about leaves a drop in the datapath's cache, for as long
        # as more of its kind come within this time (10 s unless told): no test can wait for that.
        self.vsctl("--no-wait", "init", "--", "set", "open_vswitch", ".", "other_config:max-idle=100")
        # --disable-system: no kernel datapath is looked for, nor could one be hit by mistake.
        self.daemon = Program(
            [require_tool("ovs-vswitchd"), f"unix:{remote}", "--disable-system", "--pidfile"],
            log=folder / "ovs-vswitchd.log",
            inside=namespace.inside,
            environment=self._environment,
        )
        # Answers when the daemon has taken up the database.
        self.vsctl("show")

    def vsctl(self, *words: str) -> str:
        return run(
            [self._vsctl, f"--db=unix:{self._folder / 'db.sock'}", "--timeout=20", *words],
            environment=self._environment,
        )

    def ofctl(self, command: str, bridge: str, *words: str, version: str) -> str:
        """ovs-ofctl at the bridge's own management socket, past every controller."""
        protocols = f"OpenFlow{version.replace('.', '')}"
        target = f"unix:{self._folder / bridge}.mgmt"
        return run([self._ofctl, "-O", protocols, command, target, *words], environment=self._environment)

    def appctl(self, *words: str) -> str:
        """ovs-appctl at the daemon."""
        return run([require_tool("ovs-appctl"), *words], environment=self._environment)

    def flows(self, bridge: str, *, version: str, table: int | None = None) -> list[str]:
        """The flow entries of a bridge, a line each, without counters."""
        where = [] if table is None else [f"table={table}"]
        printed = self.ofctl("dump-flows", bridge, *where, version=version)
        return [line.strip() for line in printed.splitlines() if "actions=" in line]

    def is_connected(self, bridges: Iterable[str]) -> bool:
        """Whether every controller of every one of the bridges is connected, and there is one."""
        targets = [self.vsctl("get", "bridge", bridge, "controller").strip("[] \n") for bridge in bridges]
        if not all(targets):
            return False
        controllers = [identity for target in targets for identity in target.split(", ")]
        return all(self.vsctl("get", "controller", each, "is_connected") == "true\n" for each in controllers)

    def add_bridge(
        self,
        name: str,
        *,
        dpid: int,
        versions: Sequence[str],
        controller: str,
        ports: Mapping[int, str],
        settings: Sequence[str] = (),
    ) -> None:
        """Make a bridge that forwards nothing by itself, and connect it; `ports` names their interfaces.

        Further `settings` are columns of the bridge's, "column:key=value".
        """
        protocols = ",".join(f"OpenFlow{version.replace('.', '')}" for version in versions)
        settings = [
            *settings,
            *("datapath_type=netdev", "fail_mode=secure", f"protocols={protocols}"),
            *(f"other_config:datapath-id={dpid:016x}", "other_config:disable-in-band=true"),
        ]
        words = ["add-br", name, "--", "set", "bridge", name, *settings]
        for port, interface in ports.items():
            words += ["--", "add-port", name, interface]
            words += ["--", "set", "interface", interface, f"ofport_request={port}"]
        words += ["--", "set-controller", name, controller]
        # Quick to come back after an interruption, slow to suspect one while a busy machine is testing.
        words += ["--", "set", "controller", name, "max_backoff=1000", "inactivity_probe=10000"]
        self.vsctl(*words)

    def delete_bridge(self, name: str) -> None:
        self.vsctl("del-br", name)

    def close(self) -> None:
        self.daemon.stop()
        self.database.stop()
