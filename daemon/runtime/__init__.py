"""The daemon at work, behind ports: from an assignment of the consumer group to committed transactions.

    Pipeline -> Partition (INIT by Recovery, RUN with a processor, Commits) -> Embedder -> one transaction per partition

* One event loop does all waiting. One thread (`WorkerThread`) owns the detector and all processors and does all heavy
  computing. One engine (`Embedder`) is shared by all partitions.
* `guest_of` gives others that engine, behind the stream.
* A `Partition` is independent of all others and starts again from its checkpoint after any failure. It treats every
  processor alike: what a topic's records mean is decided by the processor that `ProcessorFactory` makes for it.
* The `Follower` reads the baseline that all replicas share, `BaselineSnapshots` keep a copy for the next start,
  and `ColdScopes` moves to the disk what nobody uses. The
  `Watchdog` applies remedies to what stands still, the `StallMonitor` reports it, `Gauges` shows the state, and
  `Health` answers the probes.
"""

from daemon.runtime.baseline_follower import Follower
from daemon.runtime.baseline_holding import HoldAll, Holding, HoldServed
from daemon.runtime.baseline_snapshots import BaselineSnapshots, SnapshotTerms
from daemon.runtime.cold_scopes import ColdScopes
from daemon.runtime.embedder import Embedder
from daemon.runtime.gauges import Gauges
from daemon.runtime.gc_tuning import seldom_collected
from daemon.runtime.guest_engine import guest_of
from daemon.runtime.health import Health
from daemon.runtime.partition import Partition, State
from daemon.runtime.pattern_lookup import PatternLookup
from daemon.runtime.pipeline import Pipeline
from daemon.runtime.shared import Preparation, ProcessorFactory, Shared, Terms
from daemon.runtime.stalls import Delay, StallCause, StallMonitor
from daemon.runtime.watchdog import Patience
from daemon.runtime.worker_thread import WorkerThread

__all__ = [
    "BaselineSnapshots",
    "ColdScopes",
    "Delay",
    "Embedder",
    "Follower",
    "Gauges",
    "Health",
    "HoldAll",
    "HoldServed",
    "Holding",
    "Partition",
    "Patience",
    "PatternLookup",
    "Pipeline",
    "Preparation",
    "ProcessorFactory",
    "Shared",
    "SnapshotTerms",
    "StallCause",
    "StallMonitor",
    "State",
    "Terms",
    "WorkerThread",
    "guest_of",
    "seldom_collected",
]
