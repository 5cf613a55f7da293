"""The errors of cases.

CaseError
├── NoSuchCase        no case of this code that the caller may see
├── NoSuchVersion     the case was never published in this version
├── NoSuchPlaylist    no playlist of this code that the caller may see
├── NoSuchShare       no share link of this number of the caller's
├── NoSuchReport      no report of this number
├── NeedsPassword     a share link that opens with a password only
├── WrongPassword     not the password of the share link
├── NotAllowed        it is known who the caller is, and this is not open to it
├── NotReady          the case cannot be published as it is; says why
├── Changed           somebody else saved in between
└── InvalidText       a title, text, tag, licence or name that is not one, or is too long
"""

__all__ = [
    "CaseError",
    "Changed",
    "InvalidText",
    "NeedsPassword",
    "NoSuchCase",
    "NoSuchPlaylist",
    "NoSuchReport",
    "NoSuchShare",
    "NoSuchVersion",
    "NotAllowed",
    "NotReady",
    "WrongPassword",
]


class CaseError(Exception):
    """Anything that cases refuse; the text is one sentence for people."""


class NoSuchCase(CaseError):
    """No case of this code that the caller may see."""


class NoSuchVersion(CaseError):
    """The case was never published in this version."""


class NoSuchPlaylist(CaseError):
    """No playlist of this code that the caller may see."""


class NoSuchShare(CaseError):
    """No share link of this number of the caller's."""


class NoSuchReport(CaseError):
    """No report of this number."""


class NeedsPassword(CaseError):
    """A share link that opens with a password only."""


class WrongPassword(CaseError):
    """Not the password of the share link."""


class NotAllowed(CaseError):
    """It is known who the caller is, and this is not open to it."""


class NotReady(CaseError):
    """The case cannot be published as it is; the sentence says why."""


class Changed(CaseError):
    """Somebody else, or another window, saved in between."""


class InvalidText(CaseError):
    """A title, text, tag, licence or name that is not one, or is too long."""
