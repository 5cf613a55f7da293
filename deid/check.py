"""Checks the de-identified bytes before anything is written (rule 9).

Standard: PS3.15 E.1 (de-identifier: the result must be checked).

Invariants: on failure nothing has been written; a message says what kind of check failed only.

Not here: the rewriting itself (``deid.rewriter``).
"""

import re
from typing import Final

from deid.errors import VerificationFailed
from deid.identity import PATIENT_ID, Identity
from deid.rewriter import Rewriter
from deid.text import names_nobody

# Possessive and from the first digit on: otherwise a long row of digits costs quadratic time.
_NUMBER: Final = re.compile(rb"(?<![0-9])[0-9]++(?:\.[0-9]++)++")
# Shorter ones occur by chance, in numbers and in ordinary words.
_DISTINCTIVE: Final = 6
_UNMISTAKABLE: Final = 10
_ROOT: Final = 14
_MANY_ROOTS: Final = 64
_LETTER: Final = re.compile(rb"[A-Za-z\x80-\xff]")


class Check:
    """What the output of one data set must not contain, and that it is stable.

    Args:
        again: rewrites as the one that made the output, but moves no dates.
        names: what must not be left, as ``distinctive`` gives it.
    """

    def __init__(self, again: Rewriter, names: list[bytes]) -> None:
        self._again = again
        self._names = names

    def is_stable(self, written: bytes, uids: dict[bytes, bytes]) -> None:
        """Check that walking what was written again would change nothing.

        Args:
            written: a part of the output.
            uids: original UIDs and what replaced them.

        Raises:
            VerificationFailed: rewriting would change it again.
        """
        # What was just made is known to be our own; the rest is recognised by its check bits.
        self._again.uids.update((new, new) for new in uids.values())
        if self._again.rewrite(written) is not written:
            raise VerificationFailed("The de-identified data set would change again.")

    def holds_none(self, written: bytes, uids: dict[bytes, bytes]) -> None:
        """Check that no identifier of the header is in what was written.

        Raises:
            VerificationFailed: an identifier is left.
        """
        for text in self._names:
            # A short one as a whole word only, for a part of a longer one may be chance.
            if text in written and (_is_long(text) or re.search(_whole(text), written)):
                raise VerificationFailed("An identifier is left in the de-identified data set.")
        replaced = {uid for uid, new in uids.items() if uid != new}
        # Looking for a few roots first is much cheaper than looking at every number.
        roots = {uid[:_ROOT] for uid in replaced}
        likely = len(roots) > _MANY_ROOTS or any(root in written for root in roots)
        if likely and not replaced.isdisjoint(_NUMBER.findall(written)):
            raise VerificationFailed("An original UID is left in the de-identified data set.")


def distinctive(identity: Identity) -> list[bytes]:
    """Return the identifiers that cannot be in the output by chance."""
    found = [name for name in identity.names if b"^" in name.strip(b"^")]
    patient_id = identity.context.get(PATIENT_ID, b"")
    if _LETTER.search(patient_id):
        found.append(patient_id)
    return [text for text in found if len(text) >= _DISTINCTIVE and not names_nobody(text)]


def _is_long(text: bytes) -> bool:
    return len(text) >= _UNMISTAKABLE and b"^" in text


def _whole(text: bytes) -> bytes:
    return rb"(?<![0-9A-Za-z])" + re.escape(text) + rb"(?![0-9A-Za-z])"
