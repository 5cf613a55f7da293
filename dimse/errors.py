"""The errors of the DIMSE edge.

::

    DimseError
    ├── Interrupted          another PDU came where the rest of a message was due
    │   └── ConnectionLost   the connection ended, broke or stalled
    ├── ProtocolViolation    what came is no DIMSE message; the association is aborted
    ├── CannotReach          nobody that speaks DICOM answers at a peer's address
    │   └── Unwanted         we do not want to: the address is not allowed, the certificate wrong
    └── Refused              a peer does not want an association with us

Standard: PS3.8 section 9.2 (the upper layer's state machine), PS3.7 section 9 (commands).
Invariants: no text of these errors carries a value of what was received; those of the last three
are sentences for people.
Not here: what is answered to a sender about a data set; that is `dimse.statuses`.
"""


class DimseError(Exception):
    """Root of everything the DIMSE edge raises on purpose."""


class Interrupted(DimseError):
    """The message under way will never be complete."""


class ConnectionLost(Interrupted):
    """Nothing more will come over this connection."""


class ProtocolViolation(DimseError):
    """The peer broke the rules of the upper layer or of a command set."""


class CannotReach(DimseError):
    """No association could be asked for: nobody is there, or nobody who speaks DICOM."""


class Unwanted(CannotReach):
    """Somebody may be there with whom we are not to speak; asking again would not help."""


class Refused(DimseError):
    """The peer was asked for an association and said no.

    Attributes:
        is_transient: it may say yes later; also when it aborted instead of saying no.
    """

    def __init__(self, text: str, *, is_transient: bool = False) -> None:
        super().__init__(text)
        self.is_transient = is_transient
