"""Why no server accepts us, in one sentence: what aiokafka's `Unable to bootstrap` leaves out.

Each bootstrap server is tried with a connection of its own, through the same steps as a client: name, TCP, TLS,
authentication. The first step that fails shows which setting or which side is wrong.
"""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from aiokafka.conn import AIOKafkaConnection, create_conn
from aiokafka.errors import (
    AuthenticationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaError,
    KafkaTimeoutError,
    NotEnoughReplicasAfterAppendError,
    NotEnoughReplicasError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedSaslMechanismError,
)
from aiokafka.protocol.metadata import MetadataRequest

from daemon.adapters.kafka.replicas import not_taken
from daemon.adapters.kafka.settings import KafkaSettings
from daemon.adapters.kafka.tokens import TokenError
from daemon.errors import ConfigError, UnavailableError

SECONDS = 5.0

# OpenSSL's codes of X509_verify_cert_error_string.
_NOT_YET_VALID, _EXPIRED = 9, 10
_WRONG_NAME = (62, 64)
"""A host name, and an address."""
_INCOMPLETE = range(80, 94)
"""What only a strict check refuses, which is Python's own from 3.13 on."""
_WHO = "the user or the password of kafka.security"
_WHOSE_TOKEN = "the token of kafka.security.oauth: issuer, audience, scope and times must be as it expects"  # noqa: S105


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one server cannot be used. `permanent` means that only another configuration helps."""

    text: str
    permanent: bool


async def diagnose(settings: KafkaSettings, seconds: float = SECONDS) -> Refusal | None:
    """Return why none of the bootstrap servers accepts us, or None when one does. Takes about `seconds` at most."""
    results = await asyncio.gather(*(_try(settings, server, seconds) for server in settings.bootstrap_servers))
    refusals = [refusal for refusal in results if refusal is not None]
    if len(refusals) < len(results):
        return None
    text = "; ".join(dict.fromkeys(refusal.text for refusal in refusals))
    return Refusal(text, all(refusal.permanent for refusal in refusals))


async def check_token(settings: KafkaSettings) -> None:
    """Raise what `explained` would return where the servers refuse our token.

    aiokafka takes such a token for accepted: its clients start, and then wait without end or fail an assertion.
    """
    if settings.oauth is not None and (refusal := await diagnose(settings)) is not None:
        raise _raised(refusal)


async def explained(
    settings: KafkaSettings, error: BaseException, doing: str = "", topics: Collection[str] = ()
) -> ConfigError | UnavailableError:
    """Return what to raise for a client's error: why no server accepts us, or the client's own words when one does.

    `doing` is what the client was asked for, and `topics` are those that it wrote to. A ConfigError means that only
    another configuration helps.
    """
    refusal = await diagnose(settings)
    if refusal is None:
        where = doing or f"Kafka at {', '.join(settings.bootstrap_servers)}"
        if (missing := missing_right(error, settings.group_id)) is not None:
            return UnavailableError(f"{where}: {missing}")
        if _may_be_few(error) and (thin := await not_taken(settings, topics)):
            return UnavailableError(f"{where}: {'; '.join(thin)}")
        if isinstance(error, TimeoutError):
            return UnavailableError(f"{where}: no answer in time")
        return UnavailableError(f"{where}: {str(error) or type(error).__name__}")
    return _raised(refusal)


def no_right(to_what: str) -> str:
    """Return the sentence for a right that is missing."""
    return f"no right {to_what}; see the ACLs in docs/operate.md"


def missing_right(error: BaseException, group: str = "") -> str | None:
    """Return which right is missing where that is what failed, also below an error of what came after; else None.

    aiokafka names topics, and of groups and transactions says only where it happened.
    """
    for cause in _chain(error):
        if isinstance(cause, GroupAuthorizationFailedError):
            return no_right(f"to the group {group}".rstrip())
        if isinstance(cause, TransactionalIdAuthorizationFailed):
            return no_right(f"to the transactional ids {group}-*" if group else "to the transactional id")
        if isinstance(cause, TopicAuthorizationFailedError):
            named = cause.args[0] if cause.args else "a topic"
            return no_right(f"to {', '.join(sorted(named)) if isinstance(named, set) else named}")
    return None


def _may_be_few(error: BaseException) -> bool:
    """Return whether a record may not have been taken because too few replicas are in sync."""
    few = (NotEnoughReplicasError, NotEnoughReplicasAfterAppendError, KafkaTimeoutError, TimeoutError)
    return any(isinstance(cause, few) for cause in _chain(error))


def _raised(refusal: Refusal) -> ConfigError | UnavailableError:
    return ConfigError([refusal.text]) if refusal.permanent else UnavailableError(refusal.text)


async def _try(settings: KafkaSettings, server: str, seconds: float) -> Refusal | None:
    host, _, port = server.rpartition(":")
    try:
        connection = dict(await asyncio.to_thread(settings.connection))
    except ConfigError as error:
        return Refusal(str(error), permanent=True)
    del connection["bootstrap_servers"]
    try:
        async with asyncio.timeout(seconds):
            made = await create_conn(
                host.strip("[]"), int(port), request_timeout_ms=round(1000 * seconds), **connection
            )
    except (KafkaError, OSError, TimeoutError, EOFError) as error:
        return _refusal(settings, server, error)
    try:
        return await _refused_later(settings, server, made, seconds)
    finally:
        made.close()


async def _refused_later(
    settings: KafkaSettings, server: str, made: AIOKafkaConnection, seconds: float
) -> Refusal | None:
    """Return why the first request is refused, where the connection itself was not: a token, or the lack of a login.

    Of a token the server says so in an answer that aiokafka does not read (RFC 7628, 3.2.2). Then the next request has
    no answer, or one that names no server. Who must log in and does not is cut off at the first request.
    """
    try:
        async with asyncio.timeout(seconds):
            accepted = bool((await made.send(MetadataRequest([]))).brokers)
    except TimeoutError:
        return Refusal(f"{server} does not answer", permanent=False)
    except (KafkaError, OSError, EOFError):
        accepted = False
    if accepted:
        return None
    if settings.oauth is not None:
        return Refusal(f"{server} refuses {_WHOSE_TOKEN}", permanent=True)
    return _closed(settings, server)


def _refusal(settings: KafkaSettings, server: str, error: BaseException) -> Refusal:
    for cause in _chain(error):
        if isinstance(cause, TokenError):
            return Refusal(str(cause.args[0]), cause.permanent)
        if (text := _configured_wrongly(settings, server, cause)) is not None:
            return Refusal(text, permanent=True)
        if (text := _unreachable(server, cause)) is not None:
            return Refusal(text, permanent=False)
    return _closed(settings, server)


def _closed(settings: KafkaSettings, server: str) -> Refusal:
    # A server that expects TLS closes a connection without it; one that expects SASL does so at the first request.
    hint = f"does it expect another kafka.security.protocol than {settings.protocol}?"
    return Refusal(f"{server} closes the connection: {hint}", permanent=False)


def _configured_wrongly(settings: KafkaSettings, server: str, error: BaseException) -> str | None:
    match error:
        case UnsupportedSaslMechanismError():
            return f"{server} does not offer kafka.security.mechanism {settings.mechanism}"
        case AuthenticationFailedError() | SaslAuthenticationFailed():
            return f"{server} refuses {_WHO if settings.oauth is None else _WHOSE_TOKEN}"
        case IllegalSaslStateError():
            return f"{server} expects no SASL; set kafka.security.protocol"
        case ssl.SSLCertVerificationError():
            return _unverified(server, error)
        case ssl.SSLError():
            return _tls(server, error)
    return None


def _unreachable(server: str, error: BaseException) -> str | None:
    if isinstance(error, socket.gaierror):
        return f"{server}: the name cannot be resolved"
    if isinstance(error, TimeoutError):
        return f"{server} does not answer"
    # A name with several addresses gives one OSError, which holds all their texts.
    if isinstance(error, ConnectionRefusedError) or f"[Errno {errno.ECONNREFUSED}]" in str(error):
        return f"{server} refuses connections: no Kafka listens there"
    if isinstance(error, OSError) and not isinstance(error, ConnectionResetError):
        return f"{server} cannot be reached: {error.strerror or error}"
    return None


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _unverified(server: str, error: ssl.SSLCertVerificationError) -> str:
    if error.verify_code == _EXPIRED:
        return f"the certificate of {server} has expired"
    if error.verify_code == _NOT_YET_VALID:
        return f"the certificate of {server} is not valid yet; is the clock of this machine right?"
    if error.verify_code in _WRONG_NAME:
        return f"the certificate of {server} is for another host name"
    if error.verify_code in _INCOMPLETE:
        return (
            f"the certificate of {server}, or that of its authority, is not made as Python 3.13 and later want it "
            f"(RFC 5280): {error.verify_message}; have it issued again"
        )
    return f"the certificate of {server} is not signed by kafka.security.ca: {error.verify_message}"


def _tls(server: str, error: ssl.SSLError) -> str:
    reason = (error.reason or "").lower().replace("_", " ")
    if "wrong version number" in reason or "record layer" in reason:
        return f"{server} does not use TLS; set kafka.security.protocol"
    if "alert" in reason:
        return f"{server} refuses kafka.security.certificate: {reason}"
    return f"TLS with {server}: {reason or error}"
