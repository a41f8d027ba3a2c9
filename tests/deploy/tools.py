"""The tools that check what is deployed: in the checkout's cache, where make check-deploy puts them, or on PATH."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache"
CRDS = CACHE / "crds"


def tool(name: str, target: str = "check-deploy") -> str:
    """Return the path of a tool, or skip the test that asks; `target` of make fetches it."""
    found = shutil.which(name, path=f"{CACHE / 'bin'}{os.pathsep}{os.environ.get('PATH', '')}")
    if found is None:
        pytest.skip(f"no {name} here: make {target} fetches it")
    return found


def run(*command: str, timeout: float = 60, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command in the checkout and return what it said."""
    return subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )
