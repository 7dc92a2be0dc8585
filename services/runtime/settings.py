"""What several services are told from outside. Every setting is a `TRANCHE_…` variable of the environment.

Services subclass `Settings` in their own settings.py and add what is theirs. Nothing is read before one is made.
"""

import ssl
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import parse_qs, quote

from pydantic import AfterValidator, Field, SecretStr, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LogLevel = Literal["debug", "info", "warning", "error"]

DEFAULT_KEEP = (
    "category item_id brand value quantity query campaign channel "
    "context.device.* context.geo.country context.geo.region context.page.category"
)


def _certificates(path: Path) -> Path:
    try:
        ssl.create_default_context(cafile=path)
    except OSError as error:  # of which those of TLS are a sort
        raise ValueError(f"{path} has to hold certificates in PEM: {error.strerror or error}") from None
    return path


Authorities = Annotated[Path, AfterValidator(_certificates)]


class Settings(BaseSettings):
    """Shared by the services. Raises pydantic's ValidationError where a variable does not fit."""

    model_config = SettingsConfigDict(env_prefix="TRANCHE_", env_ignore_empty=True, extra="ignore", frozen=True)

    kafka_bootstrap: str | None = Field(
        None, description="Kafka brokers as host:port,host:port; without it the event log is embedded in Redis"
    )
    kafka_topic: str = Field("tranche.events", description="name of the topic that carries the events")
    kafka_group: str = Field("tranche-workers", description="name of the workers' consumer group")
    kafka_session_timeout_s: float = Field(
        10.0, gt=0, description="time after which a group takes the partitions of a silent member away, seconds"
    )
    kafka_username: str | None = Field(None, description="name by which the process logs in to Kafka, for SASL")
    kafka_password: SecretStr | None = Field(None, description="password that goes with it")
    kafka_sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = Field(
        "SCRAM-SHA-512", description="how the password is proven: SCRAM-SHA-512, SCRAM-SHA-256 or PLAIN"
    )
    kafka_ca: Authorities | None = Field(
        None, description="PEM file of the authorities that sign the brokers' certificates; else the machine's own"
    )
    kafka_certificate: Path | None = Field(None, description="PEM file of the process's own certificate, for TLS")
    kafka_key: Path | None = Field(None, description="PEM file of the key to it; it may be in the same file")
    kafka_security: Literal["plaintext", "ssl", "sasl_plaintext", "sasl_ssl"] = Field(
        "plaintext",
        validate_default=True,
        description="how brokers are spoken to: plaintext, ssl, sasl_plaintext or sasl_ssl",
    )
    embedded_backlog: int = Field(
        640_000,
        ge=1,
        description="number of records that may wait in the embedded log; past it events get 503",
    )
    changes: bool = Field(False, description="whether the changes stream is written: who enters and leaves segments")
    changes_topic: str = Field("tranche.changes", description="name of the topic that carries the changes")
    embedded_changes: int = Field(
        640_000, ge=1, description="number of changes that the embedded changes stream keeps; the oldest go"
    )
    samples_topic: str = Field("tranche.samples", description="name of the topic that carries what models learn from")
    embedded_samples: int = Field(
        200_000, ge=1, description="number of samples that the embedded log keeps for models; the oldest go"
    )
    consent_required: bool = Field(False, description="whether a user without any consent record is served nothing")
    redis_ca: Authorities | None = Field(
        None, description="PEM file of the authorities that sign Redis' certificates; else the machine's own"
    )
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0",
        validate_default=True,
        repr=False,
        description="URL of the Redis that holds profiles and memberships; rediss:// for TLS, unix://, "
        "redis+cluster:// or rediss+cluster:// with one or more nodes as host:port,host:port",
    )
    partitions: int = Field(
        64, ge=1, le=4096, description="number of partitions of the event log; recorded at the first start"
    )
    keep: str = Field(
        DEFAULT_KEEP, description="properties and context paths that profiles keep, separated by spaces; * ends a path"
    )
    time_zones: str = Field(
        "UTC",
        description="time zone by which days, weeks and months begin; space=Zone after it for single spaces",
    )
    host: str = Field("127.0.0.1", description="address to listen on; one beyond this machine takes TRANCHE_API_KEYS")
    api_keys: Path | None = Field(
        None, description="YAML file of the API keys that `tranche keys` makes; without one all may come in"
    )
    log_level: LogLevel = Field("info", description="the least severe level that is logged")

    @field_validator("kafka_security")
    @classmethod
    def _is_used(cls, security: str, others: ValidationInfo) -> str:
        """A secret that is set and not used is a slip that would go unnoticed."""
        told = {name.removeprefix("kafka_") for name, value in others.data.items() if value is not None}
        if security.startswith("sasl") != ({"username", "password"} <= told):
            raise ValueError("SASL takes TRANCHE_KAFKA_USERNAME and TRANCHE_KAFKA_PASSWORD, and they take SASL")
        if told & {"ca", "certificate", "key"} and not security.endswith("ssl"):
            raise ValueError("has to be ssl or sasl_ssl where TRANCHE_KAFKA_CA, _CERTIFICATE or _KEY is set")
        return security

    @field_validator("redis_url")
    @classmethod
    def _trusts_the_authorities(cls, url: str, others: ValidationInfo) -> str:
        """The file becomes a parameter of the URL, as redis-py reads it: so nobody connects without it."""
        authorities = others.data.get("redis_ca")
        if authorities is None:
            return url
        if not url.startswith("rediss"):
            raise ValueError("has to begin with rediss:// or rediss+cluster:// where TRANCHE_REDIS_CA is set")
        if "ssl_ca_certs" in parse_qs(url.partition("?")[2]):
            raise ValueError("has its own ssl_ca_certs, so TRANCHE_REDIS_CA would not be used: set one of the two")
        return f"{url}{'&' if '?' in url else '?'}ssl_ca_certs={quote(str(authorities))}"
