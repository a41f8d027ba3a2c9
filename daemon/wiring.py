"""From the configuration to the parts: turns its sections into settings of the core, the runtime and the adapters."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from time import perf_counter

from daemon.adapters.cold_file import ColdFile
from daemon.adapters.engines import EngineSettings
from daemon.adapters.kafka import KafkaSettings, OAuthSettings
from daemon.adapters.snapshot_file import SnapshotFile
from daemon.config import DOCUMENT, Config, OAuthConfig
from daemon.core.alerts import Provenance
from daemon.core.detection import ColdStorage, Detector, DetectorSettings
from daemon.core.formats import FieldPaths, FormatSettings, comes_in_parts
from daemon.core.incidents import Ceiling, IncidentSettings
from daemon.core.masking import Masker, RedactionSettings
from daemon.core.multiline import Bounds, Joining, make_rules
from daemon.core.repartition import IncomingLines, place_of, place_of_scope
from daemon.core.sessions import SessionLimits
from daemon.core.stream import (
    Checkpoint,
    FeedbackProcessor,
    IncidentsProcessor,
    LogProcessor,
    Pace,
    Processor,
    Publishing,
    RepartitionProcessor,
    ScopePartitions,
    Tools,
    untimed,
)
from daemon.core.types import TopicPartition
from daemon.errors import ConfigError
from daemon.ports import Engine
from daemon.runtime import HoldAll, Holding, HoldServed, ProcessorFactory, Terms
from daemon.schema_wiring import read_schemas, schema_source
from daemon.tracing import TracedProcessor, Tracing


def kafka_settings(config: Config) -> KafkaSettings:
    """Return how to reach the cluster."""
    kafka, security = config.kafka, config.kafka.security
    return KafkaSettings(
        bootstrap_servers=kafka.bootstrap_servers,
        group_id=kafka.group_id,
        instance_id=kafka.instance_id,
        session_timeout=kafka.session_timeout / 1e6,
        transaction_timeout=kafka.transaction_timeout / 1e6,
        max_batch=config.input.max_batch,
        topics=config.topics.named(),
        protocol=security.protocol,
        mechanism=security.mechanism,
        username=security.username,
        password=security.password.get_secret_value() if security.password else None,
        ca=str(security.ca) if security.ca else None,
        certificate=str(security.certificate) if security.certificate else None,
        key=str(security.key) if security.key else None,
        password_file=str(security.password_file) if security.password_file else None,
        key_password=security.key_password.get_secret_value() if security.key_password else None,
        key_password_file=str(security.key_password_file) if security.key_password_file else None,
        oauth=_oauth_settings(security.oauth) if security.oauth else None,
    )


def _oauth_settings(oauth: OAuthConfig) -> OAuthSettings:
    return OAuthSettings(
        token_command=tuple(oauth.token_command),
        token_url=oauth.token_url,
        client_id=oauth.client_id,
        client_secret=oauth.client_secret.get_secret_value() if oauth.client_secret else None,
        client_secret_file=str(oauth.client_secret_file) if oauth.client_secret_file else None,
        scope=oauth.scope,
    )


def engine_settings(config: Config) -> EngineSettings:
    """Return which engine to run and how."""
    engine = config.engine
    return EngineSettings(
        type=engine.type,
        model=engine.model,
        dimensions=engine.dimensions,
        instruction=engine.instruction,
        options=engine.options,
        url=engine.url,
        api_key=engine.api_key.get_secret_value() if engine.api_key else None,
        api_key_file=str(engine.api_key_file) if engine.api_key_file else None,
        timeout_s=engine.timeout / 1e6,
        concurrency=engine.concurrency,
        step_timeout_s=engine.step_timeout / 1e6,
    )


def detector_settings(config: Config) -> DetectorSettings:
    """Return how the detector judges and how much it remembers."""
    return DetectorSettings(
        warm_up=config.detector.warm_up,
        window_us=config.detector.window,
        mass=config.detector.mass,
        max_patterns=config.detector.max_patterns,
        max_scopes=config.detector.max_scopes,
        max_labels=config.detector.max_labels,
    )


def incident_settings(config: Config) -> IncidentSettings:
    """Return the settings of the incidents stage."""
    return IncidentSettings(
        ceiling=Ceiling(per_day=config.alerts.per_day, share=config.alerts.share),
        total=config.alerts.total_per_day,
        warm_up=config.detector.warm_up,
        window=config.detector.window / 1e6,
        max_scopes=config.detector.max_scopes,
        max_mutes=config.alerts.max_mutes,
    )


def snapshot_file(config: Config) -> SnapshotFile | None:
    """Return where the snapshot of the baselines is kept, None when there is to be none.

    Clusters, groups and topics have files of their own.
    """
    if not config.snapshot.enabled:
        return None
    names = [*config.kafka.bootstrap_servers, config.kafka.group_id, config.topics.baseline]
    name = blake2b("\n".join(names).encode(), digest_size=8).hexdigest()
    return SnapshotFile(_cache(config) / f"baseline-{name}.snapshot", config.snapshot.max_bytes)


def cold_file(config: Config) -> ColdFile | None:
    """Return where scopes that nobody uses are kept, None when they stay in memory."""
    return ColdFile(_cache(config), config.snapshot.max_bytes) if config.detector.cold_after is not None else None


def _cache(config: Config) -> Path:
    """Return the folder for what only saves time or memory."""
    cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")  # noqa: PTH111  # Path's needs a home
    return config.snapshot.folder or Path(cache, "strayline")


def make_detector(config: Config, engine: Engine, storage: ColdStorage | None = None) -> Detector:
    """Return an empty detector for a started engine's vectors; `storage` is where cold scopes go."""
    return Detector(detector_settings(config), engine.model, engine.dimensions, storage)


