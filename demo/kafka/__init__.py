"""Ways to run a real Apache Kafka on this machine; `demo.broker` is the door to them."""
