"""Keys and certificates as an admin makes them with ovs-pki, and others that are wrong in one way each."""

from __future__ import annotations

from pathlib import Path

import attrs

from tests.support.certificates import Owned, read_owned
from tests.support.tools import require_tool
from tests.system.support.processes import run


@attrs.frozen
class Keys:
    """Three files: one's own key and certificate, and the authority of one's peers."""

    private_key: Path
    certificate: Path
    ca: Path

    @property
    def of_open_vswitch(self) -> list[str]:
        """As options of Open vSwitch's programs."""
        return [
            f"--private-key={self.private_key}",
            f"--certificate={self.certificate}",
            f"--ca-cert={self.ca}",
        ]

    @property
    def of_os_ken(self) -> list[str]:
        """As options of os-ken."""
        return [
            *("--ctl-privkey", str(self.private_key), "--ctl-cert", str(self.certificate)),
            *("--ca-certs", str(self.ca)),
        ]

    @property
    def of_flowvisor(self) -> dict[str, str]:
        """As the section `tls:` of its files."""
        return {name: str(path) for name, path in attrs.asdict(self).items()}


class Pki:
    """What `ovs-pki init` makes, with one certificate for a switch and one for a controller."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._run("init")
        for name, kind in (("sc", "switch"), ("ctl", "controller")):
            self._run("req+sign", name, kind)
        self.switch_ca = folder / "pki" / "switchca" / "cacert.pem"
        self.controller_ca = folder / "pki" / "controllerca" / "cacert.pem"
        self.switch = Keys(folder / "sc-privkey.pem", folder / "sc-cert.pem", self.controller_ca)
        self.controller = Keys(folder / "ctl-privkey.pem", folder / "ctl-cert.pem", self.switch_ca)

    def _run(self, *words: str) -> None:
        # It writes where it stands.
        command = 'cd "$1" && shift && exec "$@"'
        tool = [require_tool("ovs-pki"), f"--dir={self.folder / 'pki'}", f"--log={self.folder / 'pki.log'}"]
        run(["sh", "-c", command, "sh", str(self.folder), *tool, *words])

    def authority(self, kind: str) -> Owned:
        """The authority for `switch` or `controller`, so that more can be signed."""
        folder = self.folder / "pki" / f"{kind}ca"
        return read_owned(folder / "cacert.pem", folder / "private" / "cakey.pem")

    def keys(self, owned: Owned, name: str, *, ca: Path) -> Keys:
        """Write a certificate and its key to files."""
        key, certificate = self.folder / f"{name}-key.pem", self.folder / f"{name}-cert.pem"
        key.write_bytes(owned.key_pem)
        certificate.write_bytes(owned.certificate_pem)
        return Keys(key, certificate, ca)
