"""Detection quality on labelled logs: what `make quality` runs, and what `docs/quality.md` reports."""
