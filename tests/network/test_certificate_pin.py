"""Which certificate is meant: by its fingerprint exactly one, by its name every one of that name."""

import pytest

from flowvisor.network.certificate_pin import CertificatePin, PeerCertificate, parse_certificate_pin

DIGEST = "0123456789abcdef" * 4
LEAF = PeerCertificate(sha256=DIGEST, common_names=frozenset({"sc id:4711"}), expires_at=0.0)


@pytest.mark.parametrize(
    "text",
    [f"sha256:{DIGEST}", f"sha256:{DIGEST.upper()}", "sha256:" + ":".join(["01:23:45:67:89:AB:CD:EF"] * 4)],
)
def test_a_fingerprint_is_read_as_any_tool_prints_it(text: str) -> None:
    pin = parse_certificate_pin(text)
    assert str(pin) == f"sha256:{DIGEST}"
    assert pin.is_exact


def test_a_common_name_may_hold_what_ovs_pki_puts_into_it() -> None:
    pin = parse_certificate_pin("cn:sc id:4711")
    assert pin == CertificatePin("cn", "sc id:4711")
    assert not pin.is_exact


@pytest.mark.parametrize(
    ("pin", "fits"),
    [
        (f"sha256:{DIGEST}", True),
        ("sha256:" + "00" * 32, False),
        ("cn:sc id:4711", True),
        ("cn:sc id", False),
        (f"cn:{DIGEST}", False),
    ],
)
def test_only_the_one_that_is_meant_fits(pin: str, fits: bool) -> None:
    assert parse_certificate_pin(pin).fits(LEAF) is fits


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("leaf", '"leaf" names no certificate; write sha256:FINGERPRINT or cn:NAME'),
        ("md5:00", "names no certificate"),
        ("sha256:00", "is not a SHA-256 fingerprint, which has 64 hexadecimal digits"),
        ("cn:", "is not a common name"),
        ("cn:" + 65 * "x", "is not a common name, which has 1 to 64 characters"),
    ],
)
def test_what_names_no_certificate_is_refused(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        parse_certificate_pin(text)
