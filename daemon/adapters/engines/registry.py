"""Which engine turns sessions into vectors, and how it is set up.

An engine is named by its type and found in `ENGINES`; its module is imported only when it is chosen, so a process that
talks to a server never loads vLLM, and a verb that needs no engine loads neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from importlib import import_module
from typing import cast

from daemon.errors import ConfigError
from daemon.ports import Engine

ENGINES: Mapping[str, str] = {
    "vllm": "daemon.adapters.engines.vllm:VllmEngine",
    "openai": "daemon.adapters.engines.openai:OpenAIEngine",
}
"""Type of engine -> ``module:class``; the class takes one `EngineSettings`. A new engine is one more entry."""


@dataclass(frozen=True, slots=True)
class EngineSettings:
    """What the configuration says of the engine.

    `model` is a hub name, a folder, or ``all-MiniLM-L6-v2`` (from its package); for a server, the name it serves.
    `dimensions` cuts vectors to a Matryoshka size, `instruction` is a prefix to every text. vllm: `options` go to its
    EngineArgs, `step_timeout_s` is the longest a step of the engine may take before it counts as hung. openai: `url`
    ends before ``/embeddings``, `timeout_s` bounds one request, `concurrency` the requests under way.
    """

    type: str = "vllm"
    model: str = "Qwen/Qwen3-Embedding-4B"
    dimensions: int | None = None
    instruction: str | None = None
    options: Mapping[str, object] = field(default_factory=dict)
    url: str | None = None
    api_key: str | None = field(default=None, repr=False)
    timeout_s: float = 60.0
    concurrency: int = 8
    step_timeout_s: float = 600.0


def make_engine(settings: EngineSettings) -> Engine:
    """Return the engine that `settings.type` names, not yet started. Raises ConfigError for an unknown type."""
    place = ENGINES.get(settings.type)
    if place is None:
        raise ConfigError([f"engine.type: {settings.type!r} is none of {', '.join(ENGINES)}"])
    module, _, name = place.partition(":")
    return cast("Engine", getattr(import_module(module), name)(settings))


def model_name(name: str, dimensions: int, instruction: str | None) -> str:
    """Return what names the vectors: equal names mean comparable vectors.

    An instruction changes every vector, so a fingerprint of it is part of the name.
    """
    if not instruction:
        return f"{name}:{dimensions}"
    return f"{name}:{dimensions}:{blake2b(instruction.encode(), digest_size=4).hexdigest()}"
