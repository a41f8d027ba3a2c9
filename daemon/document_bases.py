"""What all share that work with bases of documents: the store, the second opinions, and a library with an engine."""

from __future__ import annotations

import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.errors import ConfigError, OutputError

if TYPE_CHECKING:
    from daemon.adapters.parsing import FileLimits
    from daemon.config import Config
    from daemon.core.documents import Thresholds
    from daemon.documents import Library
    from daemon.ports import DocumentStore, Engine, Outliers

_WRONG_FOLDER = frozenset(
    {errno.EEXIST, errno.ENOTDIR, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG, errno.ENOENT}
)
LIBRARIES = ("rapidfuzz", "pypdf", "docx", "selectolax", "markdown_it")


def require_libraries() -> None:
    """Raise ConfigError where the libraries for documents are not installed."""
    missing = [name for name in LIBRARIES if find_spec(name) is None]
    if missing:
        raise ConfigError([f"documents: {missing[0]} is not installed: install strayline[documents]"])


def open_store(folder: Path, postgres: str | None, setting: str = "documents.folder") -> DocumentStore:
    """Open the bases that are kept in a folder, or in the PostgreSQL that a connection string leads to.

    `setting` names the folder. Raises ConfigError where the folder cannot be one or may not be written to, and where
    the library for PostgreSQL is not installed.
    """
    if postgres is not None:
        if find_spec("psycopg") is None:
            raise ConfigError(["documents.postgres: psycopg is not installed: install strayline[postgres]"])
        from daemon.adapters.postgres_documents import PostgresDocuments

        return PostgresDocuments(postgres)
    from daemon.adapters.document_store import SqliteDocuments

    try:
        return SqliteDocuments(folder)
    except OutputError as error:
        if isinstance(error.__cause__, OSError) and error.__cause__.errno in _WRONG_FOLDER:
            raise ConfigError([f"{setting}: {error}"]) from None
        raise


def second_opinions() -> Outliers | None:
    """Return the second opinions where scikit-learn is installed (the extra `opinions`)."""
    if find_spec("sklearn") is None:
        return None
    from daemon.adapters.outliers import SklearnOutliers

    return SklearnOutliers()


def file_limits(config: Config) -> FileLimits:
    """Return what a file may cost."""
    from daemon.adapters.parsing import FileLimits

    return FileLimits(size=config.documents.max_bytes, seconds=config.documents.timeout / 1e6)


def thresholds_of(config: Config) -> Thresholds:
    """Return the figures by which opinions decide."""
    from daemon.core.documents import Thresholds

    section = config.documents
    return Thresholds(section.normal, section.odd, section.departure, section.p)


def make_library(store: DocumentStore, engine: Engine, config: Config) -> Library:
    """Return a library of the store's bases with a started engine."""
    from daemon.documents import Library

    return Library(store, engine, thresholds_of(config), config.documents.nearest, second_opinions())


@asynccontextmanager
async def library_with_engine(config: Config, store: DocumentStore) -> AsyncIterator[Library]:
    """Start the engine that the configuration names, and close it after the block."""
    from daemon.adapters.engines import make_engine
    from daemon.wiring import engine_settings

    engine = make_engine(engine_settings(config))
    try:
        await engine.start()
        yield make_library(store, engine, config)
    finally:
        await engine.close()
