"""How a receiver knows that a delivery is ours and fresh: the symmetric signatures of Standard Webhooks 1.0.0."""

import base64
import hashlib
import hmac

PREFIX = "whsec_"
MIN_KEY_BYTES, MAX_KEY_BYTES = 24, 64


class SigningKey:
    """Never shows itself: neither in its own text nor in an error's."""

    def __init__(self, secret: str) -> None:
        """`secret` is `whsec_` and 24 to 64 bytes in Base64. Raises ValueError."""
        if not secret.startswith(PREFIX):
            raise ValueError(f"a secret begins with {PREFIX}")
        try:
            self._key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
        except ValueError:
            raise ValueError(f"what follows {PREFIX} in a secret is Base64") from None
        if not MIN_KEY_BYTES <= len(self._key) <= MAX_KEY_BYTES:
            raise ValueError(f"a secret has {MIN_KEY_BYTES} to {MAX_KEY_BYTES} bytes in Base64")

    def sign(self, message_id: str, timestamp_s: int, body: bytes) -> str:
        """The value of the header `webhook-signature`."""
        signed = b"%s.%d.%s" % (message_id.encode(), timestamp_s, body)
        return "v1," + base64.b64encode(hmac.digest(self._key, signed, hashlib.sha256)).decode()
