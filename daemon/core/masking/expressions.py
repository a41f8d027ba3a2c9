r"""The expressions of redaction, searched by RE2, which takes time in proportion to a text, whatever the expression.

A rule is an alternation of hundreds of forms. RE2 keeps what it has compiled, and the automaton that it makes while it
reads, for as long as the process lives; so a short text costs microseconds. (polars keeps 32 expressions a thread,
begins each call with an empty automaton, and is slow where a large expression matches: docs/adr/0615.) ``\w``, ``\d``,
``\s`` and ``\b`` are ASCII.

Expressions are compiled when they are first used, or all at once by `compile_all`. Any number of threads may use one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property, partial
from typing import Any
from weakref import WeakSet

import re2

MAX_BYTES = 32 * 1024 * 1024
"""What an expression and its automata may take. Beyond it they are begun anew; too often, and a search takes long."""
_ALL = WeakSet["Expression"]()
_GROUP = re.compile(r"\$\{(\w+)\}")


class Expression:
    """One expression in RE2's syntax."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        _ALL.add(self)

    @cached_property
    def _groups(self) -> dict[str, int]:
        """The numbers of the groups that have names."""
        return dict(self._compiled.groupindex)

    @cached_property
    def _spans(self) -> Callable[[bytes, int, int], Sequence[tuple[int, int]]]:
        """A function of UTF-8 text, a begin and an end: where the first match is, and each group; -1 where it is not.

        It is what re2's Python functions call, each after a generator and an object for the match.
        """
        return partial(self._compiled._regexp.Match, re2._Anchor.UNANCHORED)  # noqa: SLF001  # see above

    @cached_property
    def _compiled(self) -> Any:
        """The compiled expression. Raises ValueError for one that RE2 does not take."""
        options = re2.Options()
        options.max_mem = MAX_BYTES
        options.log_errors = False
        try:
            return re2.compile(self._pattern, options)
        except re2.error as error:
            raise ValueError(f"{self._pattern[:100]}: {error}") from None

    def compile(self) -> None:
        """Compile the expression now. Raises ValueError for one that RE2 does not take."""
        self._spans  # noqa: B018  # which holds what was compiled

    def found(self, text: bytes) -> bool:
        """Return whether UTF-8 text has a match."""
        return self._spans(text, 0, len(text))[0][0] >= 0


class Replacement(Expression):
    """An expression and what replaces each of its matches: a text in which ``${name}`` stands for a group.

    A match must not be empty.
    """

    def __init__(self, rule: tuple[str, str]) -> None:
        pattern, template = rule
        super().__init__(pattern)
        self._template = _GROUP.split(template)

    @cached_property
    def _parts(self) -> list[tuple[bytes, int]]:
        """The template: texts, each with the number of the group behind it."""
        names = [*self._template[1::2], "0"]
        groups = [int(name) if name.isdigit() else self._groups[name] for name in names]
        return [(text.encode(), group) for text, group in zip(self._template[::2], groups, strict=True)]

    def on(self, text: bytes) -> bytes:
        """Return UTF-8 text with every match replaced."""
        spans, size = self._spans, len(text)
        found = spans(text, 0, size)
        if found[0][0] < 0:
            return text
        kept, end = list[bytes](), 0
        *parts, (last, _) = self._parts
        while found[0][0] >= 0:
            kept.append(text[end : found[0][0]])
            for before, group in parts:
                kept += (before, text[slice(*found[group])] if found[group][0] >= 0 else b"")
            kept.append(last)
            end = found[0][1]
            found = spans(text, end, size)
        return b"".join([*kept, text[end:]])


def compile_all() -> None:
    """Compile every expression that there is, which takes 0.2 s, and not when the first line needs it."""
    for expression in list(_ALL):
        expression.compile()
