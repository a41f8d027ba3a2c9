"""Rules of the house that the import linter cannot say."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CORE = sorted((ROOT / "daemon" / "core").rglob("*.py"))
LIBRARIES = {
    "fastavro",
    "google",
    "numpy",
    "opentelemetry",
    "orjson",
    "polars",
    "rapidfuzz",
    "re2",
    "usearch",
    "wasmtime",
    "zstandard",
}
OWN = ("daemon.core", "daemon.errors")
CLOCKS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.monotonic"}


def imports(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def calls_of(path: Path) -> list[str]:
    """Return what a file calls, wherever in it."""
    return [ast.unparse(node.func) for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT / "daemon" / "core")))
def test_the_core_imports_little(path: Path) -> None:
    """A core module imports the standard library, eleven libraries and the core."""
    allowed = sys.stdlib_module_names | LIBRARIES
    strangers = [name for name in imports(path) if name.split(".")[0] not in allowed and not name.startswith(OWN)]

    assert [] == strangers


@pytest.mark.parametrize("path", CORE, ids=lambda path: str(path.relative_to(ROOT / "daemon" / "core")))
def test_the_core_has_no_clock(path: Path) -> None:
    """A core module is told the time; it never asks."""
    assert [] == [call for call in calls_of(path) if call.removeprefix("datetime.") in CLOCKS or call in CLOCKS]


def test_the_command_line_prints_through_one_cleaner() -> None:
    """Names, reasons and answers of servers may hold anything, so only `saying` writes to a terminal."""
    spoken = ("print", "sys.stdout.write", "sys.stderr.write")
    found = {
        path.name: calls
        for path in sorted((ROOT / "daemon" / "cli").glob("*.py"))
        if path.name not in ("saying.py", "completion.py")
        for calls in [[call for call in calls_of(path) if call in spoken]]
        if calls
    }

    assert {} == found


def test_no_class_name_stands_twice() -> None:
    """A class name means one thing in the whole program, a private one too."""
    places: dict[str, list[str]] = {}
    for path in sorted((ROOT / "daemon").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                places.setdefault(node.name, []).append(str(path.relative_to(ROOT)))

    assert {} == {name: paths for name, paths in places.items() if len(paths) > 1}
