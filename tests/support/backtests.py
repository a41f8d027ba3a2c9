"""What backtest tests share: a setup on the fake engine, and logs whose odd sessions are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from daemon.backtest import BacktestOptions, Result, Setup, run_backtest
from daemon.core.alerts import Provenance
from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.formats import FormatSettings
from daemon.core.incidents import Ceiling, IncidentSettings
from daemon.core.masking.masker import Masker
from daemon.core.sessions import SessionLimits
from daemon.core.stream import Tools
from daemon.ports import Engine
from tests.support.fakes import FakeEngine

SECOND = 1_000_000
BEGIN = 1_780_000_000
LIMITS = SessionLimits(30 * SECOND, 300 * SECOND, 10_000, 32_000, 1_000_000)


def setup_with(
    engine: Engine, *, per_day: float = 20.0, warm_up: int = 200, format_: FormatSettings | None = None
) -> Setup:
    """Return what a configuration would make; the engine must have been started."""
    detector = Detector(DetectorSettings(warm_up=warm_up), engine.model, engine.dimensions)
    tools = Tools(format_ or FormatSettings(), Masker(), LIMITS, engine.count_tokens, detector)
    incidents = IncidentSettings(Ceiling(per_day), warm_up=warm_up)
    return Setup(tools, incidents, Provenance(f"{per_day:g}/day", engine.model, "0123456789ab"))


async def backtest(options: BacktestOptions, *, per_day: float = 20.0, warm_up: int = 200) -> Result:
    """Run a backtest on the fake engine."""
    engine = FakeEngine()
    await engine.start()
    try:
        return await run_backtest(options, setup_with(engine, per_day=per_day, warm_up=warm_up), engine)
    finally:
        await engine.close()


def stamp(second: float) -> str:
    """Return the RFC 3339 time that many seconds after the beginning."""
    return datetime.fromtimestamp(BEGIN + second, UTC).isoformat()


def record(second: float, key: str, message: str, scope: str = "shop") -> str:
    """Return one JSON line."""
    return json.dumps({"time": stamp(second), "scope": scope, "key": key, "message": message})


def sessions(count: int, odd: Sequence[int] = (), *, first: int = 0, scope: str = "shop") -> list[str]:
    """Return the lines of `count` sessions, one every 10 s, of a few shapes; those in `odd` fail in a new way."""
    lines = []
    for number in range(first, first + count):
        at, key = number * 10.0, f"request-{number}"
        lines.append(record(at, key, f"GET /cart/{number} from 10.0.0.{number % 250}", scope))
        lines += [record(at + 1, key, f"query took {number % 90} ms", scope)] * (1 + number % 3)
        if number in odd:
            lines.append(record(at + 2, key, f"ERROR deadlock detected by process {number}", scope))
        else:
            lines.append(record(at + 2, key, f"200 OK in {number % 70} ms", scope))
    return lines


def write(path: Path, lines: Sequence[str]) -> str:
    """Write lines to a file and return its name."""
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return str(path)
