"""Judge a session against its scope's baseline, then learn it. Every change is a record of the baseline's topic.

`Detector.judge` takes three steps over one `ScopeView`. *Assess*: each of `COMPONENTS` measures the session, its value
is ranked among recent sessions, and the combined score gets a p-value. *Decide*: rare lines, ranks and labels give the
clues the session carries. *Learn*: the session is counted in the baseline and noted in the ring, whatever the verdict.
The verdict on a frequent and clearly normal pattern is cached for a while, and sessions in a row that it serves are
judged together (`repeats`).

`Changelog` holds the scopes, writes what changes as records, and goes back to what the topic holds when a partition
is lost. `Export` is a baseline as a file.
"""

from daemon.core.detection.changelog_codec import (
    check_model,
    is_label,
    load_label,
    load_vector,
    load_weight,
    parse_key,
    vector_lines,
    vector_model,
)
from daemon.core.detection.components import NAMES, combine
from daemon.core.detection.detector import Detector, DetectorSettings
from daemon.core.detection.export import (
    EXPORT_FILE,
    Export,
    Import,
    export_updates,
    read_export,
    take_export,
    write_export,
)
from daemon.core.detection.loading import Loading
from daemon.core.detection.packed_scope import ColdStorage, Extent
from daemon.core.detection.saved_scope import SavedScope
from daemon.core.detection.statistics import PatternStatistics, ScopeStatistics

__all__ = [
    "EXPORT_FILE",
    "NAMES",
    "ColdStorage",
    "Detector",
    "DetectorSettings",
    "Export",
    "Extent",
    "Import",
    "Loading",
    "PatternStatistics",
    "SavedScope",
    "ScopeStatistics",
    "check_model",
    "combine",
    "export_updates",
    "is_label",
    "load_label",
    "load_vector",
    "load_weight",
    "parse_key",
    "read_export",
    "take_export",
    "vector_lines",
    "vector_model",
    "write_export",
]
