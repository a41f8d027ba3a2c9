"""Whether a line may hold a secret is decided by its shape: no line may be passed over for that."""

from __future__ import annotations

import random
import re
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.redaction import listed
from daemon.core.masking.hints import HINTS
from daemon.core.masking.masker import Masker
from daemon.core.masking.redaction import RedactionSettings, redact, redact_column
from daemon.core.masking.shape_cache import without_digits
from daemon.core.masking.shape_rules import on_shapes
from daemon.core.positions import position_of
from daemon.core.types import LINES_SCHEMA

PATTERNS = (
    "v1[.]0-[0-9a-f]{24,26}",
    r"%3[Aa]|\$2[abxy]\$[./A-Za-z0-9]{3}",
    "(?P<b12>pat-na[1-4]x)[^5-7]{2}[^0-9]",
    r"a{2}[2-7]+[89][!-~]{1,3}\x41",
    r"\[3\]|[\]0-9]4",
)


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(PATTERNS).flatmap(lambda one: st.tuples(st.just(one), st.from_regex(one, fullmatch=True))))
def test_what_a_rule_matches_it_matches_as_a_shape(case: tuple[str, str]) -> None:
    pattern, text = case

    assert pl.Series([without_digits(text)]).str.contains(f"^(?s:{on_shapes(pattern)})$").item()


def test_a_rule_on_shapes_still_tells_letters_apart() -> None:
    assert "1{12,}(?P<b7>[x81])[^a]\\$1" == on_shapes("5{12,}(?P<b7>[x8])[^a9]\\$0")


def test_a_range_of_digits_that_a_class_leaves_out_goes_whole() -> None:
    """What was between them would be left out in their place."""
    assert r"[\s\S][^a]" == on_shapes("[^5-7][^2-4a7]")


def test_which_hints_reach_into_a_hexadecimal_token() -> None:
    """A shape does not show such a hint, so no rule may need it: it needs capitals, or another hint stands beside it.

    Tokens are lower case, and ``2fa`` must begin a word, so it is no end of a token.
    """
    before, behind = (f"[{re.escape(signs)}]" for signs in ("\n\t \"'=([{<|;#&?!>`-,/", "\n\t\"')]}>,;|`. /"))
    reaching = re.compile(f"[0-9a-f]+|.*{before}[0-9a-f]+|[0-9a-f]+{behind}.*")
    hints = {hint.lower() for hint in HINTS if reaching.fullmatch(hint.lower())}
    capitals, words = {"hrku-aa", "acca", "eaaa", "age-secret-key-1"}, {"2fa"}
    beside_others = {"word-b64", "word-1", "word-2", "configcat-sdk-1"}

    assert capitals | words | beside_others == hints


@pytest.mark.parametrize("name", ["invented", "mirrored", "blind", "near", "fresh"])
def test_lines_of_one_shape_are_redacted_as_each_would_be_alone(name: str) -> None:
    """Every text of the lists, with other digits, and with a UUID or hexadecimal digits for its secret."""
    chance = random.Random(name)
    texts = []
    for _, text in listed(Path(__file__).parent / f"{name}.tsv"):
        bare = re.sub("[⟦⟧]", "", text)
        digits = f"{chance.getrandbits(256):064x}"
        identifier = chance.choice([str(UUID(digits[:32])), str(UUID(digits[:32])), digits[:12], digits[:32]])
        texts += [
            bare,
            re.sub("[0-9]", lambda _: str(chance.randrange(10)), bare),
            re.sub("⟦.*?⟧", identifier, text, flags=re.DOTALL),
        ]
    rows = [(position_of(number), 0, "s", "k", text, 0) for number, text in enumerate(texts)]

    redacted = Masker().apply(pl.DataFrame(rows, schema=dict(LINES_SCHEMA), orient="row"))["text"]

    alone = redact_column(pl.Series("text", texts), RedactionSettings())
    assert alone.filter(alone != redacted).to_list() == redacted.filter(alone != redacted).to_list()


HEXADECIMAL = (st.text("0123456789abcdef", min_size=8, max_size=40) | st.uuids().map(str)).map("{} ".format)
NUMBER_WORDS = st.sampled_from(
    [
        "card",
        "ssn",
        "social",
        " cc=",
        "pan ",
        "ccnum ",
        "cc_no",
        "%b",
        "+",
        "GB82",
        "access",
        " ",
        ": ",
        "=",
        '"',
        "1234",
    ]
)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.lists(HEXADECIMAL | NUMBER_WORDS, min_size=2, max_size=8).map("".join), min_size=1, max_size=6))
def test_digits_of_a_token_beside_a_word_for_a_number(texts: list[str]) -> None:
    """They are of one shape with letters, so only what stands beside them says that they may be a card's."""
    rows = [(position_of(number), 0, "s", "k", text, 0) for number, text in enumerate(texts)]

    redacted = Masker().apply(pl.DataFrame(rows, schema=dict(LINES_SCHEMA), orient="row"))["text"]

    assert [redact(text) for text in texts] == redacted.to_list()
