"""Reference pages that are generated: the configuration, the command line, the schemas of the messages."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import yaml
from pydantic import BaseModel

from daemon.cli.entry import VERBS
from daemon.cli.parser import Parser
from daemon.config import Config

_CONFIGURATION = """# Configuration

Every key of the configuration file, with its default. A file needs only the keys that differ. Unknown keys are errors.
Durations take `ms`, `s`, `m`, `h` or `d`. `${NAME}` and `${NAME:-default}` read the environment: keep secrets there.
`strayline check --config FILE` reports all mistakes at once, each with its place.
"""
_COMMAND_LINE = """# Command line

What `strayline VERB --help` prints, for every verb. [Verbs](verbs.md) explains them.
"""
_MESSAGES = """# Messages

The fields of the messages that strayline writes and reads, from their JSON schemas. [Alerts](alerts.md) explains them.
"""


def configuration_page(example: str) -> str:
    """Return a table for each section; what a key means is its comment in `example`, the text of config.yaml."""
    comments = dict(_comments(example))
    defaults = yaml.safe_load(example)
    parts = [_CONFIGURATION]
    for name, field in Config.model_fields.items():
        section = field.annotation
        assert isinstance(section, type)
        assert issubclass(section, BaseModel)
        parts.append(f"\n## {name}\n\n{_first_paragraph(section)}\n\n| key | default | meaning |\n|---|---|---|\n")
        for key, model, choices in _keys(section, name):
            meaning = _cell(" ".join(part for part in (comments.get(key, ""), choices) if part))
            parts.append(f"| `{key}` | {_default(defaults, key, model)} | {meaning} |\n")
    return "".join(parts)


def command_line_page() -> str:
    """Return the help of every verb."""
    parser = Parser(prog="strayline")
    verbs = parser.add_subparsers(metavar="VERB", required=True, parser_class=Parser)
    for module in VERBS:
        module.add(verbs)
    parts = [_COMMAND_LINE]
    for one in _leaves(parser):
        one.formatter_class = _wide
        parts.append(f"\n## {one.prog}\n\n```\n{one.format_help().rstrip()}\n```\n")
    return "".join(parts)


def messages_page(folder: Path) -> str:
    """Return a table of fields for each schema in `folder`, and for each form of a message that has several."""
    parts = [_MESSAGES]
    for path in sorted(folder.glob("*.json")):
        schema = json.loads(path.read_text())
        parts.append(f"\n## {path.stem}\n\nThe schema: [`{path.name}`](schema/{path.name}).\n")
        for form in schema.get("oneOf", [schema]):
            resolved = _resolved(form, schema)
            parts.append(f"\n{resolved.get('description', '')}\n\n| field | type | meaning |\n|---|---|---|\n")
            for name, kind, meaning in _fields(resolved, schema):
                parts.append(f"| `{name}` | {_cell(kind)} | {_cell(meaning)} |\n")
    return "".join(parts)


def _comments(text: str) -> Iterator[tuple[str, str]]:
    """Yield (dotted key, comment on its line) of a YAML text."""
    lines = text.splitlines()

    def walk(node: yaml.Node, prefix: str) -> Iterator[tuple[str, str]]:
        if isinstance(node, yaml.MappingNode):
            for key, value in node.value:
                path = f"{prefix}{key.value}"
                _, mark, comment = lines[key.start_mark.line].partition(" # ")
                yield path, comment.strip() if mark else ""
                yield from walk(value, f"{path}.")

    root = yaml.compose(text)
    assert root is not None
    yield from walk(root, "")


def _keys(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, Any, str]]:
    """Yield (dotted key, field, its choices as a sentence) of a section, those of sections inside it too."""
    for name, field in model.model_fields.items():
        path, kind = f"{prefix}.{name}", field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _keys(kind, path)
        else:
            choices = (
                [value for value in get_args(kind) if isinstance(value, str)] if get_origin(kind) is Literal else []
            )
            yield path, field, f"One of {', '.join(f'`{choice}`' for choice in choices)}." if choices else ""


def _default(example: object, key: str, field: Any) -> str:
    """Return the default as the example file writes it, or as the model has it."""
    for part in key.split("."):
        if not isinstance(example, Mapping) or part not in example:
            return _model_default(field)
        example = example[part]
    text = yaml.safe_dump(example, default_flow_style=True, width=1000).removesuffix("...\n").strip()
    return f"`{_cell(text)}`"


def _model_default(field: Any) -> str:
    return "required" if field.is_required() else f"`{_cell(json.dumps(field.get_default(), default=str))}`"


def _first_paragraph(model: type[BaseModel]) -> str:
    return " ".join((model.__doc__ or "").strip().split("\n\n")[0].split())


def _leaves(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """Yield the parsers that have no verbs below them."""
    inner = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]  # noqa: SLF001
    if not inner:
        yield parser
    for action in inner:
        for child in action.choices.values():
            yield from _leaves(child)


def _wide(prog: str) -> argparse.HelpFormatter:
    return argparse.HelpFormatter(prog, width=100, max_help_position=30)


def _resolved(schema: Mapping[str, Any], root: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a schema with the definition that it refers to, its own keywords first."""
    reference = schema.get("$ref")
    if reference is None:
        return schema
    return {**root["$defs"][reference.removeprefix("#/$defs/")], **schema}


def _fields(schema: Mapping[str, Any], root: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str, str]]:
    """Yield (dotted name, type, description) of a schema's properties, those of objects inside it too."""
    for name, property_ in schema.get("properties", {}).items():
        one = _resolved(property_, root)
        inner = _resolved(one.get("items", one), root)
        path = f"{prefix}{name}{'[]' if 'items' in one else ''}"
        yield path, _type(one), one.get("description", "")
        if "properties" in inner:
            yield from _fields(inner, root, f"{path}.")


def _type(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return ", ".join(f"`{json.dumps(value)}`" for value in schema["enum"])
    if "const" in schema:
        return f"`{json.dumps(schema['const'])}`"
    kind = schema.get("type", "")
    return " or ".join(kind) if isinstance(kind, list) else str(kind)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
