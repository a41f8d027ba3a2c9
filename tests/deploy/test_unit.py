"""The systemd unit, by systemd's own tools, and the sandbox that stands in for systemd where none can be booted."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.deploy.tools import ROOT, run, tool

UNIT = ROOT / "deploy/systemd/strayline.service"
CONSOLE = ROOT / "deploy/systemd/strayline-console.service"
NOTIFY = ROOT / "deploy/systemd/strayline-notify.service"
DROP_INS = [
    (unit, drop_in)
    for unit in (UNIT, CONSOLE, NOTIFY)
    for drop_in in (None, *sorted(unit.with_name(f"{unit.name}.d").glob("*.conf.example")))
]


@pytest.mark.parametrize(("service", "drop_in"), DROP_INS, ids=lambda path: path.name if path else "plain")
def test_systemd_understands_the_unit(service: Path, drop_in: Path | None, tmp_path: Path) -> None:
    """`systemd-analyze verify` says nothing about a unit, with or without each example drop-in."""
    analyze, sandbox = tool("systemd-analyze"), tool("bwrap")
    program = tmp_path / "opt/bin/strayline"
    program.parent.mkdir(parents=True)
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    unit = tmp_path / service.name
    unit.write_text(service.read_text())
    if drop_in is not None:
        place = tmp_path / f"{service.name}.d" / drop_in.name.removesuffix(".example")
        place.parent.mkdir()
        place.write_text(drop_in.read_text())
    bind = ("--dev-bind", "/", "/", "--tmpfs", "/opt", "--bind", str(program.parents[1]), "/opt/strayline")
    done = run(sandbox, *bind, analyze, "verify", "--man=no", str(unit))
    assert (0, "") == (done.returncode, done.stderr)


@pytest.mark.parametrize("unit", [UNIT, CONSOLE], ids=lambda path: path.stem)
def test_its_exposure_is_rated_ok(unit: Path) -> None:
    """`systemd-analyze security` rates each unit's exposure below 3.0, which it calls OK."""
    done = run(tool("systemd-analyze"), "security", "--offline=true", "--no-pager", "--threshold=30", str(unit))
    rated = re.search(r"Overall exposure level for \S+: ([\d.]+) OK", done.stdout)
    assert 0 == done.returncode
    assert rated
    assert float(rated[1]) < 3.0


def test_a_drain_fits_into_the_time_to_stop() -> None:
    """TimeoutStopSec is above the daemon's own limit for a drain."""
    from daemon.service import DRAIN_SECONDS

    found = re.search(r"^TimeoutStopSec=(\d+)s$", UNIT.read_text(), re.MULTILINE)
    assert found
    assert float(found[1]) > DRAIN_SECONDS


PROBE = """
import ctypes, os, socket
libc = ctypes.CDLL(None, use_errno=True)
def refused(action):
    try:
        return action() == -1
    except OSError:
        return True
print({
    "write to /etc": refused(lambda: open("/etc/strayline-probe", "w")),
    "read /root": refused(lambda: os.open("/root/.profile", os.O_RDONLY)),
    "packet socket": refused(lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW)),
    "new namespace": refused(lambda: libc.unshare(0x10000000)),
    "mount": refused(lambda: libc.mount(b"none", b"/tmp", b"tmpfs", 0, None)),
    "change owner": refused(lambda: (open("/tmp/x", "w"), os.chown("/tmp/x", 0, 0))),
    "load a module": refused(lambda: libc.syscall(313, 0, b"", 0)),
})
for place in ("/var/lib/strayline", "/var/cache/strayline", "/tmp"):
    open(place + "/probe", "w").close()
socket.socket(socket.AF_INET6).close()
assert os.getuid() == 61184, os.getuid()
"""


def test_the_sandbox_refuses_what_the_unit_forbids() -> None:
    """Under the sandbox the unit's directives hold: what they forbid fails, what they allow works."""
    tool("bwrap")
    if os.geteuid() != 0 or run("/usr/bin/python3", "-c", "import seccomp").returncode:
        pytest.skip("the sandbox needs root and Debian's python3-seccomp")
    done = run("/usr/bin/python3", "-m", "deploy.systemd.sandbox", "--", "/usr/bin/python3", "-c", PROBE)
    assert 0 == done.returncode, done.stderr
    assert "False" not in done.stdout, done.stdout
