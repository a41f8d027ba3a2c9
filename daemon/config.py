"""The configuration: one YAML file, strict, every error at once with its path.

Reading has three steps: YAML (duplicate keys refused, syntax errors with line and column), `${NAME}` and
`${NAME:-default}` from the environment, then the model below (unknown keys refused, with the nearest known one).
Nothing else reads the environment, and no secret is part of `fingerprint` or of an error.
"""

from __future__ import annotations

import difflib
import inspect
import os
import re
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Literal, Self, get_origin

import orjson
import yaml
from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from daemon.errors import ConfigError

_UNITS = {"ms": 1_000, "s": 1_000_000, "m": 60_000_000, "h": 3_600_000_000, "d": 86_400_000_000}
_DURATION = re.compile(r"(\d+(?:\.\d+)?)\s*(ms|s|m|h|d)")
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")
_RATE = re.compile(r"(\d+(?:\.\d+)?)\s*/\s*day")


def parse_duration(value: object) -> object:
    """Return microseconds of ``500ms 30s 5m 1h 7d``; anything else is refused with an example."""
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if match is None:
        raise ValueError(f"{value!r} is no duration; write a number and a unit of ms s m h d, such as 30s")
    microseconds = round(float(match[1]) * _UNITS[match[2]])
    if microseconds <= 0:
        raise ValueError("a duration must be longer than nothing")
    return microseconds


def parse_budget(value: object) -> object:
    """Return the budget as given, once it is known to be a share (0 to 1] or a rate such as ``20/day``."""
    if isinstance(value, str) and _RATE.fullmatch(value.strip()):
        return value.strip()
    try:
        share = float(value)  # type: ignore[arg-type]  # anything may stand in a file; a TypeError is the answer
    except (TypeError, ValueError):
        raise ValueError(
            f"{value!r} is no budget; write a share of sessions such as 0.01, or a rate such as 20/day"
        ) from None
    if not 0 < share <= 1:
        raise ValueError(f"a share of sessions lies above 0 and at most at 1, not at {share:g}")
    return share


def _pattern_problem(pattern: str) -> str | None:
    from daemon.core.formats import check_pattern  # most files have no patterns, and polars is slow to import

    return check_pattern(pattern)


def _extracting(pattern: str) -> str:
    from daemon.core.formats import check_extract  # as above

    if problem := check_extract(pattern):
        raise ValueError(problem)
    return pattern


Duration = Annotated[int, BeforeValidator(parse_duration)]


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
        from daemon.core.formats import check_path  # as above

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
        if problem := _pattern_problem(self.pattern):
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
    extract: list[Annotated[str, AfterValidator(_extracting)]] = []
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
        match = _RATE.fullmatch(self.budget) if isinstance(self.budget, str) else None
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


class _StrictLoader(yaml.SafeLoader):
    """YAML without duplicate keys: the second would silently win."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                mark = key_node.start_mark
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", mark)
            seen.add(key)
        return super().construct_mapping(node, deep)


def load_config(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Read and check a file. Raises ConfigError with every problem found, each ``path: what is wrong``."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 at byte {error.start}"]) from None
    return parse_config(text, environment if environment is not None else os.environ, str(path))


def parse_config(text: str, environment: Mapping[str, str], name: str = "config") -> Config:
    """Check a configuration's text; `name` stands for the file in errors."""
    try:
        tree = yaml.load(text, _StrictLoader)  # noqa: S506  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise ConfigError([f"{place}: {error.problem}"]) from None
    except yaml.YAMLError as error:
        raise ConfigError([f"{name}: {error}"]) from None
    if tree is None:
        tree = {}
    if not isinstance(tree, dict):
        raise ConfigError([f"{name}: a configuration is a mapping of sections, not a {type(tree).__name__}"])
    problems: list[str] = []
    try:
        config = Config.model_validate(_substitute(tree, environment, "", problems))
    except ValidationError as error:
        problems += [_problem(e["loc"], e["type"], e["msg"]) for e in error.errors(include_input=False)]
        raise ConfigError(problems) from None
    if problems:
        raise ConfigError(problems)
    return config


def _substitute(node: object, environment: Mapping[str, str], path: str, problems: list[str]) -> object:
    if isinstance(node, dict):
        return {k: _substitute(v, environment, f"{path}.{k}" if path else str(k), problems) for k, v in node.items()}
    if isinstance(node, list):
        return [_substitute(v, environment, f"{path}.{i}", problems) for i, v in enumerate(node)]
    if not isinstance(node, str):
        return node

    def value(match: re.Match[str]) -> str:
        found: str | None = environment.get(match[1], match[2])
        if found is None:
            problems.append(f"{path}: the environment has no {match[1]}, and ${{{match[1]}}} has no default")
            return ""
        return found

    return _VARIABLE.sub(value, node)


def _problem(location: tuple[int | str, ...], kind: str, message: str) -> str:
    path = ".".join(str(part) for part in location)
    if kind == "extra_forbidden":
        section: type[BaseModel] = Config
        for part in location[:-1]:
            known = section.model_fields.get(str(part))
            inner = get_origin(known.annotation) or known.annotation if known else None
            section = inner if inspect.isclass(inner) and issubclass(inner, BaseModel) else BaseModel
        near = difflib.get_close_matches(str(location[-1]), list(section.model_fields), n=1)
        return f"{path}: unknown key" + (f"; did you mean {near[0]}?" if near else "")
    text = message.removeprefix("Value error, ")
    return f"{path}: {text}" if path else text
