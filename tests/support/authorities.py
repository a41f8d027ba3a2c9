"""Certificates for tests: an authority of its own, and what it signs for brokers and clients on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

HERE = "127.0.0.1"
_SIGNS = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
"""What an authority's key is for; Python 3.13 refuses one that does not say it."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority whose files lie in a folder. Made by `make`."""

    folder: Path
    name: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @classmethod
    def make(cls, folder: Path, name: str) -> Authority:
        """Make the authority's own certificate."""
        key = ec.generate_private_key(ec.SECP256R1())
        constraint = x509.BasicConstraints(ca=True, path_length=None)
        draft = _draft(name, name, key, days=2).add_extension(constraint, critical=True)
        draft = draft.add_extension(_SIGNS, critical=True)
        return cls(folder, name, draft.sign(key, hashes.SHA256()), key)

    @property
    def ca(self) -> Path:
        """The file of the authority's certificate."""
        return self._written("ca.pem", self.certificate.public_bytes(Encoding.PEM))

    def sign(self, name: str, host: str = HERE, days: float = 2.0) -> tuple[Path, Path]:
        """Return the files of a certificate for an address, and of its key.

        It is valid for four days, until in `days`. Negative: it has expired; over 4: it is not valid yet.
        """
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ip_address(host))])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())
        draft = _draft(name, self.name, key, days).add_extension(names, critical=False)
        draft = draft.add_extension(issuer, critical=False)
        certificate = draft.sign(self.key, hashes.SHA256())
        return (
            self._written(f"{name}.pem", certificate.public_bytes(Encoding.PEM)),
            self._written(f"{name}.key", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())),
        )

    def keystore(self, name: str, host: str = HERE, days: float = 2.0) -> Path:
        """Return one file with a key and its certificate, as a broker needs it."""
        certificate, key = self.sign(name, host, days)
        return self._written(f"{name}-store.pem", key.read_bytes() + certificate.read_bytes())

    def _written(self, name: str, content: bytes) -> Path:
        path = self.folder / f"{self.name}-{name}"
        path.write_bytes(content)
        return path


def _draft(subject: str, issuer: str, key: ec.EllipticCurvePrivateKey, days: float) -> x509.CertificateBuilder:
    end = datetime.now(UTC) + timedelta(days=days)
    return (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string(f"CN={subject}"))
        .issuer_name(x509.Name.from_rfc4514_string(f"CN={issuer}"))
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(end - timedelta(days=4))
        .not_valid_after(end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
