"""From batches of one partition to the content of its transactions.

    batch -> Stream (format -> mask -> sessions -> patterns -> verdicts) -> Processor -> Settlement -> one transaction

* `Stream` (`chain`) is the chain of one partition. It says which patterns need a vector and judges sessions in the
  order in which they close. `drive` runs a stream against one engine, step after step; files and tests use it.
* A `Processor` is what the runtime drives, one for each partition: `LogProcessor` for logs, `FeedbackProcessor` for
  feedback, `IncidentsProcessor` for what the others observe, `RepartitionProcessor` for logs whose lines are judged in
  another partition; `daemon.documents` has one for documents. It collects outputs until `take`, which returns a
  `Settlement`: the content of one transaction.
* A `Checkpoint` is part of every settlement. It says which lines are accounted for; `replay` uses it to read a
  partition again without judging a line twice.
* `CommitClock` and `IdleClock` (`commit_policy`) say when to commit and when a partition is idle.

To add a processor, implement `Processor` and enter it for its topic in `daemon.wiring.make_processors`.
"""

from daemon.core.positions import ranges
from daemon.core.stream.chain import Stream, Tools, untimed
from daemon.core.stream.checkpoint import Checkpoint, checkpoint_key, checkpoint_records, name_of_piece
from daemon.core.stream.commit_policy import CommitClock, IdleClock, Pace
from daemon.core.stream.driver import Embed, drive
from daemon.core.stream.feedback_processor import FeedbackProcessor
from daemon.core.stream.incidents_processor import IncidentsProcessor
from daemon.core.stream.line_reader import Pushed, Timed
from daemon.core.stream.log_processor import LogProcessor
from daemon.core.stream.processor import (
    LABELS,
    Load,
    Processor,
    Publishing,
    SettledAlert,
    Settlement,
    Step,
    baseline_records,
)
from daemon.core.stream.repartition_processor import RepartitionProcessor
from daemon.core.stream.report_clock import ReportClock
from daemon.core.stream.scope_partitions import ScopePartitions

__all__ = [
    "LABELS",
    "Checkpoint",
    "CommitClock",
    "Embed",
    "FeedbackProcessor",
    "IdleClock",
    "IncidentsProcessor",
    "Load",
    "LogProcessor",
    "Pace",
    "Processor",
    "Publishing",
    "Pushed",
    "RepartitionProcessor",
    "ReportClock",
    "ScopePartitions",
    "SettledAlert",
    "Settlement",
    "Step",
    "Stream",
    "Timed",
    "Tools",
    "baseline_records",
    "checkpoint_key",
    "checkpoint_records",
    "drive",
    "name_of_piece",
    "ranges",
    "untimed",
]
