"""What became of trials in which lines were taken out."""

from __future__ import annotations

from dataclasses import dataclass, field

ORDINARY_WITHOUT_NAMED, ORDINARY_WITHOUT_OTHERS = 0.95, 0.05
"""The goals: the least share without the lines named, and the most without as many others."""


@dataclass
class Side:
    """Trials of one kind: how many there were, and which of them went wrong."""

    tried: int = 0
    wrong: list[str] = field(default_factory=list)

    def add(self, name: str, *, right: bool) -> None:
        """Note a trial."""
        self.tried += 1
        if not right:
            self.wrong.append(name)

    @property
    def share(self) -> float:
        """The share that went wrong."""
        return len(self.wrong) / max(self.tried, 1)


@dataclass
class Proof:
    """Trials of `count` incidents or sessions.

    `named`: without the lines named it should be ordinary. `others`: without as many others it should not be; where
    there are too few others, this is not tried.
    """

    count: int = 0
    named: Side = field(default_factory=Side)
    others: Side = field(default_factory=Side)

    def join(self, other: Proof) -> None:
        """Add the trials of another proof."""
        self.count += other.count
        for mine, theirs in ((self.named, other.named), (self.others, other.others)):
            mine.tried += theirs.tried
            mine.wrong += theirs.wrong

    @property
    def holds(self) -> bool:
        """Whether both were tried, and both goals are met."""
        both = self.named.tried and self.others.tried
        return bool(both) and (
            1 - self.named.share >= ORDINARY_WITHOUT_NAMED and self.others.share <= ORDINARY_WITHOUT_OTHERS
        )

    def row(self, name: str) -> str:
        """Return the figures as a row of a table."""
        named, others = self.named, self.others
        without_named = f"{named.tried - len(named.wrong)} of {named.tried} ({1 - named.share:.1%})"
        without_others = f"{len(others.wrong)} of {others.tried} ({others.share:.1%})"
        return f"| {name} | {self.count} | {without_named} | {without_others} |"
