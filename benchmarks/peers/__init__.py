"""What people would otherwise run, on the bench's own lines and one core: `python -m benchmarks.peers`."""
