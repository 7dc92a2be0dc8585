"""A Kafka as deploy/kafka/SECURITY.md sets it up: nobody comes in without TLS and a password, not even the broker."""

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from aiokafka.protocol.admin import CreateAclsRequest

from services.local_stack.child_process import start_child, stop_child, wait_until_ready
from services.runtime.event_log.kafka.security import KafkaSecurity
from tests.secure.certificates import Authority, Certificate
from tests.support.ports import free_ports, listens
from tests.support.servers import KAFKA_ENV, KAFKA_OVERRIDES, KAFKA_RUN

HOST = "127.0.0.1"
FOLDER = KAFKA_RUN.parent
RIGHTS_FILE = FOLDER / "rights"
ROLES = ("api", "collector", "worker", "trainer", "webhooks")
ADMIN = "admin"
USERS = (*ROLES, ADMIN, "broker")

KINDS = {"topic": 2, "group": 3}
PATTERNS = {"literal": 3, "prefixed": 4}
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8}
_ALLOW = 3


@dataclass(frozen=True)
class SecureKafka:
    bootstrap: str
    controller_port: int
    authority: Authority

    def env(self, role: str) -> dict[str, str]:
        """The settings of a role, or of the administrator."""
        return {
            "TRANCHE_KAFKA_BOOTSTRAP": self.bootstrap,
            "TRANCHE_KAFKA_SECURITY": "sasl_ssl",
            "TRANCHE_KAFKA_USERNAME": user_of(role),
            "TRANCHE_KAFKA_PASSWORD": password_of(role),
            "TRANCHE_KAFKA_CA": str(self.authority.ca),
        }

    def security(self, role: str) -> KafkaSecurity:
        return KafkaSecurity("sasl_ssl", username=user_of(role), password=password_of(role), ca=self.authority.ca)

    @asynccontextmanager
    async def admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap, **self.security(ADMIN).client_options())
        try:
            await admin.start()
            yield admin
        finally:
            await admin.close()

    async def give_rights(self) -> None:
        """As deploy/kafka/acls does, without a Java process for each line."""
        async with self.admin() as admin:
            for right in rights():
                answer = await admin._send_request(CreateAclsRequest(*right))
                assert [each[0] for each in answer.creation_responses] == [0], answer


def user_of(role: str) -> str:
    return f"tranche-{role}" if role in ROLES else role


def password_of(role: str) -> str:
    return f"password-of-{role}"


def rights() -> Iterator[tuple[int, str, int, str, str, int, int]]:
    """The lines of the table as the protocol has them, one for each operation."""
    for line in RIGHTS_FILE.read_text().splitlines():
        if line.startswith("#"):
            continue
        principal, kind, name, *operations = line.split()
        pattern = PATTERNS["prefixed" if name.endswith("*") else "literal"]
        for operation in operations:
            number = OPERATIONS[operation]
            yield KINDS[kind], name.rstrip("*"), pattern, f"User:{principal}", "*", number, _ALLOW


@contextmanager
def secure_kafka(folder: Path, jars: Path, authority: Authority, own: Certificate) -> Iterator[SecureKafka]:
    """Started, with everybody's password and no rights yet. `own` is of CN=broker. Raises StartFailed."""
    port, controller_port = free_ports(0, 1)
    folder.mkdir(parents=True, exist_ok=True)
    keystore, properties, log_path = folder / "broker.pem", folder / "broker.properties", folder / "log"
    keystore.write_bytes(own.key.read_bytes() + own.certificate.read_bytes())
    properties.write_text(_properties(port, controller_port, folder, keystore, authority))
    java = ["java", "-Xmx256m", f"-Dlog4j2.configurationFile={FOLDER}/log4j2.properties", "-cp", f"{jars}/*"]
    scram = [f"--add-scram=SCRAM-SHA-512=[name={user_of(who)},password={password_of(who)}]" for who in USERS]
    told = ["format", "--cluster-id=c2VjdXJlLXRlc3Qtb25lMQ", "--config", str(properties), *scram]
    env = os.environ | KAFKA_ENV
    subprocess.run([*java, "kafka.tools.StorageTool", *told], env=env, check=True, capture_output=True, timeout=120)
    process = start_child([*java, "kafka.Kafka", str(properties)], env, log_path)
    server = SecureKafka(f"{HOST}:{port}", controller_port, authority)
    try:
        wait_until_ready(process, lambda: listens(port) and asyncio.run(_answers(server)), 180, log_path)
        yield server
    finally:
        stop_child(process, 20)


def _properties(port: int, controller_port: int, folder: Path, keystore: Path, authority: Authority) -> str:
    """The files that are delivered, with what an operator is told to change in the second."""
    secure = (FOLDER / "secure.properties").read_text()
    for delivered, own in {
        "SASL_SSL://0.0.0.0:9094,CONTROLLER://0.0.0.0:9095": f"SASL_SSL://{HOST}:{port},CONTROLLER://{HOST}:{controller_port}",
        "broker-1.example:9094": f"{HOST}:{port}",
        "broker-1.example:9095": f"{HOST}:{controller_port}",
        "/var/lib/kafka": str(folder / "data"),
        "/etc/kafka/broker.pem": str(keystore),
        "/etc/kafka/ca.pem": str(authority.ca),
        "BROKER_PASSWORD": password_of("broker"),
    }.items():
        assert secure.count(delivered) == 1, delivered
        secure = secure.replace(delivered, own)
    return (FOLDER / "server.properties").read_text() + secure + "\n".join(KAFKA_OVERRIDES)


async def _answers(server: SecureKafka) -> bool:
    try:
        async with server.admin() as admin:
            return bool((await admin.describe_cluster())["brokers"])
    except (KafkaError, OSError):
        return False
