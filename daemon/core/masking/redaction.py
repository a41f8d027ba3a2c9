"""Secrets to placeholders: the one place where they are removed from a line. Later stages see redacted text only.

Clean lines are cheap: a search for literals and a few forms picks the lines that may hold a secret, and only those go
through the rules (`secret_rules`, then `random_tokens` and `personal_data`). A rule keeps the name of what it hides
(``password=<SECRET>``), so that the line still says what happened.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b

import polars as pl

from daemon.core.masking.apart_forms import APART_HINTS
from daemon.core.masking.disguises import SHAPE_SIGNS, plain
from daemon.core.masking.hex_runs import TOKEN
from daemon.core.masking.hints import HINTS, RARE_HINTS
from daemon.core.masking.key_names import KEY_RULES, KEYED_VALUE
from daemon.core.masking.near_words import MADE_UP, SPOKEN_OF, without_made_up
from daemon.core.masking.own_thread import on_own_thread
from daemon.core.masking.personal_data import (
    EMAIL_FORM,
    EMAIL_RULES,
    IP,
    IP_FORM,
    NUMBER_BESIDE,
    SHAPE_NUMBER_FORM,
    UUID_MARK,
    without_numbers,
)
from daemon.core.masking.random_tokens import (
    CANDIDATE,
    FORMS,
    LONE,
    LONG_FORM,
    without_key_line,
    without_random_tokens,
    without_tokens,
)
from daemon.core.masking.rare_names import RARE_NAME_HINTS
from daemon.core.masking.rule_forms import Rule, literals
from daemon.core.masking.secret_names import HARMLESS
from daemon.core.masking.secret_rules import (
    APART,
    HARMLESS_VALUE,
    NAMED,
    NAMED_VALUE,
    RARE_COMMAND,
    RARE_NAME_RULES,
    RULES,
)
from daemon.core.masking.shape_cache import without_digits
from daemon.core.masking.shape_rules import on_shapes


@dataclass(frozen=True, slots=True)
class RedactionSettings:
    """What is hidden besides secrets and the numbers of cards, accounts and persons, which are always hidden."""

    emails: bool = True
    ips: bool = False


_HINTS = literals(HINTS)
_RARE_HINTS = list(RARE_HINTS)
_APART_HINTS = list(APART_HINTS)
_RARE_NAME_HINTS = list(RARE_NAME_HINTS)
_SHAPE_HINTS, _RARE_SHAPE_HINTS, _APART_SHAPE_HINTS, _RARE_NAME_SHAPE_HINTS = (
    sorted({without_digits(hint) for hint in hints}) for hints in (HINTS, RARE_HINTS, APART_HINTS, RARE_NAME_HINTS)
)
_SHAPE_RULES = [on_shapes(pattern) for pattern in (KEYED_VALUE, *(pattern for pattern, _ in RULES))]
_SHAPE_NAMED_RULES = [on_shapes(pattern) for pattern, _ in (HARMLESS_VALUE, NAMED)]
_SHAPE_NAMED_VALUE, _SHAPE_EMAIL = on_shapes(NAMED_VALUE), on_shapes(EMAIL_FORM)
_SHAPE_RARE, _SHAPE_APART = on_shapes(RARE_COMMAND[0]), on_shapes(APART[0])
_ANY_FORM = f"{FORMS}|{LONE}|{CANDIDATE}|{SHAPE_NUMBER_FORM}|{SHAPE_SIGNS}"
_HINTED = pl.col("text").str.to_lowercase().str.contains(_HINTS)
_AT = ["@", "%40", without_digits("%40")]


def redact(text: str, settings: RedactionSettings | None = None) -> str:
    """Return `text` without secrets, without waiting for another thread. For many texts use `redact_column`."""
    return str(_column(pl.Series([text], dtype=pl.String), settings or RedactionSettings())[0])


@on_own_thread
def redact_column(texts: pl.Series, settings: RedactionSettings) -> pl.Series:
    """Return a String column without secrets. Equal texts have equal results."""
    return _column(texts, settings)


def _column(texts: pl.Series, settings: RedactionSettings) -> pl.Series:
    flags = _flags(texts, _HINTED)
    redacted = _redacted(texts, flags, settings)
    if not flags["formed"].any():
        return redacted
    rows = flags["formed"].arg_true()
    undisguised = _each(texts.gather(rows), plain)
    disguised = undisguised != texts.gather(rows)
    if not disguised.any():
        return redacted
    rows, undisguised = rows.filter(disguised), undisguised.filter(disguised)
    revealed = _redacted(undisguised, _flags(undisguised, _HINTED), settings)
    return redacted.clone().scatter(rows, revealed.zip_with(revealed != undisguised, redacted.gather(rows)))


@on_own_thread
def suspicious(shapes: pl.Series) -> pl.Series:
    """Return for each shape (see `shape_cache`) whether `redact_column` may change a line of that shape.

    A shape has a placeholder for a UUID, and one token for all hexadecimal ones of its length: they say nothing of
    whether what they stand for is a secret, or has digits of one.
    """
    flags = _flags(shapes, pl.col("text").str.to_lowercase().str.contains_any(_SHAPE_HINTS))
    unclear = shapes.str.contains_any([UUID_MARK, TOKEN])
    unclear &= flags["hinted"] | flags["mailed"] | _where(unclear, shapes, partial(_matched, NUMBER_BESIDE))
    mailed = _where(flags["mailed"] & ~unclear, shapes, partial(_matched, _SHAPE_EMAIL))
    return flags["formed"] | unclear | mailed | _where(flags["hinted"] & ~unclear, shapes, _ruled)


def _ruled(shapes: pl.Series) -> pl.Series:
    """Return for each shape whether a rule may match a line of it.

    Rules apply one after the other, but the first that changes a line matches the line as it came.
    """
    lower = shapes.str.to_lowercase()
    found = lower.str.contains_any(_RARE_NAME_SHAPE_HINTS)
    found |= _where(~found & shapes.str.contains(MADE_UP), shapes, partial(_matched, SPOKEN_OF))
    for pattern in _SHAPE_RULES:
        found |= _where(~found, shapes, partial(_matched, pattern))
    named = shapes.str.contains(_SHAPE_NAMED_VALUE)
    for pattern in _SHAPE_NAMED_RULES:
        found |= _where(named & ~found, shapes, partial(_matched, pattern))
    for pattern, hints in ((_SHAPE_RARE, _RARE_SHAPE_HINTS), (_SHAPE_APART, _APART_SHAPE_HINTS)):
        found |= _where(~found & lower.str.contains_any(hints), shapes, partial(_matched, pattern))
    return found


def _matched(pattern: str, texts: pl.Series) -> pl.Series:
    return texts.str.contains(pattern)


def _where(wanted: pl.Series, texts: pl.Series, decide: Callable[[pl.Series], pl.Series]) -> pl.Series:
    """Return what `decide` says of the texts where `wanted` is true, and false for the others."""
    return _changed(wanted, wanted, texts, decide)


def _changed(
    otherwise: pl.Series, wanted: pl.Series, texts: pl.Series, change: Callable[[pl.Series], pl.Series]
) -> pl.Series:
    """Return what `change` makes of the texts where `wanted` is true, and `otherwise` in the other rows."""
    if not wanted.any():
        return otherwise
    rows = wanted.arg_true()
    return otherwise.clone().scatter(rows, change(texts.gather(rows)))


def _redacted(texts: pl.Series, flags: pl.DataFrame, settings: RedactionSettings) -> pl.Series:
    """Return texts without secrets, read as they are written. `flags` say which texts go through which rules."""
    if flags["hinted"].any():
        rows = flags["hinted"].arg_true()
        hinted = texts.gather(rows)
        lower = hinted.str.to_lowercase()
        hinted = _replaced(hinted, lower.str.contains_any(_RARE_HINTS), [RARE_COMMAND])
        hinted = _replaced(hinted, lower.str.contains_any(_APART_HINTS), [APART])
        hinted = _replaced(hinted, lower.str.contains_any(_RARE_NAME_HINTS), RARE_NAME_RULES)
        hinted = _replaced(hinted, hinted.str.contains(KEYED_VALUE), KEY_RULES)
        named = hinted.str.contains(NAMED_VALUE)
        hinted = _replaced(hinted, named, [HARMLESS_VALUE])
        hinted = _all_replaced(hinted, RULES)
        hinted = _replaced(hinted, named, [NAMED])
        near = _where(hinted.str.contains(MADE_UP), hinted, partial(_matched, SPOKEN_OF))
        hinted = _changed(hinted, near, hinted, lambda some: _each(some, without_made_up))
        texts = texts.clone().scatter(rows, hinted.str.replace_all(HARMLESS, "", literal=True))
    texts = _changed(texts, flags["formed"], texts, lambda some: _each(some, _without_forms))
    if settings.emails:
        texts = _replaced(texts, flags["mailed"], EMAIL_RULES)
    return texts.str.replace_all(IP_FORM, IP) if settings.ips else texts


def _flags(texts: pl.Series, hinted: pl.Expr) -> pl.DataFrame:
    """Return Boolean columns: which of the texts (lines, or shapes) may go through each kind of rules."""
    text = pl.col("text")
    return pl.DataFrame([texts.alias("text")]).select(
        hinted.alias("hinted"),
        (text.str.contains(_ANY_FORM) | text.str.contains(LONG_FORM)).alias("formed"),
        text.str.contains_any(_AT).alias("mailed"),
    )


def _replaced(texts: pl.Series, wanted: pl.Series, rules: Iterable[Rule]) -> pl.Series:
    """Return `texts` with the rules applied, in their order, to the rows where `wanted` is true."""
    return _changed(texts, wanted, texts, lambda some: _all_replaced(some, rules))


def _all_replaced(texts: pl.Series, rules: Iterable[Rule]) -> pl.Series:
    """Return `texts` with the rules applied, in their order, to every row."""
    expression = pl.col("text")
    for pattern, placeholder in rules:
        expression = expression.str.replace_all(pattern, placeholder)
    return pl.DataFrame([texts.alias("text")]).select(expression)["text"]


def _without_forms(text: str) -> str:
    """Return `text` without the secrets and personal data that neither a name nor a prefix marks."""
    return without_numbers(without_random_tokens(without_tokens(without_key_line(text))))


def _each(texts: pl.Series, change: Callable[[str], str]) -> pl.Series:
    """Return the result of `change` for each text."""
    return pl.Series(texts.name, [change(text) for text in texts], dtype=pl.String)


def mark_names(names: pl.Series, redacted: pl.Series) -> pl.Series:
    """Return redacted scopes or session keys; names that were different stay different.

    A name that redaction changed ends in six hexadecimal digits of the hash of the original: enough to keep sessions
    apart, too few to reveal the secret.
    """
    changed = names != redacted
    if not changed.any():
        return names
    rows = changed.arg_true()
    marked = [
        f"{after}~{blake2b(before.encode(), digest_size=3).hexdigest()}"
        for before, after in zip(names.gather(rows), redacted.gather(rows), strict=True)
    ]
    return names.clone().scatter(rows, marked)
