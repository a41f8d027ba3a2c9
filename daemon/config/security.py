"""The section `kafka.security`: encryption, and who the daemon is to the brokers."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, Self

from pydantic import SecretStr, model_validator

from daemon.config.section import Section


class OAuthConfig(Section):
    """Where OAUTHBEARER tokens come from: a command, or an OIDC server (client credentials)."""

    token_command: list[str] = []
    token_url: str | None = None
    client_id: str | None = None
    client_secret: SecretStr | None = None
    client_secret_file: Path | None = None
    scope: str | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if bool(self.token_command) == (self.token_url is not None):
            raise ValueError("give either token_command or token_url")
        secrets = sum(secret is not None for secret in (self.client_secret, self.client_secret_file))
        if self.token_url is not None and (self.client_id is None or secrets != 1):
            raise ValueError("token_url needs client_id, and client_secret or client_secret_file")
        return self


class SecurityConfig(Section):
    """Encryption and authentication of the connection to the brokers."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] = "PLAIN"
    username: str | None = None
    password: SecretStr | None = None
    password_file: Path | None = None
    oauth: OAuthConfig | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None
    key_password: SecretStr | None = None
    key_password_file: Path | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.password is not None and self.password_file is not None:
            raise ValueError("password and password_file: give one of them")
        if self.key_password is not None and self.key_password_file is not None:
            raise ValueError("key_password and key_password_file: give one of them")
        self._check_sasl()
        if "SSL" not in self.protocol.split("_") and (self.ca or self.certificate or self.key):
            raise ValueError(f"ca, certificate and key are not used with protocol {self.protocol}; set SSL or SASL_SSL")
        if self.key is not None and self.certificate is None:
            raise ValueError("key needs certificate")
        return self

    def _check_sasl(self) -> None:
        has_password = self.password is not None or self.password_file is not None
        if not self.protocol.startswith("SASL"):
            if self.username is not None or has_password or self.oauth is not None:
                raise ValueError(
                    f"username, password and oauth are not used with protocol {self.protocol};"
                    " set SASL_SSL or SASL_PLAINTEXT"
                )
        elif self.mechanism == "OAUTHBEARER":
            if self.oauth is None:
                raise ValueError("OAUTHBEARER needs oauth")
        elif self.username is None or not has_password:
            raise ValueError("SASL needs both username and password")
        elif self.oauth is not None:
            raise ValueError(f"oauth is not used with mechanism {self.mechanism}; set OAUTHBEARER")
