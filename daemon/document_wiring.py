"""From the configuration to the parts that check a stream of documents. Their libraries are the extra `documents`."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack, closing
from dataclasses import replace

import structlog

from daemon.config import Config
from daemon.core.detection import Detector
from daemon.core.masking import redact
from daemon.core.stream import Checkpoint, Processor
from daemon.core.types import TopicPartition
from daemon.document_bases import make_library, open_store, second_opinions, thresholds_of
from daemon.documents import DocumentProcessor, DocumentTools, Renewal, Standards
from daemon.errors import ConfigError
from daemon.ports import DocumentReader, Engine
from daemon.wiring import Processors, common_processors, incident_settings, make_publishing, redaction_settings

log = structlog.get_logger(__name__)


async def open_standards(
    config: Config, engine: Engine, stack: AsyncExitStack, unfinished: Callable[[bool], None]
) -> Standards:
    """Return the base that the stream is checked against; `stack` closes its store. For `unfinished` see `Standards`.

    Documents without vectors of the engine's model are embedded first. Raises ConfigError for an empty base.
    """
    section = config.documents
    base = section.base
    store = stack.enter_context(closing(open_store(section.folder, section.postgres)))
    standards = Standards(make_library(store, engine, config), store, base, second_opinions(), unfinished)

    def report(renewal: Renewal) -> None:
        log.info("base_renewing", base=base, done=renewal.done, documents=renewal.count, model=renewal.model)

    documents = await standards.renew(report)
    if not documents:
        raise ConfigError(
            [f"documents.base: {base} in {section.place} has no documents; add some with strayline documents"]
        )
    log.info("base_opened", base=base, documents=documents, model=engine.model)
    return standards


def make_document_processors(
    config: Config,
    engine: Engine,
    detector: Detector,
    position: Callable[[], str],
    standards: Standards,
    reader: DocumentReader,
) -> Processors:
    """Return what makes every partition's processor where the input is documents.

    A base is a history from the start, so its incidents need no warm-up.
    """
    publishing, redaction = make_publishing(config, engine, position), redaction_settings(config)
    tools = DocumentTools(
        standards, reader, thresholds_of(config), lambda text: redact(text, redaction), engine.count_tokens
    )

    def documents(source: TopicPartition, resume: Checkpoint | None) -> Processor:
        return DocumentProcessor(source, tools, publishing, resume)

    settings = replace(incident_settings(config), warm_up=0)
    return Processors(
        {**dict.fromkeys(config.input.topics, documents), **common_processors(config, detector, publishing, settings)}
    )
