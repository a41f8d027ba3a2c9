"""From an anomalous verdict to the alert that gives the reasons.

    evidence of the detector -> repeat_counts -> attribution -> contrast -> explanation -> summary -> alert_document

1. `repeat_counts` adds evidence for lines that stand an unusual number of times.
2. `attribution` adds the evidence up by line: each line's share of the whole.
3. `contrast` compares the session with a normal pattern, count by count.
4. `explanation` ranks the lines (`line_similarity` finds the known line nearest to a new one), and `summary` states the
   case in one sentence.
5. `incidents` decides which alerts belong together, and when an incident is over.
6. `alert_document` writes document and `publisher` record. `Alerting` is what the stream calls.

Only anomalous sessions are explained, so the cost does not depend on the traffic.
"""

from daemon.core.alerts.alert_document import Provenance
from daemon.core.alerts.publisher import Alerting, AlertSettings, Published
from daemon.core.alerts.summary import reading

__all__ = ["AlertSettings", "Alerting", "Provenance", "Published", "reading"]
