"""The published schemas are the types."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest
from jsonschema import Draft202012Validator

from daemon.core.messages.feedback import label_document
from daemon.core.messages.json_schema import schemas, write

PUBLISHED = Path(__file__).parents[3] / "docs" / "schema"


@pytest.mark.parametrize("name", sorted(schemas()))
def test_published_schema_is_what_the_types_say(name: str) -> None:
    """`python -m daemon.core.messages.json_schema` would change nothing."""
    assert schemas()[name] == orjson.loads((PUBLISHED / f"{name}.json").read_bytes())


@pytest.mark.parametrize("name", sorted(schemas()))
def test_schema_is_a_schema(name: str) -> None:
    """Each one is valid by its own dialect."""
    Draft202012Validator.check_schema(schemas()[name])


def test_writing_makes_every_file(tmp_path: Path) -> None:
    """The command writes one file a schema, ending in a newline."""
    write(tmp_path / "schema")

    assert sorted(f"{name}.json" for name in schemas()) == sorted(path.name for path in (tmp_path / "schema").iterdir())
    assert all(path.read_bytes().endswith(b"}\n") for path in (tmp_path / "schema").iterdir())


def test_every_field_is_described() -> None:
    """A reader of a schema finds a sentence at every field."""
    for schema in schemas().values():
        for kind in [schema, *schema.get("$defs", {}).values()]:
            assert all(field["description"].endswith(".") for field in kind.get("properties", {}).values())


@pytest.mark.parametrize(
    ("valid", "document"),
    [
        (True, label_document("0123456789abcdef", "normal", scope="payments")),
        (True, label_document("0123456789abcdef-0123456789abcdef", "forget")),
        (False, {"verdict": "normal"}),
        (False, {"alert": "x", "verdict": "normal"}),
        (False, {"pattern": "0123456789abcdef", "verdict": "fine"}),
        (False, {"pattern": "0123456789abcdef", "verdict": "normal", "why": "?"}),
    ],
)
def test_feedback_schema_accepts_what_the_daemon_does(valid: bool, document: dict[str, str]) -> None:
    """The schema and the parser agree on what a message must have."""
    assert valid == Draft202012Validator(schemas()["feedback"]).is_valid(document)
