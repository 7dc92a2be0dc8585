"""Signatures that every library of Standard Webhooks can check, from secrets that never show."""

import base64

import pytest

from services.webhooks.signature import SigningKey
from tests.webhooks.receiver import SECRET


def test_the_example_of_the_specification_comes_out() -> None:
    signature = SigningKey(SECRET).sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b'{"test": 2432232314}')
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_id_time_and_body_are_all_signed() -> None:
    sign = SigningKey(SECRET).sign
    assert len({sign("a", 1, b"x"), sign("b", 1, b"x"), sign("a", 2, b"x"), sign("a", 1, b"y")}) == 4


def test_another_secret_signs_otherwise() -> None:
    other = "whsec_" + base64.b64encode(bytes(24)).decode()
    assert SigningKey(other).sign("a", 1, b"x") != SigningKey(SECRET).sign("a", 1, b"x")


@pytest.mark.parametrize(
    "secret",
    ["", "hunter2-hunter2-hunter2", "whsec_", "whsec_!!hunter2", "whsec_aHVudGVyMg==", "whsec_" + "aHVudGVyMg" * 20],
)
def test_an_unfit_secret_is_refused_without_being_repeated(secret: str) -> None:
    with pytest.raises(ValueError, match="secret") as refused:
        SigningKey(secret)
    assert "hunter2" not in str(refused.value)
    assert "aHVud" not in str(refused.value)


def test_a_key_does_not_show_itself() -> None:
    assert SECRET[6:20] not in repr(SigningKey(SECRET))