def redaction_settings(config: Config) -> RedactionSettings:
    """Return what is hidden besides secrets."""
    return RedactionSettings(emails=config.input.redact.emails, ips=config.input.redact.ips)


def _field_paths(config: Config) -> FieldPaths:
    return FieldPaths(**config.input.fields.model_dump())


def format_settings(config: Config) -> FormatSettings:
    """Return how records become lines. Raises ConfigError for a schema that cannot be read, and for documents."""
    if config.input.format == DOCUMENT:
        raise ConfigError(["input.format: document has no lines; strayline run and strayline documents check read it"])
    return FormatSettings(
        format=config.input.format,
        fields=_field_paths(config),
        extract=tuple(config.input.extract),
        time_format=config.input.time_format,
        schemas=read_schemas(config.input.format, config.input.schemas),
        registry=schema_source(config),
        level_scale=config.input.level_scale,
        max_lead=config.input.max_lead,
        max_lines=config.input.max_record_lines,
        reject_unreadable_times=config.input.unreadable_time == "reject",
        sources=joining_of(config) is not None,
    )


def make_tools(config: Config, engine: Engine, detector: Detector) -> Tools:
    """Return what all streams share."""
    sessions = config.sessions
    return Tools(
        format=format_settings(config),
        masker=Masker(
            [(mask.name, mask.pattern) for mask in config.input.masks],
            redaction_settings(config),
        ),
        limits=SessionLimits(
            gap_us=sessions.gap,
            max_age_us=sessions.max_age,
            max_lines=sessions.max_lines,
            max_tokens=sessions.max_tokens,
            max_pinned=sessions.max_pinned,
        ),
        count_tokens=engine.count_tokens,
        detector=detector,
        joining=joining_of(config),
    )


