"""TLS: both sides show a certificate, always; what became of a handshake is told in one of a few words."""

# Strategy: OpenSSL verifies the chain. No host name is compared: certificates of ovs-pki have names like
# "sc id:UUID", and what a peer is called is the admin's word anyway, by pins. Of the chain's rules we except one:
# a certificate that nobody has signed but itself is let in if the admin has named its very fingerprint.
#
# Sessions are not resumed: a resumed one would not be verified again, and so outlive a change of the files.

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from cryptography.x509 import InvalidVersion
from OpenSSL import SSL
from OpenSSL.crypto import X509
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator
from twisted.internet.ssl import Certificate, CertificateOptions, TLSVersion, trustRootFromCertificates
from twisted.protocols.tls import TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer

from flowvisor.configuration.tls_kinds import TlsKind
from flowvisor.connections.certificates import Identity, described, read_identity, said_by
from flowvisor.network.certificate_pin import PeerCertificate

# X509_V_ERR_ numbers of OpenSSL's x509_vfy.h.
_SELF_SIGNED: Final = 18
_VERIFY_REASONS: Final = {
    **dict.fromkeys((2, 18, 19, 20, 21), "tls-unknown-ca"),
    9: "tls-not-yet-valid",
    10: "tls-expired",
}
# What OpenSSL says, by a part of it; the first that fits.
_WORDS: Final = (
    ("certificate verify failed", "tls-bad-certificate"),
    ("did not return a certificate", "tls-no-certificate"),
    ("alert protocol version", "tls-version"),
    ("alert", "tls-refused-by-peer"),
    ("unsupported protocol", "tls-version"),
    ("http request", "no-tls"),
    ("wrong version number", "no-tls"),
    ("packet length too long", "no-tls"),
    ("record layer failure", "no-tls"),
    ("unknown protocol", "no-tls"),
)
OTHER: Final = "tls-failed"


class Session(SSL.Connection):
    """One connection, and what OpenSSL has told of its handshake."""

    is_established = False
    refusal: str | None = None  # why the peer's certificate was refused


@implementer(IOpenSSLClientConnectionCreator, IOpenSSLServerConnectionCreator)
class Credentials:
    """What new TLS connections are made with; those that are up keep what they were made with.

    Raises ConfigurationError if the files are not good.
    """

    def __init__(self, kind: TlsKind) -> None:
        self.files = kind.files
        self._asks = kind.asks_for_certificates
        self._approved = frozenset(pin.value for pin in kind.pins if pin.is_exact)
        self.identity, self._context = self._read()

    def read_again(self) -> None:
        """Take what the files hold now; raises ConfigurationError and keeps what was, if that is not good."""
        self.identity, self._context = self._read()

    def clientConnectionForTLS(self, tlsProtocol: object) -> SSL.Connection:  # noqa: N803
        """Twisted's: we have dialled."""
        return self.connection()

    def serverConnectionForTLS(self, tlsProtocol: object) -> SSL.Connection:  # noqa: N803
        """Twisted's: somebody has dialled us."""
        return self.connection()

    def connection(self) -> Session:
        """A new one, made with what the files held when they were last read."""
        return Session(self._context, None)

    def _read(self) -> tuple[Identity, SSL.Context]:
        identity = read_identity(self.files)
        return identity, self._make_context(identity)

    def _make_context(self, identity: Identity) -> SSL.Context:
        trusted = [Certificate(X509.from_cryptography(one)) for one in identity.authorities]
        # Annotated for pyOpenSSL's own classes; it has deprecated them, and takes these.
        certificate: Any = identity.certificate
        chain: list[Any] = list(identity.chain)
        options = CertificateOptions(
            privateKey=identity.private_key,
            certificate=certificate,
            extraCertChain=chain,
            trustRoot=trustRootFromCertificates(trusted),
            raiseMinimumTo=TLSVersion.TLSv1_2,
        )
        context = options.getContext()
        if self._asks:
            context.set_verify(SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT, self._verified)
        else:
            context.set_verify(SSL.VERIFY_NONE, None)
        context.set_info_callback(_told)
        for authority in identity.authorities:  # so that a peer with several certificates knows which to show
            context.add_client_ca(authority)
        return context

    def _verified(self, connection: SSL.Connection, shown: X509, error: int, depth: int, ok: int) -> bool:
        if ok:
            return True
        if depth == 0 and error == _SELF_SIGNED and _digest(shown) in self._approved:
            return True
        assert isinstance(connection, Session)
        connection.refusal = _VERIFY_REASONS.get(error, "tls-bad-certificate")
        return False


@implementer(IOpenSSLServerConnectionCreator)
class Latest:
    """Whatever credentials count when somebody dials; without any, those that counted last."""

    def __init__(self, credentials: Credentials, current: Callable[[], Credentials | None]) -> None:
        self._credentials = credentials
        self._current = current

    def serverConnectionForTLS(self, tlsProtocol: object) -> SSL.Connection:  # noqa: N803
        """Twisted's."""
        self._credentials = self._current() or self._credentials
        return self._credentials.connection()


def _told(connection: SSL.Connection, where: int, value: int) -> None:
    if where & SSL.SSL_CB_HANDSHAKE_DONE and isinstance(connection, Session):
        connection.is_established = True


def peer_certificate(transport: object) -> PeerCertificate | None:
    """The certificate that the peer has shown; None without TLS."""
    if not isinstance(transport, TLSMemoryBIOProtocol):
        return None
    shown: X509 | None = transport.getHandle().get_peer_certificate()
    if shown is None:
        return None
    try:
        return described(shown.to_cryptography())
    except (ValueError, InvalidVersion):  # OpenSSL finds it good enough, and then only its bytes count
        return PeerCertificate(sha256=_digest(shown), common_names=frozenset(), expires_at=0.0)


def _digest(certificate: X509) -> str:
    """OpenSSL's own: nothing of what a stranger has sent is read for it."""
    return certificate.digest("sha256").replace(b":", b"").lower().decode("ascii")


def is_shaking_hands(transport: object) -> bool:
    """Is this a TLS connection on which nothing can be said yet?"""
    return isinstance(transport, TLSMemoryBIOProtocol) and not transport.getHandle().is_established


def tls_reason(transport: object, failure: Failure) -> str | None:
    """Why TLS has ended a connection; None if it has not."""
    if not isinstance(transport, TLSMemoryBIOProtocol):
        return None
    if isinstance(failure.value, SSL.Error):
        session: Session = transport.getHandle()
        said = said_by(failure.value)
        return session.refusal or next((reason for part, reason in _WORDS if part in said), OTHER)
    return "tls-broken-off" if is_shaking_hands(transport) else None
