"""The demo: a real Kafka, recorded logs, and the daemon finding what went wrong in them."""
