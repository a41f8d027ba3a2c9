"""One partition's chain, what it has to say in each transaction, and the checkpoint that says what is accounted for."""

from daemon.core.positions import ranges
from daemon.core.stream.chain import Pushed, Stream, Tools
from daemon.core.stream.checkpoint import Checkpoint, checkpoint_key
from daemon.core.stream.commit_policy import CommitClock, IdleClock, Pace
from daemon.core.stream.processor import FeedbackLane, Lane, Load, Publishing, SessionLane, Settlement, Step

__all__ = [
    "Checkpoint",
    "CommitClock",
    "FeedbackLane",
    "IdleClock",
    "Lane",
    "Load",
    "Pace",
    "Publishing",
    "Pushed",
    "SessionLane",
    "Settlement",
    "Step",
    "Stream",
    "Tools",
    "checkpoint_key",
    "ranges",
]
