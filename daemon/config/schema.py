"""The configuration as a model: what can be set, what it is when it is not, and what does not go together.

A section of the file is a class here and a key a field, both frozen; unknown keys are refused. What more than one key
decides is checked where both are known. `fingerprint` names what shapes verdicts, and no secret is part of it.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Literal, Self

import orjson
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from daemon.config.values import RATE, Duration, extracting, parse_budget, pattern_problem


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Security(_Section):
    """How to reach a broker that asks who is there."""

    protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "PLAIN"
    username: str | None = None
    password: SecretStr | None = None
    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.protocol.startswith("SASL") and (self.username is None or self.password is None):
            raise ValueError("SASL needs both username and password")
        return self


class Kafka(_Section):
    """The cluster, the group and the pace of transactions."""

    bootstrap_servers: list[str] = Field(default=["localhost:9092"], min_length=1)
    group_id: str = Field(default="strayline", min_length=1)
    instance_id: str | None = None
    commit_interval: Duration = 500_000
    checkpoint_interval: Duration = 5_000_000
    session_timeout: Duration = 10_000_000
    transaction_timeout: Duration = 30_000_000
    security: Security = Security()


class Fields(_Section):
    """Where a record keeps what: JSON paths, or record.key, record.timestamp, record.topic, record.headers.NAME."""

    message: str = "message"
    time: str = "time"
    scope: str = "scope"
    key: str = "key"
    level: str = "level"

    @field_validator("*")
    @classmethod
    def _readable(cls, path: str, info: ValidationInfo) -> str:
        from daemon.core.formats import check_path  # most files name no paths, and polars is slow to import

        if problem := check_path(str(info.field_name), path):
            raise ValueError(problem)
        return path


class Named(_Section):
    """A regular expression and the word that stands for what it finds."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    pattern: str

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if any(char.isdigit() for char in self.name):  # digits are masked last, those of placeholders too
            raise ValueError(f"name: {self.name!r} has a digit in it, and what the masks leave must have none")
        if problem := pattern_problem(self.pattern):
            raise ValueError(f"pattern: {problem}")
        return self


class Redact(_Section):
    """What beyond secrets is taken out of every line."""

    emails: bool = True
    ips: bool = False


class Input(_Section):
    """What is read and how lines are made of it."""

    topics: list[str] = Field(default=["logs"], min_length=1)
    format: Literal["raw", "json", "ecs", "fluent-bit", "vector", "syslog", "cri"] = "json"
    fields: Fields = Fields()
    extract: list[Annotated[str, AfterValidator(extracting)]] = []
    masks: list[Named] = []
    redact: Redact = Redact()


class Sessions(_Section):
    """When a session ends."""

    gap: Duration = 30_000_000
    max_age: Duration = 300_000_000
    max_lines: int = Field(default=10_000, ge=1)
    max_tokens: int = Field(default=32_000, ge=64)
    idle_flush: Duration = 5_000_000
    max_pinned: int = Field(default=1_000_000, ge=1_000)


class EngineConfig(_Section):
    """What turns text into vectors."""

    type: Literal["vllm", "openai"] = "vllm"
    model: str = "Qwen/Qwen3-Embedding-4B"
    dimensions: int | None = Field(default=None, ge=32)
    instruction: str | None = None
    options: dict[str, object] = {}
    url: str | None = None
    api_key: SecretStr | None = None
    timeout: Duration = 60_000_000
    step_timeout: Duration = 600_000_000
    concurrency: int = Field(default=4, ge=1)

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.type == "openai" and not self.url:
            raise ValueError("url: type openai needs the server's address, such as http://localhost:8000/v1")
        if self.type == "vllm" and (self.url or self.api_key):
            raise ValueError("url and api_key belong to type openai; vllm runs in process")
        return self


class DetectorConfig(_Section):
    """How long normal is remembered, and how much of it counts."""

    warm_up: int = Field(default=1_000, ge=0)
    window: Duration = 7 * 86_400_000_000
    mass: float = Field(default=0.03, ge=0, le=0.5)
    max_patterns: int = Field(default=50_000, ge=100)


class Alerts(_Section):
    """How many alerts are affordable, what counts as one, and whether each is published or only an incident's news."""

    budget: Annotated[float | str, BeforeValidator(parse_budget)] = 0.01
    budget_counts: Literal["alerts", "incidents"] = "alerts"
    publish: Literal["sessions", "incidents"] = "sessions"

    @property
    def share(self) -> float | None:
        """The budget as a share of sessions, or None when it is a rate."""
        return self.budget if isinstance(self.budget, float) else None

    @property
    def per_day(self) -> float | None:
        """The budget as alerts a day, or None when it is a share."""
        match = RATE.fullmatch(self.budget) if isinstance(self.budget, str) else None
        return float(match[1]) if match else None


class Topics(_Section):
    """Where things are published; `null` publishes no verdicts."""

    alerts: str = "strayline.alerts"
    verdicts: str | None = None
    dead_letters: str = "strayline.dead-letters"
    checkpoints: str = "strayline.checkpoints"
    baseline: str = "strayline.baseline"
    feedback: str = "strayline.feedback"

    def named(self) -> dict[str, str]:
        """Return the topics that are published or read, by role."""
        return {role: topic for role, topic in self.model_dump().items() if topic}


class Http(_Section):
    """Metrics and health."""

    host: str = "127.0.0.1"
    port: int = Field(default=9108, ge=0, le=65535)


class Logging(_Section):
    """The daemon's own log, on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class Config(_Section):
    """Everything, with defaults: an empty file is a valid configuration."""

    kafka: Kafka = Kafka()
    input: Input = Input()
    sessions: Sessions = Sessions()
    engine: EngineConfig = EngineConfig()
    detector: DetectorConfig = DetectorConfig()
    alerts: Alerts = Alerts()
    topics: Topics = Topics()
    http: Http = Http()
    logging: Logging = Logging()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = list(self.topics.named().values())
        doubled = {name for name in names if names.count(name) > 1} | set(names) & set(self.input.topics)
        if doubled:
            raise ValueError(f"topics: {', '.join(sorted(doubled))} is used for two purposes; each needs its own")
        if self.sessions.gap > self.sessions.max_age:
            raise ValueError("sessions.gap is longer than sessions.max_age; no gap would ever close a session")
        return self

    def fingerprint(self) -> str:
        """Return 12 hexadecimal digits that name what shapes verdicts: input, sessions, model, detector, budget."""
        shapes = {
            "input": self.input.model_dump(mode="json", exclude={"topics"}),
            "sessions": self.sessions.model_dump(mode="json"),
            "engine": self.engine.model_dump(mode="json", include={"model", "dimensions", "instruction"}),
            "detector": self.detector.model_dump(mode="json"),
            "budget": [self.alerts.budget, self.alerts.budget_counts],
        }
        return blake2b(orjson.dumps(shapes, option=orjson.OPT_SORT_KEYS), digest_size=6).hexdigest()
