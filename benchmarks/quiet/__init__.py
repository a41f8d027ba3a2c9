"""Protocol Q: a quiet day is quiet, and faults are told."""
