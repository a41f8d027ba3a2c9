"""What masks take and what they leave."""

from __future__ import annotations

from uuid import UUID

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.masking.kept_numbers import with_words
from daemon.core.masking.length import CUT, MAX_TEXT
from daemon.core.masking.masker import Masker
from daemon.core.masking.masks import COLONS, LONE_UUID, NARROW, WIDE
from daemon.core.masking.redaction import RedactionSettings, redact_column
from daemon.core.positions import position_of
from daemon.core.types import LINES_SCHEMA


def lines(texts: list[str]) -> pl.DataFrame:
    rows = [(position_of(at), 0, "s", "k", text, 0) for at, text in enumerate(texts)]
    return pl.DataFrame(rows, schema=dict(LINES_SCHEMA), orient="row")


def masked(text: str, masker: Masker | None = None) -> str:
    return str((masker or Masker()).apply(lines([text]))["masked"][0])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Received block blk_-160899 of size 67108864 from /10.250.14.224",
            "Received block blk_<NUM> of size <NUM> from /<IP>",
        ),
        ("blk_160899 is one, 10.0.0.1:50010 another", "blk_<NUM> is one, <IP> another"),
        ("at 2026-11-22T10:41:07.123Z and 2026-11-22 10:41:07,5 +01:00", "at <TIME> and <TIME>"),
        ("Nov 22 10:41:07 host, Sun Nov 22 10:41:07 2026", "<TIME> host, <TIME>"),
        ("[22/Nov/2026:10:41:07 +0000] 10:41:07", "[<TIME>] <TIME>"),
        ("20171223-22:15:29:606 and 20171223-9:6:0:3 and 20171223-9:06:10", "<TIME> and <TIME> and <TIME>"),
        ("job 1520171223-9:6, port 20171223-22:x", "job <NUM>-<NUM>:<NUM>, port <NUM>-<NUM>:x"),
        ("req 0f8fad5b-d9cb-469f-a165-70867728950e done", "req <UUID> done"),
        ("eth0 is 0a:1b:2c:3d:4e:5f", "eth<NUM> is <MAC>"),
        ("from fe80::1:2 and 2001:db8:0:0:0:0:0:1 to ::1", "from <IP> and <IP> to <IP>"),
        ("get https://example.com:8443/a?b=1 now", "get <URL> now"),
        ("open /var/log/x-1.log, C:\\Temp\\x.txt", "open <PATH>, <PATH>"),
        ("read/write and/or 和/或", "read/write and/or 和/或"),
        ("commit deadbeef01 at 0xFF, 12345678a, decade cafe", "commit <HEX> at <HEX>, <HEX>, decade cafe"),
        ("worker-12 took 12ms for 1.5GB, rc -1", "worker-<NUM> took <NUM> for <NUM>, rc <NUM>"),
        ("a \t b\n  at c  ", "a b at c"),
        ("Ошибка 42: диск переполнен 磁盘已满 42", "Ошибка <NUM>: диск переполнен 磁盘已满 <NUM>"),
        ("login password=hunter2", "login password=<SECRET>"),
        ("std::vector Foo::bar", "std::vector Foo::bar"),
        ('"GET /cart HTTP/1.1" 502 157', '"GET <PATH> HTTP/<NUM>" <SERVER_ERROR> <NUM>'),
        ('"GET /cart HTTP/2.0" 204 0', '"GET <PATH> HTTP/<NUM>" <OK> <NUM>'),
        ('{"status":404,"status_code": "302"}', '{"status":<CLIENT_ERROR>,"status_code": "<REDIRECTION>"}'),
        ("done, status=503 statusCode: 200", "done, status=<SERVER_ERROR> statusCode: <OK>"),
        ("DownstreamStatus=502 sc-status=404", "DownstreamStatus=<SERVER_ERROR> sc-status=<CLIENT_ERROR>"),
        (
            "status: 7, exit-status=500, status=5021, HTTP/1.1 500",
            "status: <NUM>, exit-status=<FIVE><ZERO><ZERO>, status=<NUM>, HTTP/<NUM> <SERVER_ERROR>",
        ),
        ("see http://a.b/?status=500 now", "see <URL> now"),
        ("7\tGET\td1.example.net\t/cart\t503\t-", "<NUM> GET d<NUM>.example.net <PATH> <SERVER_ERROR> -"),
        ("CEDE24428A: client=a", "<HEX>: client=a"),
        ("IEF142I JOB", "IEF<ONE><FOUR><TWO>I JOB"),
        ("7\tGET\t/cart\t200\t512", "<NUM> GET <PATH> <OK> <NUM>"),
    ],
)
def test_masks(text: str, expected: str) -> None:
    """Variables become placeholders, words stay in any language."""
    assert expected == masked(text)


