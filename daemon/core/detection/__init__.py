"""Judge a session against its scope's baseline, then learn it. Every change is a record of the baseline's topic."""

from daemon.core.detection.changelog_codec import is_label, parse_key, vector_model
from daemon.core.detection.detector import Detector, DetectorSettings, PatternStatistics, ScopeStatistics
from daemon.core.detection.export import (
    EXPORT_FILE,
    Export,
    Import,
    export_updates,
    read_export,
    take_export,
    write_export,
)

__all__ = [
    "EXPORT_FILE",
    "Detector",
    "DetectorSettings",
    "Export",
    "Import",
    "PatternStatistics",
    "ScopeStatistics",
    "export_updates",
    "is_label",
    "parse_key",
    "read_export",
    "take_export",
    "vector_model",
    "write_export",
]
