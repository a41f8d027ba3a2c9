"""Reading a configuration file, with all its errors at once.

Three steps: YAML (`strict_yaml`: syntax errors have line and column); `${NAME}` and `${NAME:-default}`
from the environment; the model (unknown keys are refused, with the nearest known key). Nothing else of the
configuration reads the environment. No error contains a secret: a value from the environment is shown as a variable.
"""

from __future__ import annotations

import difflib
import inspect
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import get_origin

from pydantic import BaseModel, ValidationError

from daemon.config.schema import Config
from daemon.errors import ConfigError
from daemon.small_files import read_small
from daemon.strict_yaml import YamlError, parse_yaml

_BEGIN, _DEFAULT = r"\$\{([A-Za-z_][A-Za-z0-9_]*)", r":-((?:[^}$]|\$(?!\{))*)"
_VARIABLE = re.compile(rf"{_BEGIN}(?:{_DEFAULT})?\}}")
_NESTED = re.compile(rf"{_BEGIN}{_DEFAULT}\$\{{")
"""A default ends at the next variable at the latest, so each character is read once."""


def load_config(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Read and check a file. Raises ConfigError with every problem found, each ``path: what is wrong``."""
    return parse_config(read_text(path), environment if environment is not None else os.environ, str(path))


def read_text(path: Path) -> str:
    """Return the text of a configuration. Raises ConfigError."""
    try:
        return read_small(path).decode()
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 at byte {error.start}"]) from None


def parse_config(text: str, environment: Mapping[str, str], name: str = "config") -> Config:
    """Check a configuration's text; errors name the file as `name`. Raises ConfigError with every problem."""
    try:
        tree = parse_yaml(text)
    except YamlError as error:
        raise ConfigError([error.at(name)]) from None
    if tree is None:
        tree = {}
    if not isinstance(tree, dict):
        raise ConfigError([f"{name}: a configuration must be a mapping of sections, not a {type(tree).__name__}"])
    problems: list[str] = []
    try:
        config = Config.model_validate(_substitute(tree, environment, "", problems))
    except ValidationError as error:
        messages = [_problem(e["loc"], e["type"], e["msg"]) for e in error.errors(include_input=False)]
        used = {match[1] for match in _VARIABLE.finditer(text)}
        problems += [
            _named(problem, {key: environment[key] for key in used if key in environment}) for problem in messages
        ]
        raise ConfigError(problems) from None
    if problems:
        raise ConfigError(problems)
    return config


def _named(problem: str, environment: Mapping[str, str]) -> str:
    """Return a problem with the names of variables in place of their values."""
    for name, value in environment.items():
        problem = problem.replace(repr(value), f"${{{name}}}")
        if len(value) > 3:
            problem = problem.replace(value, f"${{{name}}}")
    return problem


def _substitute(node: object, environment: Mapping[str, str], path: str, problems: list[str]) -> object:
    if isinstance(node, dict):
        return {k: _substitute(v, environment, f"{path}.{k}" if path else str(k), problems) for k, v in node.items()}
    if isinstance(node, list):
        return [_substitute(v, environment, f"{path}.{i}", problems) for i, v in enumerate(node)]
    if not isinstance(node, str):
        return node
    if (nested := _NESTED.search(node)) is not None:
        problems.append(f"{path}: the default of ${{{nested[1]}:-…}} holds another ${{…}}; write a text there")
        return node

    def value(match: re.Match[str]) -> str:
        setting: str | None = environment.get(match[1], match[2])
        if setting is None:
            problems.append(f"{path}: the environment has no {match[1]}, and ${{{match[1]}}} has no default")
            return ""
        return setting

    return _VARIABLE.sub(value, node)


def _problem(location: tuple[int | str, ...], kind: str, message: str) -> str:
    path = ".".join(str(part) for part in location)
    if kind == "extra_forbidden":
        section: type[BaseModel] = Config
        for part in location[:-1]:
            known = section.model_fields.get(str(part))
            inner = get_origin(known.annotation) or known.annotation if known else None
            section = inner if inspect.isclass(inner) and issubclass(inner, BaseModel) else BaseModel
        near = difflib.get_close_matches(str(location[-1]), list(section.model_fields), n=1)
        return f"{path}: unknown key" + (f"; did you mean {near[0]}?" if near else "")
    text = message.removeprefix("Value error, ")
    return f"{path}: {text}" if path else text
