"""Links that show that whoever opens them has read a mail to the account's address.

Invariants: a link is for one account and one purpose, and ends; nothing of it is stored, so it may
be used until its end: what it allows is to be something that is done once.
Not here: links that sign in (`accounts.signin`); who sends them (`viewer.account_data`).
"""

import hmac
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final

__all__ = ["LIFETIME", "is_proof", "make_proof"]

LIFETIME: Final = timedelta(hours=1)


def make_proof(key: str | bytes, purpose: str, account_id: int, now: datetime) -> str:
    """A secret that only a mail tells.

    Args:
        key: the application's own.
        purpose: what it is to allow.
        account_id: whose.
        now: the present time.
    """
    end = int((now + LIFETIME).timestamp())
    return f"{end:x}-{_signature(key, purpose, account_id, end)}"


def is_proof(proof: str, key: str | bytes, purpose: str, account_id: int, now: datetime) -> bool:
    """Whether it is one, for this account and purpose, that has not ended."""
    written, _, signature = proof.partition("-")
    if not written.isascii() or not written.isalnum() or len(written) > 12:
        return False
    try:
        end = int(written, 16)
    except ValueError:
        return False
    expected = _signature(key, purpose, account_id, end)
    return hmac.compare_digest(signature.encode(), expected.encode()) and now.timestamp() < end


def _signature(key: str | bytes, purpose: str, account_id: int, end: int) -> str:
    secret = key.encode() if isinstance(key, str) else key
    return hmac.new(secret, f"{purpose}\0{account_id}\0{end}".encode(), sha256).hexdigest()
