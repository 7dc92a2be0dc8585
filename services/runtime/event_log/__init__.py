"""The event log: one port (`port.py`), two adapters (`embedded.py` on Redis Streams, `kafka/` on Apache Kafka)."""
