"""The journal's export form."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.formats import FormatSettings, make_format
from daemon.core.formats.journal_export import journal_entries
from daemon.core.types import Batch, Parsed, TopicPartition


def read(value: bytes) -> Parsed:
    batch = Batch(TopicPartition("logs", 0), [0], [1_790_000_000_000], [None], [value])
    return make_format(FormatSettings("journald")).parse(batch)


def binary(name: str, text: str) -> bytes:
    data = text.encode()
    return name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n"


def test_entries_with_text_and_binary_fields() -> None:
    """A value holds many entries, and a message of many lines is one line."""
    head = b"__CURSOR=s=1\n__REALTIME_TIMESTAMP=1780000000123456\n_SYSTEMD_UNIT=sshd.service\n_HOSTNAME=a\nPRIORITY=3\n"
    value = head + b"MESSAGE=kex=failed\n\n" + head + binary("MESSAGE", "first\nsecond") + b"\n"

    assert [
        (1, 1_780_000_000_123_456, "sshd.service", "a", "err kex=failed"),
        (2, 1_780_000_000_123_456, "sshd.service", "a", "err first\nsecond"),
    ] == read(value).lines.select("position", "time", "scope", "key", "text").rows()


def test_a_cut_value_is_rejected() -> None:
    """A field that is cut is named by its byte."""
    value = b"PRIORITY=3\n" + binary("MESSAGE", "boom")[:-3]
    rejects = read(value).rejects

    assert ["not_json"] == [reject.reason for reject in rejects]
    assert rejects[0].detail.endswith("at byte 11")


NAMES = st.from_regex(r"[A-Z_][A-Z0-9_]{0,8}", fullmatch=True)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)


@given(st.lists(st.dictionaries(NAMES, TEXTS, min_size=1, max_size=4), max_size=4))
def test_what_is_written_is_read(entries: list[dict[str, str]]) -> None:
    """Every entry comes back, whatever its values hold."""
    value = b"".join(b"".join(binary(name, text) for name, text in entry.items()) + b"\n" for entry in entries)

    assert entries == list(journal_entries(value))
