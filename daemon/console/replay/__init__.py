"""Replays: what would have been told under another budget, or with other labels and mutes."""
