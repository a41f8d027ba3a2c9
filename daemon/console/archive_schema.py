"""The archive's tables, and what is done with a file that is not an archive of this version.

The archive holds nothing that the topics do not hold, so a corrupt file is moved aside, one of an older version is
emptied, and both are filled again. A file of a newer version, another program's database, and a file that another
process has locked are left alone.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from daemon.errors import ConfigError, UnavailableError

VERSION = 8
APPLICATION = 0x5354524C
"""SQLite's application id, which marks a database as an archive."""
MEMORY = ":memory:"
_TABLES = """
CREATE TABLE positions ( topic TEXT NOT NULL, partition INTEGER NOT NULL, next INTEGER NOT NULL, PRIMARY KEY (topic,
partition) ) WITHOUT ROWID; CREATE TABLE incidents ( id TEXT PRIMARY KEY, state TEXT NOT NULL, severity INTEGER NOT
NULL, services TEXT NOT NULL, keys TEXT NOT NULL, summary TEXT NOT NULL, opened INTEGER NOT NULL, latest INTEGER NOT
NULL, sessions INTEGER NOT NULL ) WITHOUT ROWID; CREATE INDEX incidents_by_rank ON incidents (state, severity DESC,
latest DESC); CREATE INDEX incidents_by_time ON incidents (latest DESC); CREATE TABLE alerts (
    id TEXT PRIMARY KEY, incident TEXT NOT NULL, event TEXT NOT NULL, time INTEGER NOT NULL, number INTEGER NOT NULL,
    scope TEXT NOT NULL, key TEXT NOT NULL, pattern TEXT NOT NULL, severity INTEGER NOT NULL, p_value REAL, score REAL,
    summary TEXT NOT NULL, document BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX alerts_by_incident ON alerts (incident, time);
CREATE INDEX alerts_by_pattern ON alerts (pattern, time);
CREATE INDEX alerts_by_time ON alerts (time);
CREATE TABLE causes (
    cause TEXT NOT NULL, incident TEXT NOT NULL, line TEXT NOT NULL, PRIMARY KEY (cause, incident)
) WITHOUT ROWID;
CREATE INDEX causes_by_incident ON causes (incident, cause);
CREATE TABLE feedback (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, time INTEGER NOT NULL,
    pattern TEXT NOT NULL, scope TEXT NOT NULL, verdict TEXT NOT NULL, author TEXT NOT NULL, note TEXT NOT NULL,
    PRIMARY KEY (topic, partition, offset)
) WITHOUT ROWID;
CREATE INDEX feedback_by_pattern ON feedback (pattern, time);
CREATE TABLE remarks (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, time INTEGER NOT NULL,
    incident TEXT NOT NULL, action TEXT NOT NULL, author TEXT NOT NULL, note TEXT NOT NULL,
    PRIMARY KEY (topic, partition, offset)
) WITHOUT ROWID;
CREATE INDEX remarks_by_incident ON remarks (incident, action, time);
CREATE TABLE mutes (
    topic TEXT NOT NULL, partition INTEGER NOT NULL, offset INTEGER NOT NULL, time INTEGER NOT NULL,
    scope TEXT NOT NULL, pattern TEXT NOT NULL, until INTEGER, author TEXT NOT NULL, note TEXT NOT NULL,
    PRIMARY KEY (topic, partition, offset)
) WITHOUT ROWID;
CREATE INDEX mutes_by_name ON mutes (scope, pattern, time);
CREATE TABLE patterns (
    id INTEGER PRIMARY KEY, scope TEXT NOT NULL, pattern TEXT NOT NULL, sessions INTEGER NOT NULL DEFAULT 0,
    first INTEGER NOT NULL DEFAULT 0, last INTEGER NOT NULL DEFAULT 0, buckets TEXT NOT NULL DEFAULT '{}',
    label TEXT NOT NULL DEFAULT '', kinds INTEGER NOT NULL DEFAULT 0, lines TEXT NOT NULL DEFAULT '',
    model TEXT NOT NULL DEFAULT '', vector BLOB NOT NULL DEFAULT X'', UNIQUE (scope, pattern)
);
CREATE INDEX patterns_by_sessions ON patterns (sessions DESC);
CREATE INDEX patterns_by_scope ON patterns (scope, sessions DESC);
CREATE INDEX patterns_by_last ON patterns (last);
CREATE TABLE named (place INTEGER PRIMARY KEY AUTOINCREMENT, pattern INTEGER NOT NULL UNIQUE);
CREATE TABLE weights (
    scope TEXT NOT NULL, pattern TEXT NOT NULL, topic TEXT NOT NULL, partition INTEGER NOT NULL,
    first INTEGER NOT NULL, last INTEGER NOT NULL, buckets TEXT NOT NULL,
    PRIMARY KEY (scope, pattern, topic, partition)
) WITHOUT ROWID;
"""

_TABLES_OF_OLD = {"positions", "incidents", "alerts"}
"""Tables of archives from versions without an application id."""


def connect(path: Path | None) -> sqlite3.Connection:
    """Open the archive, empty if it is new; None keeps it in memory.

    The connection may be used by any one thread at a time. Raises ConfigError for a file of a newer version or a path
    that cannot be used, UnavailableError while another process has the file locked.
    """
    try:
        return _connect(path)
    except sqlite3.OperationalError as error:
        if "locked" in str(error):
            raise UnavailableError(f"console.archive: {path} is in use by another process") from None
        raise ConfigError([f"console.archive: {path}: {error}"]) from None
    except sqlite3.DatabaseError:
        assert path is not None, "a database in memory cannot be corrupt"
        move_aside(path)
        return _connect(path)


def move_aside(path: Path) -> None:
    """Rename a corrupt file to ``.corrupt``, in place of an earlier one."""
    path.replace(path.with_name(f"{path.name}.corrupt"))
    for ending in ("-wal", "-shm"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


def _connect(path: Path | None) -> sqlite3.Connection:
    connection = sqlite3.connect(path or MEMORY, timeout=2.0, check_same_thread=False, isolation_level=None)
    try:
        version = _version(connection, path)
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # so that the file can shrink after rows are deleted
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")  # a crash may lose the last batches; the topics have them
        connection.execute("PRAGMA locking_mode = EXCLUSIVE")
        connection.execute("BEGIN EXCLUSIVE")
        if version < VERSION:
            _drop_all(connection)
            for statement in _TABLES.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {VERSION}")
            connection.execute(f"PRAGMA application_id = {APPLICATION}")
        connection.execute("COMMIT")
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection, path: Path | None) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    tables = {
        name
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
    }
    ours = connection.execute("PRAGMA application_id").fetchone()[0] == APPLICATION or tables >= _TABLES_OF_OLD
    if tables and not ours:
        raise ConfigError([f"console.archive: {path} is a database of another program; name another file"])
    if version > VERSION:
        raise ConfigError([f"console.archive: {path} was written by a newer version; name another file"])
    if connection.execute("PRAGMA quick_check(1)").fetchone()[0] != "ok":
        raise sqlite3.DatabaseError("corrupt")
    return version


def _drop_all(connection: sqlite3.Connection) -> None:
    names = connection.execute(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    for (name,) in names:
        connection.execute(f'DROP TABLE "{name}"')
