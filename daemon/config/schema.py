"""The configuration as a model: every key, its default, and the rules between keys.

A section of the file is a class here (`kafka.security` in `security`, what listens on a port in `served`), and a key is
a field. A rule between two keys is checked in the section that holds both. `Config.fingerprint` names everything that
shapes verdicts; no secret is part of it.
"""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Literal, Self

import orjson
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    SecretStr,
    ValidationInfo,
    field_validator,
    model_validator,
)

from daemon.config.documents import DocumentsConfig
from daemon.config.multiline import MultilineConfig
from daemon.config.notify import NotifyConfig
from daemon.config.schema_registry import SchemaRegistryConfig
from daemon.config.section import Section
from daemon.config.security import SecurityConfig
from daemon.config.served import ConsoleConfig, HttpConfig, ServeConfig
from daemon.config.values import (
    DOCUMENT,
    Duration,
    Size,
    extracting,
    format_name,
    http_address,
    numbers_as_names,
    parse_budget,
    parse_rate,
    pattern_problem,
    rate_of,
    time_pattern,
)

_NOT_OF_VERDICTS: dict[str, bool | set[str]] = {
    "topics": True,
    "schema_registry": True,
    "repartition_by": True,
    "fields": {"version"},
}
"""Keys of `input` that shape no verdict."""


class KafkaConfig(Section):
    """The cluster, the group and how often transactions commit."""

    bootstrap_servers: list[str] = Field(default=["localhost:9092"], min_length=1)
    group_id: str = Field(default="strayline", min_length=1)
    instance_id: str | None = None
    commit_interval: Duration = 500_000
    checkpoint_interval: Duration = 5_000_000
    session_timeout: Duration = 10_000_000
    transaction_timeout: Duration = 30_000_000
    security: SecurityConfig = SecurityConfig()


class FieldsConfig(Section):
    """Where a record holds each part: a JSON path, record.key, record.timestamp, record.topic, record.headers.NAME."""

    message: str = "message"
    time: str = "time"
    scope: str = "scope"
    key: str = "key"
    level: str = "level"
    version: str = ""

    @field_validator("*")
    @classmethod
    def _readable(cls, path: str, info: ValidationInfo) -> str:
        from daemon.core.formats import check_path  # polars imports slowly, and most files name no paths

        may_be_absent = info.field_name == "version"
        if (path or not may_be_absent) and (problem := check_path(str(info.field_name), path)):
            raise ValueError(problem)
        return path


class MaskConfig(Section):
    """A regular expression and the name of the placeholder that replaces its matches."""

    name: str = Field(pattern=r"^[A-Za-z][A-Za-z0-9_]*$")
    pattern: str

    @model_validator(mode="after")
    def _usable(self) -> Self:
        if any(char.isdigit() for char in self.name):  # digits are masked last, also in placeholders
            raise ValueError(f"name: {self.name!r} has a digit in it; placeholders must have none")
        if problem := pattern_problem(self.pattern):
            raise ValueError(f"pattern: {problem}")
        return self


class RedactConfig(Section):
    """What is redacted from every line, besides secrets."""

    emails: bool = True
    ips: bool = False


class InputConfig(Section):
    """Which topics are read, and how records become lines."""

    topics: list[str] = Field(default=["logs"], min_length=1)
    format: Annotated[str, AfterValidator(format_name)] = "json"
    fields: FieldsConfig = FieldsConfig()
    extract: list[Annotated[str, AfterValidator(extracting)]] = []
    time_format: Annotated[str | None, AfterValidator(time_pattern)] = None
    schemas: Annotated[dict[str, Path], BeforeValidator(numbers_as_names)] = {}
    schema_registry: SchemaRegistryConfig | None = None
    level_scale: Literal["auto", "syslog", "pino", "python", "otlp", "none"] = "auto"
    max_batch: Annotated[Size, Field(ge=80_000_000, le=2_000_000_000)] = 128_000_000
    max_record_lines: int = Field(default=200_000, ge=1, le=1_048_575)
    max_lead: Duration = 300_000_000
    unreadable_time: Literal["record_time", "reject"] = "record_time"
    multiline: MultilineConfig = MultilineConfig()
    repartition: bool = False
    repartition_by: Literal["key", "scope"] = "key"
    masks: list[MaskConfig] = []
    redact: RedactConfig = RedactConfig()

    @model_validator(mode="after")
    def _whole_documents(self) -> Self:
        for key, given in (("repartition", self.repartition), ("multiline", self.multiline.enabled)):
            if given and self.format == DOCUMENT:
                raise ValueError(f"{key}: is for lines, and with format document each record is a document")
        return self


