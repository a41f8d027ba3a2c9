"""Connections of the store, and transactions that change everything or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.errors import OutputError


def connect(path: Path) -> sqlite3.Connection:
    """Open a connection that waits for others, for up to half a minute."""
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=30)
    with closed_on_error(connection):
        connection.execute("PRAGMA secure_delete = ON").fetchall()
        connection.execute("PRAGMA foreign_keys = ON")
    return connection


@contextmanager
def closed_on_error(connection: sqlite3.Connection) -> Iterator[None]:
    """Close a connection that is of no use, because a block raised an error."""
    try:
        yield
    except BaseException:
        connection.close()
        raise


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Do all of a block or nothing. Raises OutputError when it cannot be written."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        connection.execute("ROLLBACK")
        raise
    try:
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        connection.execute("ROLLBACK")
        raise OutputError(f"the store cannot be written: {error}") from error


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """See the store in one state throughout a block that only reads."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("COMMIT")
