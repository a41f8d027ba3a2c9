"""From an anomalous verdict to the alert that gives the reasons.

    evidence of the detector -> repeat_counts -> attribution -> contrast -> explanation
        -> reasons -> case_document -> alert_document

1. `repeat_counts` adds evidence for lines that appear an unusual number of times.
2. `attribution` adds the evidence up by line: each line's share of the whole.
3. `contrast` compares the session with a normal pattern, count by count.
4. `explanation` ranks the lines (`line_similarity` finds the known line nearest to a new one).
5. `reasons` writes down what of this sessions that are judged alike have in common (`judged_lines`), once for them.
6. `case_document` writes the case of a session, and `alert_document` the news of an incident that shows its most
   telling case; `publisher` makes the record. The incidents stage decides which sessions belong together, and what is
   told.

Only sessions that carry a clue are explained, so the cost does not depend on the traffic.
"""

from daemon.core.alerts.alert_document import alert_document
from daemon.core.alerts.case_document import Provenance, case_of
from daemon.core.alerts.publisher import Published, alert_record

__all__ = ["Provenance", "Published", "alert_document", "alert_record", "case_of"]
