"""What this implementation is called on the network, and that pynetdicom keeps quiet.

Standard: PS3.7 D.3.3.2 (Implementation Class UID and Version Name).
Invariants: after `silence_pynetdicom` nothing that pynetdicom has to say reaches a log: it names AE
titles, UIDs and data sets at several levels, and exceptions that quote them.
Not here: what an operator has to know; the modules of this package log that, without values.
"""

import logging
from typing import Final

from pydicom.uid import UID
from pynetdicom import _config

__all__ = ["CLASS_UID", "VERSION_NAME", "silence_pynetdicom"]

# Derived from a UUID (PS3.5 B.2), so that it needs no registration.
CLASS_UID: Final = UID("2.25.283842733044362474416824623696927105440")
VERSION_NAME: Final = "READINGROOM"


def silence_pynetdicom() -> None:
    """Keep everything that pynetdicom would log to itself."""
    _config.LOG_HANDLER_LEVEL = "none"
    _config.LOG_REQUEST_IDENTIFIERS = False
    _config.LOG_RESPONSE_IDENTIFIERS = False
    _config.STORE_RECV_CHUNKED_DATASET = False
    theirs = logging.getLogger("pynetdicom")
    theirs.setLevel(logging.CRITICAL + 1)
    theirs.propagate = False
