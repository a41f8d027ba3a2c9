"""How a Kafka cluster is reached. Nothing here imports aiokafka, so reading a configuration does not load it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict, TypeVar

from daemon.errors import ConfigError
from daemon.small_files import check_small, read_small

if TYPE_CHECKING:
    from ssl import SSLContext

    from aiokafka.abc import AbstractTokenProvider

T = TypeVar("T")
DEFAULT_MOST = 128_000_000
"""The most bytes that a compressed batch unpacks to, where nobody says. What the daemon writes is smaller."""


class Connection(TypedDict, total=False):
    """Arguments of every aiokafka client."""

    bootstrap_servers: list[str]
    client_id: str
    security_protocol: str
    ssl_context: SSLContext | None
    sasl_mechanism: str
    sasl_plain_username: str | None
    sasl_plain_password: str | None
    sasl_oauth_token_provider: AbstractTokenProvider


@dataclass(frozen=True, slots=True)
class OAuthSettings:
    """Where tokens come from: a command that prints one, or an OIDC server that gives one for client credentials."""

    token_command: tuple[str, ...] = ()
    token_url: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    client_secret_file: str | None = None
    scope: str | None = None


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to reach the cluster, and this daemon's names and time-outs (seconds) in it.

    `max_batch` is the most bytes that a batch of the topics that a membership reads may unpack to.
    """

    bootstrap_servers: Sequence[str]
    group_id: str
    instance_id: str | None = None
    session_timeout: float = 10.0
    transaction_timeout: float = 30.0
    max_batch: int = DEFAULT_MOST
    topics: Mapping[str, str] = field(default_factory=dict)
    protocol: str = "PLAINTEXT"
    mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    password_file: str | None = None
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    key_password: str | None = field(default=None, repr=False)
    key_password_file: str | None = None
    oauth: OAuthSettings | None = None

    def connection(self) -> Connection:
        """Return the arguments that connect a client. Files are read now. Raises ConfigError that names the setting."""
        connection = Connection(
            bootstrap_servers=list(self.bootstrap_servers), client_id="strayline", security_protocol=self.protocol
        )
        if "SSL" in self.protocol.split("_"):
            connection["ssl_context"] = self._ssl_context()
        if self.protocol.startswith("SASL"):
            connection["sasl_mechanism"] = self.mechanism
            if self.oauth is not None:
                from daemon.adapters.kafka.tokens import provider_of

                connection["sasl_oauth_token_provider"] = provider_of(self.oauth)
            else:
                connection["sasl_plain_username"] = self.username
                connection["sasl_plain_password"] = read_secret(
                    self.password, self.password_file, "kafka.security.password"
                )
        return connection

    def credential_files(self) -> list[str]:
        """Return the files that `connection` reads."""
        files = (self.password_file, self.ca, self.certificate, self.key, self.key_password_file)
        return [file for file in files if file is not None]

    def _ssl_context(self) -> SSLContext:
        from ssl import SSLError

        from aiokafka.helpers import create_ssl_context

        for name, file in (("ca", self.ca), ("certificate", self.certificate), ("key", self.key)):
            if file is not None:
                _named(file, f"kafka.security.{name}", check_small)
        password = read_secret(self.key_password, self.key_password_file, "kafka.security.key_password")
        try:
            create_ssl_context(cafile=self.ca)
        except (SSLError, ValueError) as error:
            raise ConfigError(
                [f"kafka.security.ca: {self.ca} holds no certificates that can be read: {error}"]
            ) from None
        try:
            # Without a password OpenSSL would ask for one on the terminal.
            context: SSLContext = create_ssl_context(
                cafile=self.ca, certfile=self.certificate, keyfile=self.key, password=password or (lambda: "")
            )
        except (SSLError, ValueError) as error:
            reason = getattr(error, "reason", None) or error
            names = f"{self.certificate} and {self.key or 'its key'}"
            raise ConfigError(
                [f"kafka.security.certificate, key, key_password: {names} cannot be used together: {reason}"]
            ) from None
        return context


def read_secret(value: str | None, file: str | None, setting: str) -> str | None:
    """Return a secret that is given as itself or as a file, without the file's last line end.

    Raises ConfigError, also for a file that is empty (it may be about to be written) or is not UTF-8.
    """
    if file is None:
        return value
    try:
        secret = _named(file, f"{setting}_file", read_small).decode().rstrip("\r\n")
    except UnicodeDecodeError:
        raise ConfigError([f"{setting}_file: {file} is not UTF-8"]) from None
    if not secret:
        raise ConfigError([f"{setting}_file: {file} is empty"])
    return secret


def _named(file: str, setting: str, read: Callable[[str], T]) -> T:
    """Return what `read` returns of a file. Raises ConfigError that names the setting."""
    try:
        return read(file)
    except OSError as error:
        raise ConfigError([f"{setting}: {file}: {error.strerror}"]) from None
