"""Engines that turn texts into unit vectors, behind `ports.Engine`.

`make_engine` returns the engine that the configuration names. `vllm` runs vLLM in this process; `openai` asks a server;
`lite` reads a table of token vectors. Importing this package loads none of them: `find_model`, `pull_model` and
`model_name` work without an engine installed.
"""

from daemon.adapters.engines.model_files import find_model, pull_model
from daemon.adapters.engines.registry import EngineSettings, make_engine, model_name, name_in_vectors

__all__ = ["EngineSettings", "find_model", "make_engine", "model_name", "name_in_vectors", "pull_model"]
