"""Expressions of RE2: found and replaced as Python's `re` does, which is the naive version."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.core.masking.expressions import Expression, Replacement
from daemon.core.masking.secret_rules import RARE_RULES, RULES

PATTERNS = (
    r"a+",
    r"(?i)ab|é",
    r"^a|b$",
    r"\bab\b",
    r"(?P<x>a)(?:b+)(?P<y>é?)",
    r"(?P<x>[^ab])b|(?P<y>aa)",
)
TEXTS = st.text("abABé _\n1", max_size=30)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PATTERNS), TEXTS)
def test_a_match_is_found(pattern: str, text: str) -> None:
    naive = re.search(pattern.replace("$", r"\Z"), text, re.ASCII if "é" not in pattern else 0)

    assert Expression(pattern).found(text.encode()) == (naive is not None)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(PATTERNS[4:]), st.sampled_from(["${x}-${y}", "<${y}>", "", "${x}${1}", "$x é"]), TEXTS)
def test_each_match_is_replaced(pattern: str, template: str, text: str) -> None:
    """A group that is not in a match is empty."""
    naive = re.sub(
        pattern,
        lambda match: re.sub(
            r"\$\{(\w+)\}", lambda name: match[int(name[1]) if name[1].isdigit() else name[1]] or "", template
        ),
        text,
    )

    assert Replacement((pattern, template)).on(text.encode()).decode() == naive


def test_what_re2_does_not_take_is_named() -> None:
    with pytest.raises(ValueError, match=r"\(\?<=a\)b: "):
        Expression("(?<=a)b").compile()


@pytest.mark.parametrize("number", range(sum(len(rules) for _, rules in RARE_RULES) + len(RULES)))
def test_no_rule_matches_nothing(number: int) -> None:
    """A replacement goes on behind its match, so an empty match would have no end."""
    pattern, _ = [*(rule for _, rules in RARE_RULES for rule in rules), *RULES][number]
    expression = Expression(pattern)

    assert not any(expression.found(text) for text in (b"", b" ", b"\n", b"a", b"=", b"@", b"\"'"))
