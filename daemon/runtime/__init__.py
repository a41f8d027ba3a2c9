"""What runs: partitions, the pipeline that polls for them, the thread that owns the detector, and gauges."""
