"""What a session's explanation depends on: its judgement, and its lines with their counts.

While a fault lasts, many sessions in a row have the same lines and share one judgement. What is made of these alone is
made once for all of them (`reasons`).
"""

from __future__ import annotations

from dataclasses import dataclass

from daemon.core.types import Judgement, Verdict


@dataclass(frozen=True, slots=True, eq=False)
class JudgedLines:
    """The masked lines of a session in order of first position, each with its count; the id of its pattern, and how
    the session was judged.

    Two are equal when they have the same judgement object: to compare what judgements hold costs more than it saves.
    """

    judgement: Judgement
    pattern: str
    lines: tuple[tuple[str, int], ...]

    @classmethod
    def of(cls, verdict: Verdict) -> JudgedLines:
        """Return those of a verdict's session."""
        lines = tuple([(line.masked, line.count) for line in verdict.session.lines])
        return cls(verdict.judgement, verdict.pattern.id, lines)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, JudgedLines):
            return NotImplemented
        return self.judgement is other.judgement and (self.pattern, self.lines) == (other.pattern, other.lines)

    def __hash__(self) -> int:
        return hash((id(self.judgement), self.pattern, self.lines))
