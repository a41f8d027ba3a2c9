"""Secrets to placeholders: the one place where they are removed from a line. Later stages see redacted text only.

Clean lines are cheap: a search for literals and a few forms picks the lines that may hold a secret, and only those go
through the rules (`secret_rules`, then `random_tokens` and `personal_data`). A rule keeps the name of what it hides
(``password=<SECRET>``), so that the line still says what happened.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import blake2b

import polars as pl

from daemon.core.masking.disguises import SHAPE_SIGNS, plain
from daemon.core.masking.expressions import Expression, Replacement
from daemon.core.masking.hex_runs import TOKEN
from daemon.core.masking.hints import HINTS
from daemon.core.masking.near_words import MADE_UP, SPOKEN_OF, without_made_up
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
from daemon.core.masking.rule_forms import SECRET, Rule, literals
from daemon.core.masking.secret_names import HARMLESS
from daemon.core.masking.secret_rules import RARE_RULES, RULES
from daemon.core.masking.shape_cache import without_digits
from daemon.core.masking.shape_rules import on_shapes


@dataclass(frozen=True, slots=True)
class RedactionSettings:
    """What is hidden besides secrets and the numbers of cards, accounts and persons, which are always hidden."""

    emails: bool = True
    ips: bool = False


def _any_of(hints: Iterable[str]) -> Expression:
    """Return the expression for any of some literals, in upper or lower case."""
    return Expression(f"(?i){literals(sorted(set(hints)))}")


def _any_shape_of(hints: Iterable[str]) -> Expression:
    """Return the same for shapes."""
    return _any_of(map(without_digits, hints))


def _on_shapes(rules: Iterable[Rule]) -> list[Expression]:
    """Return the expressions for shapes of those rules that hide something."""
    return [Expression(on_shapes(pattern)) for pattern, replacement in rules if SECRET in replacement]


_HINTED, _SHAPE_HINTED = _any_of(HINTS), _any_shape_of(HINTS)
_RARE_RULES = [(_any_of(hints), [Replacement(rule) for rule in rules]) for hints, rules in RARE_RULES]
_RULES = [Replacement(rule) for rule in RULES]
_RARE_SHAPE_RULES = [(_any_shape_of(hints), _on_shapes(rules)) for hints, rules in RARE_RULES]
_SHAPE_RULES = _on_shapes(RULES)
_MADE_UP, _SPOKEN_OF = Expression(MADE_UP), Expression(SPOKEN_OF)
_FORM = Expression(f"{FORMS}|{LONE}|{CANDIDATE}|{SHAPE_NUMBER_FORM}|{SHAPE_SIGNS}")
_LONG_FORM, _TOKEN_FORM, _NUMBER_FORM = map(Expression, (LONG_FORM, FORMS, SHAPE_NUMBER_FORM))
_EMAIL_RULES = [Replacement(rule) for rule in EMAIL_RULES]
_SHAPE_EMAIL, _NUMBER_BESIDE = Expression(on_shapes(EMAIL_FORM)), Expression(NUMBER_BESIDE)
_SHAPE_AT = without_digits("%40")
_IP = Replacement((IP_FORM, IP))


def redact(text: str, settings: RedactionSettings | None = None) -> str:
    """Return `text` without secrets."""
    settings = settings or RedactionSettings()
    held = text.encode()
    formed = _is_formed(held)
    redacted = _redacted(held, settings, formed=formed)
    undisguised = plain(text) if formed else text
    if undisguised == text:
        return redacted
    held = undisguised.encode()
    revealed = _redacted(held, settings, formed=_is_formed(held))
    return redacted if revealed == undisguised else revealed


def redact_column(texts: pl.Series, settings: RedactionSettings) -> pl.Series:
    """Return a String column without secrets."""
    return pl.Series(texts.name, [redact(text, settings) for text in texts.to_list()], dtype=pl.String)


def is_suspicious(shape: str) -> bool:
    """Return whether `redact` may change a line of a shape (see `shape_cache`) that has no digits at all.

    A shape has a placeholder for a UUID, and one token for all hexadecimal ones of its length: they say nothing of
    whether what they stand for is a secret, or has digits of one.
    """
    held = shape.encode()
    if _is_formed(held):
        return True
    hinted, mailed = _SHAPE_HINTED.found(held), _is_mailed(shape)
    if UUID_MARK in shape or TOKEN in shape:
        return hinted or mailed or _NUMBER_BESIDE.found(held)
    return (mailed and _SHAPE_EMAIL.found(held)) or (hinted and _is_ruled(held))


def _is_ruled(shape: bytes) -> bool:
    """Return whether a rule may match a line of a shape.

    Rules apply one after the other, but the first that hides something matches the line as it came.
    """
    rare = any(hinted.found(shape) and _any_found(rules, shape) for hinted, rules in _RARE_SHAPE_RULES)
    return rare or _any_found(_SHAPE_RULES, shape) or _speaks_of_secrets(shape)


def _any_found(expressions: Iterable[Expression], held: bytes) -> bool:
    """Return whether one of the expressions matches a text."""
    return any(expression.found(held) for expression in expressions)


def _redacted(held: bytes, settings: RedactionSettings, *, formed: bool) -> str:
    """Return a text without secrets, read as it is written. `formed` is what `_is_formed` says of it."""
    text = _without_hinted(held) if _HINTED.found(held) else held.decode()
    if formed:
        text = without_key_line(text)
        text = without_tokens(text) if _TOKEN_FORM.found(held) else text
        text = without_random_tokens(text)
        text = without_numbers(text) if _NUMBER_FORM.found(held) else text
    if settings.emails and _is_mailed(text):
        text = _replaced(text.encode(), _EMAIL_RULES).decode()
    return _IP.on(text.encode()).decode() if settings.ips else text


def _without_hinted(held: bytes) -> str:
    """Return a text without the secrets that a name, a context or a prefix marks."""
    for hinted, rules in _RARE_RULES:
        if hinted.found(held):
            held = _replaced(held, rules)
    held = _replaced(held, _RULES)
    text = held.decode()
    if _speaks_of_secrets(held):
        text = without_made_up(text)
    return text.replace(HARMLESS, "")


def _replaced(held: bytes, rules: Iterable[Replacement]) -> bytes:
    """Return a text with rules applied, in their order."""
    for rule in rules:
        held = rule.on(held)
    return held


def _speaks_of_secrets(held: bytes) -> bool:
    """Return whether a text, or a shape, may hold a made-up word beside a word for a secret."""
    return _MADE_UP.found(held) and _SPOKEN_OF.found(held)


def _is_formed(held: bytes) -> bool:
    """Return whether a text, or a shape, may hold what is secret or personal by its form, or a name in disguise."""
    return _FORM.found(held) or _LONG_FORM.found(held)


def _is_mailed(text: str) -> bool:
    """Return whether a text, or a shape, may hold an e-mail address."""
    return "@" in text or "%40" in text or _SHAPE_AT in text


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