@pytest.mark.parametrize("sign", ["", "-"])
def test_equal_events_read_the_same(sign: str) -> None:
    """Ids of either sign and numbers of any length leave one masked line."""
    texts = [f"block blk_{sign}{10**size} size {10**size}" for size in range(1, 19)]

    assert {"block blk_<NUM> size <NUM>"} == set(Masker().apply(lines(texts))["masked"])


def test_the_users_masks_come_first() -> None:
    """A user's mask sees the line before the built-in ones, and its name is its placeholder."""
    masker = Masker([("order", r"ORD-\d+"), ("money$", r"\d+ EUR")])

    assert "<ORDER> costs <MONEY$> in <NUM> days" == masked("ORD-77 costs 12 EUR in 3 days", masker)


def test_a_bad_mask_is_refused() -> None:
    """A mask that is not a Rust regular expression is refused by name."""
    with pytest.raises(ValueError, match="mask order: look-around"):
        Masker([("order", r"(?=x)")])


def test_addresses_by_choice() -> None:
    """Where IP addresses are private they leave the text too."""
    masker = Masker(redact=RedactionSettings(ips=True))
    assert "from <IP>" == masker.apply(lines(["from 10.0.0.1"]))["text"][0]


@pytest.mark.parametrize("size", [MAX_TEXT, MAX_TEXT + 1, 2 * MAX_TEXT, 10_000_000])
def test_long_lines_are_cut_with_a_mark(size: int) -> None:
    """A line longer than the limit is cut and says so; others are whole."""
    text = Masker().apply(lines(["ж" * size]))["text"][0]

    assert (size > MAX_TEXT) == text.endswith(CUT)
    assert len(text) <= MAX_TEXT


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(max_size=60), max_size=10))
def test_a_line_is_masked_the_same_alone_and_in_a_batch(texts: list[str]) -> None:
    """What becomes of a line does not depend on its neighbours, and no masked line spans lines."""
    together = Masker().apply(lines(texts))

    assert [masked(text) for text in texts] == together["masked"].to_list()
    assert not any("\n" in line or "  " in line for line in together["masked"])


def test_lines_of_a_large_batch_are_masked_in_their_place() -> None:
    """Of a batch of many thousand lines each has its own masked form, also beside one that holds a line feed."""
    words = ["one", "two", "three", "four", "five", "six", "seven"]
    texts = [f"{words[number % 7]} took {number} ms" for number in range(13_001)]
    texts[5_000] = "a trace\n  at line 7"

    table = Masker().apply(lines(texts))

    expected = [f"{words[number % 7]} took <NUM>" for number in range(13_001)]
    expected[5_000] = "a trace at line <NUM>"
    assert expected == table["masked"].to_list()
    assert texts == table["text"].to_list()


def naive(texts: list[str], masks: list[tuple[str, str]], redact: RedactionSettings) -> list[tuple[str, str]]:
    """Each line by itself: redacted, then every mask in its order over the whole of it."""
    found = []
    for text in texts:
        redacted = redact_column(pl.Series("text", [text]), redact)
        column = redacted
        for pattern, placeholder in [*((pattern, f"<{name.upper()}>") for name, pattern in masks), LONE_UUID]:
            column = column.str.replace_all(pattern, placeholder)
        column = with_words(column)
        for pattern, placeholder in (*WIDE, *COLONS, *NARROW):
            column = column.str.replace_all(pattern, placeholder)
        found.append((redacted[0], column.str.strip_chars()[0]))
    return found


