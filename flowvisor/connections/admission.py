"""Which datapaths are let in: those that the admin has listed, with the certificates that they have to show."""

from __future__ import annotations

from flowvisor.configuration.snapshot import LISTED, Settings
from flowvisor.network.certificate_pin import PeerCertificate


class Admission:
    """What the main file says about datapaths that come."""

    def __init__(self, settings: Settings) -> None:
        self._dpids = frozenset(settings.datapaths.values()) if settings.admission == LISTED else None
        self._certificates = settings.certificates
        self._shut_out = {dpid for dpid, wanted in settings.wanted.items() if not wanted.is_admitted}
        self.max_half_open_per_address = settings.max_half_open_per_address

    def refusal(self, dpid: int, certificate: PeerCertificate | None) -> str | None:
        """Why a datapath that has shown this certificate, or none, may not be this one; None if it may."""
        if self._dpids is not None and dpid not in self._dpids:
            return "not-listed"
        if dpid in self._shut_out:
            return "not-admitted"
        pins = self._certificates.get(dpid)
        if not pins:
            return None
        if certificate is None:
            return "no-certificate"
        return None if any(pin.fits(certificate) for pin in pins) else "wrong-certificate"
