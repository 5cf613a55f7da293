"""An authenticator: the code of RFC 6238 that a key has at a moment."""

import hmac
import struct
import time
from base64 import b32decode

__all__ = ["code_of"]


def code_of(key: str, ahead: int = 0) -> str:
    """The code of a key as people type it, so many steps of half a minute from now."""
    plain = key.replace("-", "").replace(" ", "").upper()
    secret = b32decode(plain + "=" * (-len(plain) % 8))
    step = struct.pack(">Q", int(time.time()) // 30 + ahead)
    digest = hmac.digest(secret, step, "sha1")
    start = digest[-1] & 15
    number = struct.unpack(">I", digest[start : start + 4])[0] & 0x7FFFFFFF
    return f"{number % 1_000_000:06d}"
