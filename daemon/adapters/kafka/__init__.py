"""Kafka through aiokafka, a file an idea."""
