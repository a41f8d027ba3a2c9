"""Reading a configuration file, with all its errors at once.

Three steps: YAML (duplicate keys are refused, syntax errors have line and column); `${NAME}` and `${NAME:-default}`
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

import yaml
from pydantic import BaseModel, ValidationError

from daemon.config.schema import Config
from daemon.errors import ConfigError

MOST_VALUES = 100_000
"""In one file; aliases of aliases multiply them."""
_TOO_MANY = f"holds more than {MOST_VALUES:,} values, or itself; look for aliases of aliases"
_MERGE = "tag:yaml.org,2002:merge"
_VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}")


class _StrictLoader(yaml.SafeLoader):
    """YAML that refuses duplicate keys; otherwise the second silently replaces the first."""

    _merged = 0

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[object, object]:
        seen: set[object] = set()
        for key_node, _ in node.value:
            if key_node.tag == _MERGE:
                continue
            key = self.construct_object(key_node, deep=True)
            if key in seen:
                mark = key_node.start_mark
                raise yaml.constructor.ConstructorError(None, None, f"{key!r} is given twice", mark)
            seen.add(key)
        return super().construct_mapping(node, deep)

    def flatten_mapping(self, node: yaml.MappingNode) -> None:
        """Merge what `<<` names, in bounds: this is called for each mapping that is merged, before it is copied."""
        super().flatten_mapping(node)
        self._merged += len(node.value)
        if self._merged > MOST_VALUES:
            raise yaml.constructor.ConstructorError(None, None, _TOO_MANY, node.start_mark)


def load_config(path: Path, environment: Mapping[str, str] | None = None) -> Config:
    """Read and check a file. Raises ConfigError with every problem found, each ``path: what is wrong``."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError([f"{path}: {error.strerror}"]) from None
    except UnicodeDecodeError as error:
        raise ConfigError([f"{path}: not UTF-8 at byte {error.start}"]) from None
    return parse_config(text, environment if environment is not None else os.environ, str(path))


def parse_config(text: str, environment: Mapping[str, str], name: str = "config") -> Config:
    """Check a configuration's text; errors name the file as `name`. Raises ConfigError with every problem."""
    try:
        tree = yaml.load(text, _StrictLoader)  # noqa: S506  # a SafeLoader
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"{name}:{mark.line + 1}:{mark.column + 1}" if mark else name
        raise ConfigError([f"{place}: {error.problem}"]) from None
    except yaml.YAMLError as error:
        raise ConfigError([f"{name}: {error}"]) from None
    except RecursionError:
        raise ConfigError([f"{name}: values are nested too deeply"]) from None
    except (ValueError, TypeError, AttributeError, OverflowError) as error:  # PyYAML's constructors raise all of these
        raise ConfigError([f"{name}: a value cannot be read: {error}"]) from None
    if tree is None:
        tree = {}
    if not isinstance(tree, dict):
        raise ConfigError([f"{name}: a configuration must be a mapping of sections, not a {type(tree).__name__}"])
    if not _bounded(tree):
        raise ConfigError([f"{name}: {_TOO_MANY}"])
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


def _bounded(tree: object) -> bool:
    """Return whether a tree holds at most `MOST_VALUES` values; one that an alias repeats counts each time."""
    count, waiting = 0, [tree]
    while waiting:
        node = waiting.pop()
        inner = list(node.values()) if isinstance(node, dict) else node if isinstance(node, list) else ()
        count += len(inner)
        if count > MOST_VALUES:
            return False
        waiting.extend(inner)
    return True


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
