"""Redis as it fails in production, behind a real product on a real Kafka: the log holds, so no user may differ."""
