"""What has been normal lately in one scope: weighted patterns, their lines and their vectors."""

from daemon.core.baseline.baseline import BUCKETS, TEACH, Baseline, Entry, Label, Lines, Weight
from daemon.core.baseline.failure_words import failure_score, words_of_failure
from daemon.core.baseline.line_families import NONE, wording
from daemon.core.baseline.line_table import Ids
from daemon.core.baseline.simhash import WORDS, Sketch, differing, kinship, sketch

__all__ = [
    "BUCKETS",
    "NONE",
    "TEACH",
    "WORDS",
    "Baseline",
    "Entry",
    "Ids",
    "Label",
    "Lines",
    "Sketch",
    "Weight",
    "differing",
    "failure_score",
    "kinship",
    "sketch",
    "wording",
    "words_of_failure",
]
