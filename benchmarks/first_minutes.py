"""From nothing to the first finding, as a new user: python -m benchmarks.first_minutes [--cast FILE] [--text FILE]

In an empty folder an environment is made, strayline's wheel is installed into it with pip from the package index, and
`strayline try` is run on a log. All commands are typed into one shell on a terminal of its own. The table has the
seconds of each by the clock, and its CPU-seconds, which tell how much of it other work on the machine took; a finding
counts when the first incident stands on the screen. `--cast` keeps what the terminal showed, as asciinema plays it;
`--text` keeps it as plain text, without the bars that only a terminal has.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOG = ROOT / "demo" / "recordings" / "logs.jsonl.xz"
WIDTH, HEIGHT = 100, 30
PROMPT = "$ "
DONE = re.compile(r"\x1b\]done:(\d+):([\d.]+)\x07")
"""What the shell writes behind each command: its exit code and the CPU-seconds so far. Terminals do not show it."""
FOUND = re.compile(r"never seen in|is this normal\?")
PATIENCE = 900.0
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07")
BAR = "━"
UP = "\x1b[1A"
SHELL = r"""
PS1=''; PS2=''; PROMPT_COMMAND=''
done_() { local code=$?; printf '\033]done:%s:%s\007' "$code" "$(awk '{print ($14+$15+$16+$17)/100}' /proc/$$/stat)"; }
"""


@dataclass
class Terminal:
    """A shell on a terminal of its own, and all that it showed with its times."""

    folder: Path
    events: list[tuple[float, str]] = field(default_factory=list)
    cpu: float = 0.0

    def __post_init__(self) -> None:
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(self.folder)
            environment = {
                name: os.environ[name] for name in os.environ if not name.startswith(("VIRTUAL_ENV", "PYTHON"))
            }
            size = {"TERM": "xterm-256color", "COLUMNS": str(WIDTH), "LINES": str(HEIGHT)}
            os.execvpe("bash", ["bash", "--noprofile", "--norc"], {**environment, **size})
        self.began = time.monotonic()
        os.write(self.terminal, b"stty -echo\n" + SHELL.encode() + b"done_\n")
        self._until_done()
        self.events.clear()
        self.began = time.monotonic()

    def run(self, command: str) -> tuple[float, float, float | None]:
        """Run a command; return its seconds, its CPU-seconds, and when its first finding was shown, if any."""
        self._show(f"{PROMPT}{command}\r\n")
        began, before = time.monotonic(), self.cpu
        os.write(self.terminal, f"{command}; done_\n".encode())
        code, first = self._until_done()
        if code:
            raise RuntimeError(f"{command}: exit code {code}\n{self.text()}")
        return time.monotonic() - began, self.cpu - before, None if first is None else first - began

    def _until_done(self) -> tuple[int, float | None]:
        shown, first = "", None
        end = time.monotonic() + PATIENCE
        while (done := DONE.search(shown)) is None:
            if time.monotonic() > end:
                raise TimeoutError(shown)
            if not select.select([self.terminal], [], [], 0.5)[0]:
                continue
            piece = os.read(self.terminal, 1 << 16).decode(errors="replace")
            shown += piece
            self._show(piece)
            if first is None and FOUND.search(shown):
                first = time.monotonic()
        self.cpu = float(done[2])
        return int(done[1]), first

    def _show(self, text: str) -> None:
        if text := DONE.sub("", text):
            self.events.append((time.monotonic() - self.began, text))

    def close(self) -> None:
        """End the shell."""
        os.close(self.terminal)
        os.waitpid(self.pid, 0)

    def cast(self) -> str:
        """Return what was shown as asciinema's recording, version 2."""
        head = {"version": 2, "width": WIDTH, "height": HEIGHT, "title": "strayline: from nothing to the first finding"}
        return (
            "\n".join([json.dumps(head), *(json.dumps([round(at, 3), "o", text]) for at, text in self.events)]) + "\n"
        )

    def text(self) -> str:
        """Return what stays on the screen, as plain text: bars and spinners erase themselves."""
        kept: list[str] = []
        for line in "".join(text for _, text in self.events).replace("\r\n", "\n").split("\n"):
            for _ in range(min(len(kept), line.count(UP))):
                kept.pop()
            kept.append(ESCAPES.sub("", re.split(r"\r|\x1b\[2K", line)[-1]).rstrip())
        kept = [line for line in kept if BAR not in line]
        return "\n".join(line for at, line in enumerate(kept) if line or (at and kept[at - 1])) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.first_minutes", description=__doc__)
    parser.add_argument("--python", default=sys.executable, help="the Python of the new environment")
    parser.add_argument("--log", type=Path, default=LOG, help="what is looked at (default: the demo's recording)")
    parser.add_argument("--cast", type=Path, help="keep what the terminal showed, for asciinema")
    parser.add_argument("--text", type=Path, help="keep it as plain text")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder)]
        subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
        (wheel,) = folder.glob("*.whl")
        shutil.copy(options.log, folder)
        (folder / "python3").symlink_to(Path(options.python).resolve())
        terminal = Terminal(folder)
        terminal.run("PATH=$PWD:$PATH")
        terminal.events.clear()
        terminal.began = time.monotonic()
        try:
            total = measure(terminal, wheel.name, options.log.name)
        finally:
            terminal.close()
    if options.cast is not None:
        options.cast.write_text(terminal.cast())
    if options.text is not None:
        options.text.write_text(terminal.text())
    return 0 if total < 90 else 1


def measure(terminal: Terminal, wheel: str, log: str) -> float:
    """Type the commands; print and return the seconds to the first finding."""
    print("| command | seconds | CPU-seconds |\n|---|---|---|")
    total = cpu = 0.0
    for command in (
        "python3 -m venv env",
        f"env/bin/pip install -q '{wheel}[lite]'",
        f"env/bin/strayline try {log} --limit 3",
    ):
        seconds, own, first = terminal.run(command)
        print(f"| `{command}` | {seconds:.1f} | {own:.1f} |", flush=True)
        if first is not None:
            total += first
            print(f"| to the first finding | {total:.1f} | |")
        else:
            total += seconds
        cpu += own
    print(f"| all | | {cpu:.1f} |")
    return total


if __name__ == "__main__":
    sys.exit(main())
