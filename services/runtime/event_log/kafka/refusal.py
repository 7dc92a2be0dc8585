"""Why no broker lets a client in. aiokafka tells that to its own log alone, and else only that it reached none."""

import asyncio

from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import KafkaError

from services.runtime.event_log.kafka.security import KafkaSecurity

_TIMEOUT_S = 5.0


async def why_refused(bootstrap: str, security: KafkaSecurity) -> str:
    """What the first broker in the list says to a connection. It holds no secret."""
    host, port, _ = collect_hosts(bootstrap, randomize=False)[0]
    try:
        async with asyncio.timeout(_TIMEOUT_S):
            connection = await create_conn(host, port, **security.client_options())
    except (KafkaError, OSError) as error:
        return f"{type(error).__name__}: {error}"
    connection.close()
    return "it takes a connection and no request: is TRANCHE_KAFKA_SECURITY as the broker has it?"
