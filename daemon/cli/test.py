"""`strayline test`: tests of a configuration. Exit code 1 when a case fails, as test runners do."""

from __future__ import annotations

import argparse
import asyncio
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.cli.offline import start_engine
from daemon.cli.parser import Parser, Verbs, add_verb, load
from daemon.cli.saying import say, say_json
from daemon.errors import ConfigError, StraylineError

if TYPE_CHECKING:
    from daemon.config import Config
    from daemon.config_tests import CaseFile
    from daemon.ports import Engine

FAILED = 1


def add(verbs: Verbs[Parser]) -> None:
    """Describe the verb."""
    parser = add_verb(verbs, "test", test, "test a configuration: lines in, sessions and verdicts expected")
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="cases, as YAML or JSON")
    parser.add_argument("--no-engine", action="store_true", help="skip cases that expect something of the engine")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")


def test(options: argparse.Namespace) -> int:
    """Run every case; 0 when none failed, 1 when one did."""
    from daemon.config_tests import load_cases

    began = time.perf_counter()
    files = [(path, load_cases(path)) for path in options.files]
    configs = [_config(path, file, options) for path, file in files]
    results = [
        asyncio.run(_run(path, file, config, options)) for (path, file), config in zip(files, configs, strict=True)
    ]
    flat = [result for results_of_file in results for result in results_of_file]
    count = {word: sum(result["outcome"] == word for result in flat) for word in ("passed", "failed", "skipped")}
    if options.json:
        import orjson

        say_json(orjson.dumps({**count, "cases": flat}))
    else:
        words = ", ".join(f"{n} {word}" for word, n in count.items() if n or word == "passed")
        say(f"{words} in {time.perf_counter() - began:.1f} s")
    return FAILED if count["failed"] else os.EX_OK


def _config(path: Path, file: CaseFile, options: argparse.Namespace) -> Config:
    if file.config is None:
        return load(options)
    import yaml

    from daemon.config import load_config, parse_config

    if isinstance(file.config, str):
        return load_config(path.parent / file.config)
    try:
        return parse_config(yaml.safe_dump(file.config), os.environ, str(path))
    except ConfigError as error:
        raise ConfigError([f"{path}: config.{problem}" for problem in error.problems]) from None


async def _run(path: Path, file: CaseFile, config: Config, options: argparse.Namespace) -> list[dict[str, object]]:
    from daemon.config_tests import NO_ENGINE, run_case
    from daemon.wiring import make_detector, make_tools

    if not options.json:
        say(path)
    engine, lacking = NO_ENGINE, "no engine, by --no-engine"
    if any(case.needs_engine for case in file.cases) and not options.no_engine:
        engine, lacking = await _engine(config)
    results: list[dict[str, object]] = []
    try:
        for case in file.cases:
            if case.needs_engine and engine is NO_ENGINE:
                outcome, differences = "skipped", [lacking]
            else:
                result = await run_case(case, lambda: make_tools(config, engine, make_detector(config, engine)), engine)
                differences = list(result.differences)
                outcome = "failed" if differences else "passed"
            results.append({"file": str(path), "case": case.name, "outcome": outcome, "why": differences})
            if not options.json:
                say(f"  {outcome:<8}{case.name}")
                for difference in differences:
                    say(f"          {difference}")
    finally:
        await engine.close()
    return results


async def _engine(config: Config) -> tuple[Engine, str]:
    """Start the engine; if that fails, return `NO_ENGINE` and the reason."""
    from daemon.adapters.engines import make_engine
    from daemon.config_tests import NO_ENGINE
    from daemon.wiring import engine_settings

    try:
        engine = make_engine(engine_settings(config))
    except (ImportError, StraylineError) as error:
        return NO_ENGINE, f"no engine: {error}"
    try:
        await start_engine(engine, config)
    except StraylineError as error:
        await engine.close()
        return NO_ENGINE, f"no engine: {error}"
    return engine, ""
