"""Long texts: what is kept of them, and that no half of a secret is left where they are cut."""

from __future__ import annotations

import polars as pl
import pytest

from daemon.core.masking.length import CUT, LONGEST_REDACTED, MAX_TEXT
from daemon.core.masking.masker import Masker
from daemon.core.positions import position_of
from daemon.core.types import LINES_SCHEMA

FRAME = "\tat com.acme.pay.Charge.run(Charge.java:{})\n"
CAUSE = "Caused by: java.io.IOException: reset by peer"


def redacted(text: str) -> str:
    """Return a text as it is kept."""
    rows = [(position_of(0), 0, "s", "k", text, 0)]
    kept: str = Masker().apply(pl.DataFrame(rows, schema=dict(LINES_SCHEMA), orient="row"))["text"][0]
    return kept


def trace(frames: int) -> str:
    """Return a stack trace whose cause is its last but one line."""
    middle = "".join(FRAME.format(number) for number in range(frames))
    return f"ERROR charge failed\njava.lang.IllegalStateException: no answer\n{middle}{CAUSE}\n\t... 12 more"


@pytest.mark.parametrize("frames", [200, 500, 1_000, 20_000])
def test_the_cause_of_a_long_stack_trace_is_kept(frames: int) -> None:
    """Both ends are kept, in whole lines, in the bound of any line."""
    whole, kept = trace(frames), redacted(trace(frames))

    assert MAX_TEXT - 200 < len(kept) <= MAX_TEXT
    lines = kept.split("\n")
    at = lines.index(CUT)
    assert whole.startswith("\n".join(lines[:at]) + "\n")
    assert whole.endswith("\n" + "\n".join(lines[at + 1 :]))
    assert [CAUSE, "\t... 12 more"] == lines[-2:]


@pytest.mark.parametrize("frames", [200, 20_000])
def test_long_stack_traces_that_differ_in_numbers_have_one_pattern(frames: int) -> None:
    """A trace that is cut is masked like its twin."""
    rows = [(position_of(n), 0, "s", "k", trace(frames).replace("12 more", f"{n} more"), 0) for n in (11, 12)]
    masked = Masker().apply(pl.DataFrame(rows, schema=dict(LINES_SCHEMA), orient="row"))["masked"]

    assert masked[0] == masked[1]


def test_of_one_line_the_beginning_is_kept() -> None:
    """A line without breaks has no end that says more than its middle."""
    kept = redacted("word " * 10_000)

    assert kept.endswith(CUT)
    assert ("word " * 10_000).startswith(kept.removesuffix(CUT))


@pytest.mark.parametrize("beyond", [0, 1, 10, 20, 40])
@pytest.mark.parametrize("edge", [MAX_TEXT // 2, LONGEST_REDACTED])
@pytest.mark.parametrize("count", [600, 2_000])
def test_no_half_of_a_secret_is_left_at_either_side_of_a_cut(count: int, edge: int, beyond: int) -> None:
    """A secret that lies over the place of a cut, counted from the beginning or the end, is hidden."""
    secret = "key AKIAABCDEFGHIJKLMNOP\n"
    body = "x y z x y z x y z x y z\n" * count
    place = (edge - beyond) // 24 * 24 + 24
    for text in (body[: place - beyond] + secret + body[place:], body[: -place - 24] + secret + body[beyond - place :]):
        kept = redacted(text)

        assert "AKIA" not in kept
        assert "KLMNOP" not in kept


def test_no_part_of_a_private_key_is_left_behind_a_cut() -> None:
    """Of a key that begins in what was left out, the rest is hidden too."""
    key = "".join("MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC7x4vP0cTqE9nK\n" for _ in range(700))
    before = "a line before\n" * 900
    kept = redacted(f"{before}-----BEGIN PRIVATE KEY-----\n{key}-----END PRIVATE KEY-----\nan end")

    assert "MIIE" not in kept
    assert kept.endswith("an end")
