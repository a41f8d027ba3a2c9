"""The detector's judgement of a session, and the verdict: session and judgement together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NamedTuple

from daemon.core.origins import Origins
from daemon.core.types.records import TopicPartition
from daemon.core.types.sessions import Pattern, Session, session_id


class Phase(StrEnum):
    """The phase of a scope in which a session was judged."""

    WARM_UP = "warm_up"
    LIVE = "live"
    TEACH = "teach"


class LabelVerdict(StrEnum):
    """A person's verdict on a pattern. Forgetting is not a verdict: it removes the label."""

    NORMAL = "normal"
    ANOMALOUS = "anomalous"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """A pattern of the baseline near a judged session.

    `similarity` is the cosine, `weight` its share of the window's traffic (0 to 1), `first_seen` and `last_seen` times.
    """

    pattern: str
    similarity: float
    weight: float
    first_seen: int
    last_seen: int
    label: LabelVerdict | None
    lines: tuple[tuple[str, int], ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """One line's part in a score: what is unusual about it, by how much (nats), and the share of sessions with it.

    kind: ``new`` (never seen in the window), ``rare`` (among all sessions or among those like this one), ``missing``
    (sessions like this one have it), ``severe`` (it reads like a failure), ``count`` (an unusual number of repeats).
    """

    line: str
    kind: str
    nats: float
    share: float


class SessionClue(StrEnum):
    """Why a session may matter: what the incidents stage may make an incident of."""

    NEW = "new"
    FAILURE = "failure"
    MIXTURE = "mixture"
    LABEL = "label"
    DEPARTURE = "departure"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The detector's result for one session.

    `parts` are the raw values of the score's components. `p_value` is None while the scope warms up. `similarity` is
    the cosine to the nearest normal pattern, None while there is none. `nearest` and `evidence` cost time and are
    filled for anomalous sessions only, which are those with `clues`. `seen` is the number of sessions in the scope's
    window.
    """

    score: float
    similarity: float | None
    p_value: float | None
    anomalous: bool
    learned: bool
    phase: Phase
    parts: Mapping[str, float] = field(default_factory=dict)
    seen: int = 0
    label: LabelVerdict | None = None
    nearest: Sequence[Neighbour] = ()
    evidence: Sequence[Evidence] = ()
    clues: Sequence[SessionClue] = ()


class Verdict(NamedTuple):
    """A session with its pattern and its judgement. Every session becomes one verdict.

    `origins` are the original places of the session's lines, where these are not in `source`.
    """

    source: TopicPartition
    session: Session
    pattern: Pattern
    judgement: Judgement
    origins: Origins | None = None

    @property
    def id(self) -> str:
        """The id of the verdict and of its alert; few verdicts are asked for it."""
        return session_id(self.pattern.id, self.source, int(self.session.positions[0]))
