"""Lines to masked lines: secrets out first, then variables to placeholders, so that equal events read the same."""

from daemon.core.masking.masker import Masker
from daemon.core.masking.redaction import RedactionSettings, redact

__all__ = ["Masker", "RedactionSettings", "redact"]
