"""Who may join: whom the admin lists, with the certificate that the list names."""

from __future__ import annotations

from typing import Any

import pytest
from attrs import evolve

from flowvisor.connections.admission import Admission
from flowvisor.network.certificate_pin import CertificatePin, PeerCertificate
from flowvisor.network.wanted_datapath import WantedDatapath
from tests.support.world import configuration

DIGEST = "ab" * 32
LEAF = PeerCertificate(sha256=DIGEST, common_names=frozenset({"leaf"}), expires_at=0.0)
OTHER = PeerCertificate(sha256="00" * 32, common_names=frozenset({"other"}), expires_at=0.0)


def admission(**settings: Any) -> Admission:
    return Admission(evolve(configuration().settings, **settings))


def test_everybody_may_join_unless_said_otherwise() -> None:
    assert admission(datapaths={"leaf": 1}).refusal(99, None) is None


@pytest.mark.parametrize(("dpid", "refusal"), [(1, None), (2, "not-listed")])
def test_where_datapaths_are_listed_only_they_may(dpid: int, refusal: str | None) -> None:
    listed = admission(datapaths={"leaf": 1}, admission="listed")
    assert listed.refusal(dpid, LEAF) == refusal


@pytest.mark.parametrize("pin", [CertificatePin("cn", "leaf"), CertificatePin("sha256", DIGEST)])
@pytest.mark.parametrize(
    ("certificate", "refusal"), [(LEAF, None), (OTHER, "wrong-certificate"), (None, "no-certificate")]
)
def test_a_dpid_that_has_a_certificate_is_nobody_elses(
    pin: CertificatePin, certificate: PeerCertificate | None, refusal: str | None
) -> None:
    pinned = admission(certificates={1: (pin,)})
    assert pinned.refusal(1, certificate) == refusal
    assert pinned.refusal(2, certificate) is None


def test_any_of_several_certificates_will_do() -> None:
    pins = (CertificatePin("cn", "old"), CertificatePin("cn", "leaf"))
    assert admission(certificates={1: pins}).refusal(1, LEAF) is None


def test_one_that_is_not_to_be_let_in_is_not() -> None:
    one = admission(datapaths={"leaf-1": 1}, wanted={1: WantedDatapath(is_admitted=False)})
    assert one.refusal(1, None) == "not-admitted"
    assert one.refusal(2, None) is None
