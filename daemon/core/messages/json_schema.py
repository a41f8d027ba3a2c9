"""JSON Schemas of the messages, made from the types in `schema` and `feedback_schema`.

`python -m deploy.generate` writes them to `docs/schema`. A later minor version may add fields, so readers must accept
unknown ones; only feedback, which people write, refuses them. `strict=True` refuses them everywhere, for tests.
"""

from __future__ import annotations

import ast
import inspect
import types
from functools import cache
from typing import Annotated, Any, Literal, NotRequired, Union, get_args, get_origin, get_type_hints, is_typeddict

from daemon.core.messages import document_schema, feedback_schema, schema

DIALECT = "https://json-schema.org/draft/2020-12/schema"
Schema = dict[str, Any]
_SCALARS: dict[Any, Schema] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    float: {"type": "number"},
    bool: {"type": "boolean"},
    types.NoneType: {"type": "null"},
}


def schemas(*, strict: bool = False) -> dict[str, Schema]:
    """Return every published schema by its file's name, without extension."""
    return {
        "verdict": _root(schema.VERDICT_SCHEMA, [schema.VerdictDocument], strict=strict),
        "alert": _root(schema.ALERT_SCHEMA, [schema.AlertDocument], strict=strict),
        "feedback": _feedback(),
    }


def _feedback() -> Schema:
    """Return the schema of feedback: a label names either an alert or a pattern, which no type can express."""
    roots: list[type] = [
        feedback_schema.FeedbackDocument,
        feedback_schema.RemarkDocument,
        feedback_schema.MuteDocument,
    ]
    document = _root(feedback_schema.FEEDBACK_SCHEMA, roots, strict=True)
    document["$defs"]["FeedbackDocument"]["oneOf"] = [{"required": ["alert"]}, {"required": ["pattern"]}]
    return document


def _root(identifier: str, roots: list[type], *, strict: bool) -> Schema:
    definitions: dict[str, Schema] = {}
    for root in roots:
        _object(root, definitions, strict=strict)
    head: Schema = {"$schema": DIALECT, "$id": identifier, "title": identifier.split(":")[-2]}
    if len(roots) > 1:
        return head | {"oneOf": [_reference(root) for root in roots], "$defs": definitions}
    body = definitions.pop(roots[0].__name__)
    return head | body | ({"$defs": definitions} if definitions else {})


def _object(kind: type, definitions: dict[str, Schema], *, strict: bool) -> Schema:
    if kind.__name__ not in definitions:
        definitions[kind.__name__] = {}
        hints = get_type_hints(kind, include_extras=True)
        definitions[kind.__name__] = {
            "description": inspect.getdoc(kind),
            "type": "object",
            "properties": {
                name: _value(hint, definitions, strict=strict) | {"description": _descriptions()[kind.__name__, name]}
                for name, hint in hints.items()
            },
            "required": [name for name, hint in hints.items() if get_origin(hint) is not NotRequired],
        } | ({"additionalProperties": False} if strict else {})
    return _reference(kind)


def _value(hint: Any, definitions: dict[str, Schema], *, strict: bool) -> Schema:
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        plain = _value(arguments[0], definitions, strict=strict)
        return plain | dict(arguments[1:])
    if origin is NotRequired:
        return _value(arguments[0], definitions, strict=strict)
    if origin is Literal:
        return {"enum": list(arguments)}
    if origin in (Union, types.UnionType):
        return {"anyOf": [_value(argument, definitions, strict=strict) for argument in arguments]}
    if origin is list:
        return {"type": "array", "items": _value(arguments[0], definitions, strict=strict)}
    if origin is dict:
        return {"type": "object", "additionalProperties": _value(arguments[1], definitions, strict=strict)}
    if is_typeddict(hint):
        return _object(hint, definitions, strict=strict)
    return dict(_SCALARS[hint])


def _reference(kind: type) -> Schema:
    return {"$ref": f"#/$defs/{kind.__name__}"}


@cache
def _descriptions() -> dict[tuple[str, str], str]:
    """Return the docstring under each field, by class and field, read from the source: Python drops them."""
    sentences: dict[tuple[str, str], str] = {}
    for node in ast.parse("".join(map(inspect.getsource, (document_schema, schema, feedback_schema)))).body:
        if not isinstance(node, ast.ClassDef):
            continue
        inherited = {base.id for base in node.bases if isinstance(base, ast.Name)}
        sentences |= {
            (node.name, name): sentence for (owner, name), sentence in sentences.items() if owner in inherited
        }
        for field, text in zip(node.body, node.body[1:], strict=False):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(sentence))):
                    sentences[node.name, name] = sentence
                case _:
                    pass
    return sentences