class SessionsConfig(Section):
    """When a session ends."""

    gap: Duration = 30_000_000
    max_age: Duration = 300_000_000
    max_lines: int = Field(default=10_000, ge=1)
    max_tokens: int = Field(default=32_000, ge=64)
    idle_flush: Duration = 5_000_000
    max_pinned: int = Field(default=1_000_000, ge=1_000)


class EngineConfig(Section):
    """The engine that turns text into vectors."""

    type: Literal["vllm", "openai", "lite"] = "vllm"
    model: str = "Qwen/Qwen3-Embedding-4B"
    dimensions: int | None = Field(default=None, ge=32)
    instruction: str | None = None
    options: dict[str, object] = {}
    url: str | None = None
    api_key: SecretStr | None = None
    api_key_file: Path | None = None
    timeout: Duration = 60_000_000
    step_timeout: Duration = 600_000_000
    concurrency: int = Field(default=4, ge=1)

    @model_validator(mode="before")
    @classmethod
    def _model_of_its_own(cls, given: object) -> object:
        """Give type lite its own default model: it cannot use vLLM's."""
        if isinstance(given, dict) and given.get("type") == "lite":
            return {"model": "wordllama", **given}
        return given

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.type == "openai" and not self.url:
            raise ValueError("url: type openai needs the server's address, such as http://localhost:8000/v1")
        if self.type != "openai" and (self.url or self.api_key or self.api_key_file):
            raise ValueError(f"url and api_key belong to type openai; {self.type} runs in process")
        if self.api_key is not None and self.api_key_file is not None:
            raise ValueError("api_key and api_key_file: give one of them")
        if self.type == "lite" and self.options:
            raise ValueError("options: type lite has none")
        return self


class DetectorConfig(Section):
    """How much traffic the baseline remembers, and how much of it counts as normal."""

    warm_up: int = Field(default=1_000, ge=0)
    window: Duration = 7 * 86_400_000_000
    mass: float = Field(default=0.03, ge=0, le=0.5)
    max_patterns: int = Field(default=50_000, ge=100)
    max_scopes: int = Field(default=10_000, ge=10)
    max_labels: int = Field(default=1_000, ge=1)
    baselines: Literal["all", "served"] = "all"
    cold_after: Annotated[Duration, Field(ge=1_000_000)] | None = 3_600_000_000


class AlertsConfig(Section):
    """How many incidents may be told in any 24 hours, of each service and of all together, and how many mutes hold."""

    budget: Annotated[float | str, BeforeValidator(parse_budget)] = "20/day"
    total: Annotated[str | None, BeforeValidator(parse_rate)] = None
    max_mutes: int = Field(default=1_000, ge=1)

    @property
    def share(self) -> float | None:
        """The budget as a share of sessions, or None when it is a rate."""
        return self.budget if isinstance(self.budget, float) else None

    @property
    def per_day(self) -> float | None:
        """The budget as incidents a day, or None when it is a share."""
        return rate_of(self.budget) if isinstance(self.budget, str) else None

    @property
    def total_per_day(self) -> float | None:
        """The most incidents a day over all services, None for no such limit."""
        return rate_of(self.total) if self.total is not None else None


