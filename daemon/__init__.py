"""strayline: a streaming log-anomaly daemon."""
