"""Why a broker cannot be reached, in one sentence: certificates that a strict check refuses."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from daemon.adapters.kafka import KafkaSettings
from daemon.adapters.kafka.diagnosis import diagnose
from daemon.adapters.kafka.settings import Connection
from tests.support.authorities import HERE, Authority


class StrictSettings(KafkaSettings):
    """Checks certificates as Python 3.13 does, on every Python."""

    def connection(self) -> Connection:
        """See KafkaSettings."""
        given = super().connection()
        assert given["ssl_context"] is not None
        given["ssl_context"].verify_flags |= ssl.VerifyFlags.VERIFY_X509_STRICT
        return given


@asynccontextmanager
async def server(certificate: Path, key: Path) -> AsyncIterator[str]:
    """A server that speaks TLS and nothing else; yields its address."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    serving = await asyncio.start_server(lambda _, writer: writer.close(), HERE, 0, ssl=context)
    async with serving:
        yield f"{HERE}:{serving.sockets[0].getsockname()[1]}"


async def said_of(address: str, authority: Authority) -> str:
    settings = StrictSettings([address], "group", protocol="SSL", ca=str(authority.ca))
    refusal = await diagnose(settings)
    assert refusal is not None
    return refusal.text


def old_certificate(authority: Authority, folder: Path) -> tuple[Path, Path]:
    """Return the files of a certificate as old scripts make them: it does not name its authority's key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(x509.Name.from_rfc4514_string("CN=broker"))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address(HERE))]), critical=False)
        .sign(authority.key, hashes.SHA256())
    )
    files = folder / "old.pem", folder / "old.key"
    files[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    files[1].write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return files


async def test_a_certificate_that_only_a_strict_check_refuses(tmp_path: Path) -> None:
    """The sentence says since when it is refused, what is missing, and what to do."""
    authority = Authority.make(tmp_path, "ca")
    async with server(*authority.sign("broker")) as address:
        assert "closes the connection" in await said_of(address, authority)
    async with server(*old_certificate(authority, tmp_path)) as address:
        said = await said_of(address, authority)
    assert "as Python 3.13 and later want it (RFC 5280): Missing Authority Key Identifier; have it issued again" in said


@pytest.mark.parametrize(
    ("host", "days", "why"),
    [
        ("127.0.0.9", 2.0, "is for another host name"),
        (HERE, -1.0, "has expired"),
        (HERE, 9.0, "is not valid yet; is the clock of this machine right?"),
    ],
)
async def test_what_is_wrong_with_a_certificate(tmp_path: Path, host: str, days: float, why: str) -> None:
    """Its authority is not blamed for a name or a time."""
    authority = Authority.make(tmp_path, "ca")
    async with server(*authority.sign("broker", host, days)) as address:
        assert f"the certificate of {address} {why}" == await said_of(address, authority)
