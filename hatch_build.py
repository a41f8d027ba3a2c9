"""Compiles the kernel for every build of the package, an editable one too.

The compiler comes from PyPI as a build requirement; the result is one file for every machine.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

KERNEL = Path("daemon", "core", "kernel")
OPTIONS = (
    *("-target", "wasm32-freestanding"),
    "-mcpu=generic+bulk_memory+simd128",
    "-OReleaseSafe",
    *("-fno-entry", "-rdynamic", "-fstrip"),
    *("--stack", "65536"),
    "--export=__heap_base",
)


class KernelHook(BuildHookInterface[Any]):
    """Puts `kernel.wasm` beside its source."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002  # hatchling's interface
        """Compile; raises CalledProcessError where the source is not right."""
        made = KERNEL / "kernel.wasm"
        source = KERNEL / "kernel.zig"
        command = [sys.executable, "-m", "ziglang", "build-exe", str(source), *OPTIONS, f"-femit-bin={made}"]
        subprocess.run(command, cwd=self.root, check=True)  # noqa: S603  # our own words
        build_data["artifacts"].append(str(made))
