"""What has been normal lately in one scope: weighted patterns, their lines and their vectors.

Every session adds one to the weight of its pattern, in the bucket of its event time and under its input partition
(`Window`). The sessions of the window, corrected by labels, are a pattern's *mass* (`Baseline`); masses of patterns add
up to masses of lines and of families of lines (`LineTable`). The patterns nearest to a vector are found exactly while
they are few, and by an index when they are many (`Neighbours`). All is kept in columns by row number: one row for each
pattern, line, family, weight and bucket.

Nothing here judges. `detection` asks what a session has in common with the baseline, then adds it.
"""

from daemon.core.baseline.baseline import Baseline, more_until
from daemon.core.baseline.failure_words import failure_score, words_of_failure
from daemon.core.baseline.labels import TEACH, Label
from daemon.core.baseline.line_families import NONE, wording
from daemon.core.baseline.line_table import KEEP, Ids
from daemon.core.baseline.pattern_table import ABSENT, Definition, Lines
from daemon.core.baseline.saved import baseline_to_arrays, fill_baseline
from daemon.core.baseline.simhash import WORDS, Sketch, differing, similarity, sketch
from daemon.core.baseline.weight_rows import Sessions, Weight
from daemon.core.baseline.window import BUCKETS

__all__ = [
    "ABSENT",
    "BUCKETS",
    "KEEP",
    "NONE",
    "TEACH",
    "WORDS",
    "Baseline",
    "Definition",
    "Ids",
    "Label",
    "Lines",
    "Sessions",
    "Sketch",
    "Weight",
    "baseline_to_arrays",
    "differing",
    "failure_score",
    "fill_baseline",
    "more_until",
    "similarity",
    "sketch",
    "wording",
    "words_of_failure",
]
