"""What verbs share that need an engine here: starting and closing it, and a run over files or a topic."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

    from daemon.backtest import BacktestOptions, LabelFile, Result, Setup, Shower
    from daemon.config import Config
    from daemon.ports import Engine


@asynccontextmanager
async def started_engine(config: Config) -> AsyncIterator[Engine]:
    """Start the engine that the configuration names, and close it after the block."""
    from daemon.adapters.engines import make_engine
    from daemon.wiring import engine_settings

    engine = make_engine(engine_settings(config))
    await start_engine(engine, config)
    try:
        yield engine
    finally:
        await engine.close()


async def start_engine(engine: Engine, config: Config) -> None:
    """Load the model, and show so while it takes long."""
    from daemon.terminal.waiting import waiting

    with waiting(f"loading the model {config.engine.model}"):
        await engine.start()


async def run_offline(
    what: BacktestOptions,
    config: Config,
    engine: Engine,
    *,
    labels: LabelFile | None = None,
    show: Shower | None = None,
    console: Console | None = None,
) -> Result:
    """Run over files or a topic, with a progress bar; `show` takes every message of an incident as it comes.

    The bar is on standard error, or on `console`, a terminal that also shows the messages: they appear above the bar.
    """
    from daemon.backtest import run_backtest
    from daemon.terminal.progress import progress

    with progress(console) as watch:
        return await run_backtest(what, _setup(config, engine), engine, labels=labels, watch=watch, show=show)


def _setup(config: Config, engine: Engine) -> Setup:
    """Return what a run needs: the parts that the daemon makes of the same configuration."""
    from daemon.backtest import Setup
    from daemon.wiring import incident_settings, make_detector, make_tools, provenance

    return Setup(
        tools=make_tools(config, engine, make_detector(config, engine)),
        incidents=incident_settings(config),
        about=provenance(config, engine),
    )
