"""Mutes on the feedback topic."""

from __future__ import annotations

import orjson
import pytest

from daemon.core.messages import Mute, encode, mute_document, parse_mute
from daemon.errors import DataError

NOON = 1_795_694_400_000_000


@pytest.mark.parametrize("pattern", ["", "3788422ae703b069"])
@pytest.mark.parametrize("until", [None, NOON])
def test_what_is_written_is_read(pattern: str, until: int | None) -> None:
    """Of a service or of a pattern, a mute and its end."""
    document = mute_document("shop", pattern, until=until, by="ada", note="disk 3")

    assert Mute("shop", pattern, until, "ada", "disk 3") == parse_mute(encode(document))


@pytest.mark.parametrize(
    "document",
    [{"pattern": "3788422ae703b069", "verdict": "normal"}, {"incident": "i", "action": "acknowledge"}],
)
def test_labels_and_remarks_are_no_mutes(document: dict[str, str]) -> None:
    """They are read by others."""
    assert parse_mute(orjson.dumps(document)) is None


@pytest.mark.parametrize(
    ("document", "problem"),
    [
        ({"action": "hush", "scope": "shop"}, "action: must be one of mute, unmute"),
        ({"action": "mute", "until": "2026-11-26T12:00:00Z"}, "scope: missing"),
        ({"action": "mute", "scope": "shop"}, "until: must be a time"),
        ({"action": "mute", "scope": "shop", "until": "soon"}, "until: must be a time"),
        ({"action": "mute", "scope": "shop", "until": "2026-11-26T12:00:00Z", "pattern": "x"}, "16 hexadecimal"),
        ({"action": "unmute", "scope": "shop", "for": "ever"}, "unknown field"),
        ({"action": "unmute", "scope": 7}, "scope: must be a string"),
    ],
)
def test_wrong_mutes_are_refused(document: dict[str, object], problem: str) -> None:
    """The sentence names the field."""
    with pytest.raises(DataError, match=problem):
        parse_mute(orjson.dumps(document))


def test_secrets_stay_out() -> None:
    """A note is redacted as a line is."""
    document = mute_document("shop", until=NOON, note="password=hunter2secret")

    assert "hunter2secret" not in document["note"]
