"""A service of deploy/compose.yaml as its container would be, by bubblewrap: no Docker and no rights are needed.

The root is read-only but for what the service mounts to write to, the user is the image's, there are no capabilities,
and the environment is the recipe's. What is installed beside the wheel comes from this machine, read-only as well.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2] / "deploy"
COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
RECIPE = (DEPLOY / "docker/Dockerfile.cpu").read_text()
BWRAP = shutil.which("bwrap")
APART = {"proc", "sys", "dev", "run", "tmp", "etc", "var"}
"""Folders of the root that are not this machine's."""
ETC = ("passwd", "group", "hosts", "nsswitch.conf", "localtime", "ld.so.cache", "ssl")


def can_contain() -> bool:
    """Return whether this machine lets a process make a root of its own."""
    return BWRAP is not None and subprocess.run([BWRAP, *_root(), "--", "/bin/true"], check=False).returncode == 0


def environment() -> dict[str, str]:
    """Return what the recipe sets, but for the path of its own Python."""
    lines = re.findall(r"^ENV (.*)$", RECIPE.replace("\\\n", " "), re.MULTILINE)
    pairs = dict(word.split("=", 1) for line in lines for word in line.split())
    return {name: value for name, value in pairs.items() if name != "PATH"}


def writable(service: str) -> list[str]:
    """Return the folders that the service may write to."""
    described = COMPOSE["services"][service]
    assert described["read_only"]
    volumes = [volume.split(":") for volume in described["volumes"]]
    return [*(place.split(":")[0] for place in described["tmpfs"]), *(at for name, at, *_ in volumes if name[0] != ".")]


def container(service: str, wheel: Path, files: Mapping[str, Path], command: Sequence[str]) -> list[str]:
    """Return the command line that runs Python's `command` in the service's container, from the unpacked `wheel`.

    `files` are mounted read-only, by their places inside.
    """
    user = re.search(r"^USER (\d+):(\d+)$", RECIPE, re.MULTILINE)
    assert user is not None
    assert COMPOSE["services"][service]["cap_drop"] == ["ALL"]
    line = [BWRAP or "bwrap", *_root(), "--uid", user[1], "--gid", user[2], "--cap-drop", "ALL", "--clearenv"]
    for place in writable(service):
        line += ["--tmpfs", place]
    for prefix in {sys.prefix, sys.base_prefix}:
        line += ["--ro-bind", prefix, prefix]
    for place, path in {**files, "/opt/wheel": wheel}.items():
        line += ["--ro-bind", str(path), place]
    for name, value in {**environment(), "PYTHONPATH": "/opt/wheel", "PATH": "/usr/bin:/bin"}.items():
        line += ["--setenv", name, value]
    return [*line, "--remount-ro", "/", "--chdir", "/var/lib/strayline", "--", sys.executable, *command]


def _root() -> list[str]:
    """Return a root of this machine's programs, without its state and its configuration."""
    line = ["--unshare-user", "--unshare-ipc", "--unshare-uts", "--new-session", "--die-with-parent"]
    for path in sorted(Path("/").iterdir()):
        if path.is_symlink():
            line += ["--symlink", str(path.readlink()), str(path)]
        elif path.is_dir() and path.name not in {*APART, "opt"}:
            line += ["--ro-bind", str(path), str(path)]
    for name in ETC:
        line += ["--ro-bind-try", f"/etc/{name}", f"/etc/{name}"]
    return [*line, "--proc", "/proc", "--dev", "/dev"]


def inner_process(outer: int) -> int:
    """Return the id of the process that a container's bubblewrap runs."""
    (inner,) = Path(f"/proc/{outer}/task/{outer}/children").read_text().split()
    return int(inner)
