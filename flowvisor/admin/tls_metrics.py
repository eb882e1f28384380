"""Metrics of TLS: when certificates end, ours and those of connected peers, and whether ours could be read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from prometheus_client.metrics_core import Metric

from flowvisor.admin.families import gauge
from flowvisor.connections.connections import Connections

OWN: Final = "own"  # the role of our certificates; those of peers have their sides


def tls_metrics(connections: Connections) -> Iterator[Metric]:
    """All families, as things are now."""
    expiries: dict[tuple[str, str], float] = {}
    for name, credentials in connections.keyring.by_name.items():
        expiries[OWN, name] = credentials.identity.expires_at
    for protocol in connections.by_peer.values():
        if protocol.certificate is not None:
            key = (
                protocol.side,
                protocol.label(),
            )  # controllers of one line share it: the first to end counts
            expires_at = protocol.certificate.expires_at
            expiries[key] = min(expires_at, expiries.get(key, expires_at))
    yield gauge(
        "tls_certificate_expiry_timestamp_seconds",
        "When a certificate ends: our own, or one that a connected peer has shown.",
        "role name",
        expiries.items(),
    )
    yield gauge(
        "tls_last_reload_successful",
        "Whether our keys and certificates were good when they were last read.",
        "name",
        (((name,), float(good)) for name, good in connections.keyring.are_good.items()),
    )
