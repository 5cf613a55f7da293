"""Maps UIDs with a key, and recognises the ones that the same key made.

Standard: PS3.5 B.2 (UUID derived UIDs, root 2.25), PS3.15 E.3.9 (retain UIDs: not applied).

Invariants: same key and UID, same output, for ever, without a table; different keys are
unlinkable; an own UID maps to itself, so that sending a downloaded object again changes nothing.
The number is 96 bits of HMAC-SHA-256(key, UID) and 32 bits that check them under the key.

Not here: which elements are mapped (``deid.rules``).
"""

import hmac
import re
from functools import lru_cache

from deid.errors import Malformed

ROOT = "2.25."
# The standard's own UIDs are structure, not identity. The pattern is strict, because text that
# merely begins like one of them must not pass.
_STANDARD = re.compile(r"1\.2\.840\.10008(?:\.(?:0|[1-9][0-9]*))+")
_CHECK_BITS = 32
_MAX_NUMBER = 1 << 128


def map_uid(key: bytes, uid: str) -> str:
    """Return the UID that stands for ``uid``; an own UID is returned as it is."""
    if not uid:
        raise Malformed("An empty UID cannot be mapped.")
    if is_own(key, uid):
        return uid
    head = _digest(key, b"uid\0" + uid.encode("utf-8", "surrogateescape"))[:12]
    return ROOT + str(int.from_bytes(head + _check(key, head), "big"))


def is_own(key: bytes, uid: str) -> bool:
    """Tell whether ``map_uid`` with this key made ``uid``."""
    if not uid.startswith(ROOT):
        return False
    digits = uid[len(ROOT) :]
    if not (digits.isascii() and digits.isdigit()) or len(digits) > 39 or digits[0] == "0":
        return False
    number = int(digits)
    if number >= _MAX_NUMBER:
        return False
    head = (number >> _CHECK_BITS).to_bytes(12, "big")
    check = (number & ((1 << _CHECK_BITS) - 1)).to_bytes(4, "big")
    return hmac.compare_digest(check, _check(key, head))


def is_standard(uid: str) -> bool:
    """Tell whether a UID belongs to the standard itself (SOP classes, transfer syntaxes …)."""
    return len(uid) <= 64 and _STANDARD.fullmatch(uid) is not None


def _check(key: bytes, head: bytes) -> bytes:
    return _digest(key, b"uid check\0" + head)[:4]


def _digest(key: bytes, message: bytes) -> bytes:
    # Setting a key up takes longer than a message, and few keys are in use.
    mac = _keyed(key).copy()
    mac.update(message)
    return mac.digest()


@lru_cache(maxsize=64)
def _keyed(key: bytes) -> hmac.HMAC:
    return hmac.new(key, digestmod="sha256")
