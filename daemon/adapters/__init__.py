"""Everything that touches the outside; each module wraps one library."""
