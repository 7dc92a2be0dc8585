"""What a worker is told from outside."""

from hashlib import blake2b

from pydantic import Field, SecretStr, ValidationInfo, field_validator

from services.runtime.settings import Settings


class WorkerSettings(Settings):
    worker_port: int = Field(8082, ge=1, le=65535, description="TCP port for health and metrics")
    workers: int = Field(1, ge=1, description="number of workers that share the embedded log; Kafka shares by itself")
    worker_index: int = Field(0, ge=0, description="which of them this one is, from 0")
    cache_events: int = Field(
        200_000, ge=1, description="profiles held decoded, counted in the events that they retain"
    )
    max_records: int = Field(8_000, ge=1, description="number of records that one turn takes from the log at most")
    profile_codec: int = Field(
        4,
        ge=3,
        le=4,
        description="codec of the profiles that it writes; 3 while workers of the release before are at work",
    )
    changes_grace_ms: int = Field(
        1_000,
        ge=0,
        description="time that changes caused by time alone wait for records that the log's clock dates earlier, ms",
    )

    pseudonym_key: SecretStr = Field(
        SecretStr(""),
        description="secret that goes into the pseudonyms by which models know users; 64 bytes at most",
    )

    @field_validator("pseudonym_key")
    @classmethod
    def _is_short_enough(cls, key: SecretStr) -> SecretStr:
        if len(key.get_secret_value().encode()) > blake2b.MAX_KEY_SIZE:
            raise ValueError(f"has to be at most {blake2b.MAX_KEY_SIZE} bytes long")
        return key

    @field_validator("worker_index")
    @classmethod
    def _is_one_of_them(cls, index: int, others: ValidationInfo) -> int:
        # Another one would read no partition, or read what belongs to nobody here.
        if index >= others.data.get("workers", index + 1):
            raise ValueError("has to be less than TRANCHE_WORKERS")
        return index