class TopicsConfig(Section):
    """The names of topics; with `verdicts: null`, verdicts are not published.

    With `dead_letters_redacted`, secrets leave dead letters too; otherwise these are the records as they came.
    """

    alerts: str = "strayline.alerts"
    verdicts: str | None = None
    dead_letters: str = "strayline.dead-letters"
    dead_letters_redacted: bool = False
    checkpoints: str = "strayline.checkpoints"
    baseline: str = "strayline.baseline"
    observations: str = "strayline.observations"
    repartition: str = "strayline.repartition"
    feedback: str = "strayline.feedback"

    def named(self) -> dict[str, str]:
        """Return the names of all topics, by role; `Config.topics_in_use` leaves out what is not needed."""
        return {role: topic for role, topic in self.model_dump(exclude={"dead_letters_redacted"}).items() if topic}


class SnapshotConfig(Section):
    """The local copy of the baselines that makes the next start quick. Without a folder, the user's cache has it."""

    enabled: bool = True
    folder: Path | None = None
    interval: Annotated[Duration, Field(ge=1_000_000)] = 600_000_000
    max_bytes: int = Field(default=8 << 30, ge=1 << 20)


class TracingConfig(Section):
    """Where spans of the daemon's own work are sent, by OTLP over HTTP. Without an address there are none."""

    endpoint: Annotated[str, AfterValidator(http_address)] | None = None


class LoggingConfig(Section):
    """The daemon's own log, on stderr."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "json", "console"] = "auto"


class Config(Section):
    """The whole configuration. Every key has a default, so an empty file is valid."""

    kafka: KafkaConfig = KafkaConfig()
    input: InputConfig = InputConfig()
    sessions: SessionsConfig = SessionsConfig()
    engine: EngineConfig = EngineConfig()
    detector: DetectorConfig = DetectorConfig()
    alerts: AlertsConfig = AlertsConfig()
    topics: TopicsConfig = TopicsConfig()
    http: HttpConfig = HttpConfig()
    console: ConsoleConfig = ConsoleConfig()
    notify: NotifyConfig = NotifyConfig()
    documents: DocumentsConfig = DocumentsConfig()
    serve: ServeConfig = ServeConfig()
    snapshot: SnapshotConfig = SnapshotConfig()
    tracing: TracingConfig = TracingConfig()
    logging: LoggingConfig = LoggingConfig()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        names = list(self.topics.named().values())
        doubled = {name for name in names if names.count(name) > 1} | set(names) & set(self.input.topics)
        if doubled:
            raise ValueError(
                f"topics: {', '.join(sorted(doubled))} is used twice; each purpose needs a topic of its own"
            )
        if self.sessions.gap > self.sessions.max_age:
            raise ValueError("sessions.gap is longer than sessions.max_age; a gap could never close a session")
        if self.detector.baselines == "served" and self.input.repartition and self.input.repartition_by != "scope":
            raise ValueError(
                "detector.baselines: served needs a scope's lines in one partition; set input.repartition_by: scope"
            )
        return self

    def topics_in_use(self) -> dict[str, str]:
        """Return the names of the topics that the daemon needs, by role."""
        unused = set() if self.input.repartition else {"repartition"}
        return {role: topic for role, topic in self.topics.named().items() if role not in unused}

    def fingerprint(self) -> str:
        """Return 12 hexadecimal digits that name what shapes verdicts: input, sessions, model, detector, budget."""
        shapes: dict[str, object] = {
            "input": self.input.model_dump(mode="json", exclude=_NOT_OF_VERDICTS),
            "sessions": self.sessions.model_dump(mode="json"),
            "engine": self.engine.model_dump(mode="json", include={"model", "dimensions", "instruction"}),
            "detector": self.detector.model_dump(mode="json", exclude={"baselines", "cold_after", "max_labels"}),
            "budget": [self.alerts.budget, self.alerts.total],
        }
        if self.input.format == DOCUMENT:
            shapes["documents"] = self.documents.model_dump(mode="json", exclude={"folder", "postgres"})
        return blake2b(orjson.dumps(shapes, option=orjson.OPT_SORT_KEYS), digest_size=6).hexdigest()