def joining_of(config: Config) -> Joining | None:
    """Return which lines are joined, None where none are.

    A line is held back for at most half a gap, so that no session ends while a line of it is held back.
    """
    multiline = config.input.multiline
    bounds = Bounds(multiline.max_lines, multiline.max_bytes, min(multiline.max_wait, config.sessions.gap // 2))
    if multiline.enabled:
        return Joining(make_rules(multiline.preset, multiline.starts, multiline.continues), bounds)
    return Joining(bounds=bounds) if comes_in_parts(config.input.format, _field_paths(config)) else None


def provenance(config: Config, engine: Engine) -> Provenance:
    """Return what alerts name as their origin, but for how far the baseline topic has been read."""
    return Provenance(str(config.alerts.budget), engine.model, config.fingerprint())


def make_holding(config: Config) -> Holding:
    """Return what decides which baselines this process has."""
    return HoldServed() if config.detector.baselines == "served" else HoldAll()


def make_terms(config: Config, co_partitions: int) -> Terms:
    """Return the limits of all partitions; `co_partitions` is the number of partitions of the internal topics."""
    kafka, sessions = config.kafka, config.sessions
    return Terms(
        group=kafka.group_id,
        checkpoints=config.topics.checkpoints,
        co_partitions=co_partitions,
        pace=Pace(kafka.commit_interval / 1e6, kafka.checkpoint_interval / 1e6),
        idle_flush=sessions.idle_flush / 1e6,
        init_timeout=3 * kafka.transaction_timeout / 1e6,
        max_unsettled=sessions.max_pinned + sessions.max_pinned // 2,
        judging=frozenset({*(() if config.input.repartition else config.input.topics), config.topics.repartition}),
        labelling=frozenset({config.topics.feedback}),
    )


@dataclass(frozen=True, slots=True)
class Processors:
    """Which processor works on the partitions of which topic. The keys are all topics that the daemon reads."""

    by_topic: Mapping[str, ProcessorFactory]
    tracing: Tracing | None = None

    def __call__(self, source: TopicPartition, resume: Checkpoint | None) -> Processor:
        """Make the processor of a partition. Implements `ProcessorFactory`."""
        processor = self.by_topic[source.topic](source, resume)
        return processor if self.tracing is None else TracedProcessor(processor, source, self.tracing)


def make_processors(
    config: Config,
    engine: Engine,
    detector: Detector,
    position: Callable[[], str],
    widths: Mapping[str, int] | None = None,
    tracing: Tracing | None = None,
) -> Processors:
    """Return what makes every partition's processor.

    `position` returns how far the baseline has been read. `widths` are numbers of partitions by topic: of the input
    topics, and of the repartition topic if it exists. That topic is also read after `input.repartition` was switched
    off, for the lines that it still holds.
    """
    widths = widths or {}
    repartition = config.topics.repartition
    writers = [str(TopicPartition(topic, n)) for topic in config.input.topics for n in range(widths.get(topic, 0))]
    place = place_of_scope if config.input.repartition_by == "scope" else place_of
    timed = untimed if tracing is None else tracing.tracer.stage
    tools = replace(make_tools(config, engine, detector), timed=timed)
    publishing = make_publishing(config, engine, position)

    def logs(source: TopicPartition, resume: Checkpoint | None) -> Processor:
        return LogProcessor(source, tools, publishing, resume)

    def relay(source: TopicPartition, resume: Checkpoint | None) -> Processor:
        return RepartitionProcessor(source, tools, publishing, resume, widths[repartition], place)

    def relayed(source: TopicPartition, resume: Checkpoint | None) -> Processor:
        incoming = IncomingLines(writers, resume.pieces if resume else {})
        return LogProcessor(source, tools, publishing, resume, incoming)

    return Processors(
        {
            **dict.fromkeys(config.input.topics, relay if config.input.repartition else logs),
            **({repartition: relayed} if repartition in widths else {}),
            **common_processors(config, detector, publishing, incident_settings(config)),
        },
        tracing,
    )


def make_publishing(config: Config, engine: Engine, position: Callable[[], str]) -> Publishing:
    """Return what all processors publish with; `position` returns how far the baseline has been read."""
    about = provenance(config, engine)  # once: a reload makes all processors anew, and a fingerprint costs 100 us
    return Publishing(
        group=config.kafka.group_id,
        config=about.config,
        verdicts=config.topics.verdicts is not None,
        provenance=lambda: replace(about, model=engine.model, baseline=position()),  # an engine's is known once started
        timer=perf_counter,
        redaction=redaction_settings(config) if config.topics.dead_letters_redacted else None,
    )


def common_processors(
    config: Config, detector: Detector, publishing: Publishing, settings: IncidentSettings
) -> Mapping[str, ProcessorFactory]:
    """Return what works on feedback and on observations, whatever the input is."""

    def feedback(source: TopicPartition, resume: Checkpoint | None) -> Processor:
        return FeedbackProcessor(source, detector, publishing, resume)

    served = config.detector.baselines == "served"
    partitions = ScopePartitions(settings.max_scopes) if served else None

    def incidents(source: TopicPartition, resume: Checkpoint | None) -> Processor:
        return IncidentsProcessor(source, settings, publishing, resume, partitions)

    return {config.topics.feedback: feedback, config.topics.observations: incidents}
