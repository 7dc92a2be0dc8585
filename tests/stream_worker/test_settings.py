"""What a worker is told from outside."""

import pytest
from pydantic import ValidationError

from services.stream_worker.settings import WorkerSettings


def test_the_key_of_pseudonyms_is_told_to_nobody_and_as_long_as_it_may_be() -> None:
    settings = WorkerSettings(pseudonym_key="k" * 64)
    assert settings.pseudonym_key.get_secret_value() == "k" * 64
    assert "kkk" not in repr(settings)


def test_a_key_of_pseudonyms_that_is_too_long_is_refused_without_being_repeated() -> None:
    with pytest.raises(ValidationError) as refused:
        WorkerSettings(pseudonym_key="é" * 33)
    [each] = refused.value.errors()  # of which the command line shows where and what
    assert (each["loc"], each["msg"]) == (("pseudonym_key",), "Value error, has to be at most 64 bytes long")
