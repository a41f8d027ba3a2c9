"""How a Kafka cluster is reached. Nothing here imports aiokafka, so reading a configuration does not load it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypedDict

if TYPE_CHECKING:
    from ssl import SSLContext


class Connection(TypedDict, total=False):
    """Arguments of every aiokafka client."""

    bootstrap_servers: list[str]
    client_id: str
    security_protocol: str
    ssl_context: SSLContext | None
    sasl_mechanism: str
    sasl_plain_username: str | None
    sasl_plain_password: str | None


@dataclass(frozen=True, slots=True)
class KafkaSettings:
    """How to reach the cluster, and this daemon's names and time-outs (seconds) in it."""

    bootstrap_servers: Sequence[str]
    group_id: str
    instance_id: str | None = None
    session_timeout: float = 10.0
    transaction_timeout: float = 30.0
    topics: Mapping[str, str] = field(default_factory=dict)
    protocol: str = "PLAINTEXT"
    mechanism: str = "PLAIN"
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None

    def connection(self) -> Connection:
        """Return the arguments that connect a client."""
        connection = Connection(
            bootstrap_servers=list(self.bootstrap_servers), client_id="strayline", security_protocol=self.protocol
        )
        if "SSL" in self.protocol.split("_"):
            from aiokafka.helpers import create_ssl_context

            connection["ssl_context"] = create_ssl_context(cafile=self.ca, certfile=self.certificate, keyfile=self.key)
        if self.protocol.startswith("SASL"):
            connection["sasl_mechanism"] = self.mechanism
            connection["sasl_plain_username"] = self.username
            connection["sasl_plain_password"] = self.password
        return connection
