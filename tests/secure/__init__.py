"""Redis and Kafka over TLS, each role with a name, a password and no more rights than it needs."""
