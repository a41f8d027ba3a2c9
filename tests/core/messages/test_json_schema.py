"""The published schemas are the types."""

from __future__ import annotations

import pytest
from jsonschema import Draft202012Validator

from daemon.core.messages import label_document, remark_document, schemas


@pytest.mark.parametrize("name", sorted(schemas()))
def test_schema_is_a_schema(name: str) -> None:
    """Each one is valid by its own dialect."""
    Draft202012Validator.check_schema(schemas()[name])


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
        (True, remark_document("3788422ae703b069", "acknowledge", by="ann")),
        (False, {"incident": "3788422ae703b069", "action": "mute"}),
        (False, {"incident": "3788422ae703b069", "verdict": "normal"}),
        (False, {"verdict": "normal"}),
        (False, {"alert": "x", "verdict": "normal"}),
        (False, {"pattern": "0123456789abcdef", "verdict": "fine"}),
        (False, {"pattern": "0123456789abcdef", "verdict": "normal", "why": "?"}),
    ],
)
def test_feedback_schema_accepts_what_the_daemon_does(valid: bool, document: dict[str, str]) -> None:
    """The schema and the parser agree on what a message must have."""
    assert valid == Draft202012Validator(schemas()["feedback"]).is_valid(document)
