"""What works on the input: lines in sessions, or whole documents against a base."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack

from daemon.config import DOCUMENT, Config
from daemon.core.detection import Detector
from daemon.document_bases import file_limits, require_libraries
from daemon.ports import Engine
from daemon.tracing import Tracing
from daemon.wiring import Processors, make_processors


async def processors_maker(
    config: Config,
    engine: Engine,
    detector: Detector,
    position: Callable[[], str],
    widths: Mapping[str, int],
    stack: AsyncExitStack,
    unfinished: Callable[[bool], None],
    tracing: Tracing | None = None,
) -> Callable[[Config], Processors]:
    """Return what makes the processors of a configuration, which may be loaded again; `stack` closes what is opened.

    `unfinished` is told whether documents are checked against a base that another program has changed in part. Raises
    ConfigError where documents cannot be checked. The other arguments are those of `make_processors`.
    """
    if config.input.format != DOCUMENT:
        return lambda config: make_processors(config, engine, detector, position, widths, tracing)
    require_libraries()
    from daemon.adapters.parsing import ParserProcess
    from daemon.document_wiring import make_document_processors, open_standards

    standards = await open_standards(config, engine, stack, unfinished)
    reader = stack.enter_context(ParserProcess(file_limits(config)))
    return lambda config: make_document_processors(config, engine, detector, position, standards, reader)