PARTS = st.sampled_from(
    "0x1f|1x0|0x4AAAAAAAx|10x|0X80070005|failed with |x|10.250.1.7:50010|4111 1111 1111 1111"
    "|4111 1111 1111 1112|12345678a|a9|-5|_-3|2026-11-22T10:41:07Z"
    "|10:41:07|::1|fe80::1:2|password=hunter2|bob@example.com|a%40b.com|\n| |  |8Q~|%3a%2f%2fu:p@h|ключ7|7|MIIEvQ"
    f"|dop_v1_{'0' * 32}|dop_v2_{'0' * 32}|SK{'3a' * 16}|SK{'4b' * 16}|b4fbXQtE3q1Zp|/var/log/x-1.log|blk_-160899"
    "|0f8fad5b-d9cb-469f-a165-70867728950e|41111111-1111-1111-a165-70867728950e|0f8fad5b-d9cb-469f-4111-111111111111"
    "|12345678:|AAefad5b-d9cb-469f-a165-70867728950e|%|40efad5b-d9cb-469f-a165-70867728950e.com|bob|=|[|1111"
    "|3f9a11c2|1b3c4d52fa|d1ee81f2af142ae5cd5da298d665fdab|-"
    '|HTTP/1.1" 502|HTTP/1.1" 999|HTTP/1.1" |status=|200|404|"|?'.split("|")
)
TEXTS = st.lists(st.lists(PARTS | st.text(max_size=3), min_size=1, max_size=4).map("".join), min_size=1, max_size=6)
SETTINGS = st.builds(RedactionSettings, emails=st.booleans(), ips=st.booleans())
OWN = st.sampled_from([[], [("order", "ord-[0-9]+")], [("seven", "7"), ("x1", "x")]])


@settings(max_examples=80, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=3), OWN, SETTINGS)
def test_shapes_change_nothing(batches: list[list[str]], own: list[tuple[str, str]], redact: RedactionSettings) -> None:
    """Every line is redacted and masked as it would be by itself, whatever came before it."""
    masker = Masker(own, redact)
    for texts in batches:
        table = masker.apply(lines(texts))

        assert naive(texts, own, redact) == list(zip(table["text"], table["masked"], strict=True))


@settings(max_examples=60, deadline=None)
@given(TEXTS, st.lists(st.integers(0, 2 * MAX_TEXT + 600), max_size=6), OWN, SETTINGS)
def test_long_lines_change_nothing_for_others(
    texts: list[str], lengths: list[int], own: list[tuple[str, str]], redact: RedactionSettings
) -> None:
    """Beside lines over the limit of length each line, short or long, becomes what it becomes by itself."""
    padded = [
        text + " word 1x0"[: 1 + n % 9] * (length // 9)
        for n, (text, length) in enumerate(zip(texts, lengths, strict=False))
    ]
    mixed, masker = [*padded, *texts], Masker(own, redact)
    alone = [Masker(own, redact).apply(lines([text])) for text in mixed]
    together = masker.apply(lines(mixed))

    assert [table["text"][0] for table in alone] == together["text"].to_list()
    assert [table["masked"][0] for table in alone] == together["masked"].to_list()


@pytest.mark.parametrize("own", [[], [("order", "ord-[0-9]+")]])
def test_lines_without_a_common_shape_are_masked_all_the_same(own: list[tuple[str, str]]) -> None:
    """Lines that share no shape become what they become by themselves."""
    masker, look = Masker(own), RedactionSettings()
    for at in range(12):
        texts = [f"{UUID(int=(at << 64) + 7919**n % 10**30)} took {n} ms" for n in range(300)]

        assert {"<UUID> took <NUM>"} == set(masker.apply(lines(texts))["masked"])
    mixed = ["ord-7 of bob@example.com", "password=x1", "0x1f 1x0"]
    for _ in range(10):
        table = masker.apply(lines(mixed))
        assert naive(mixed, own, look) == list(zip(table["text"], table["masked"], strict=True))


def test_the_cache_of_shapes_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """New shapes push old ones out of the cache, and long ones are not cached."""
    monkeypatch.setattr("daemon.core.masking.shape_cache.CACHED_SHAPES", 100)
    masker = Masker()
    for at in range(50):
        masker.apply(lines([f"{'ab' * at}{'cd' * n} is new" for n in range(20)] + ["x" * 600 + "y" * at]))

    assert 0 < len(masker._shapes) <= 220
    assert 0 < len(masker._alike) <= 220
