"""What the operator has said about the site, as its pages tell it.

Not here: reading it from the settings (`server.app`).
"""

from dataclasses import dataclass
from typing import Literal

from accounts.plans import PRIVATE_BYTES

__all__ = ["SettingShown", "SignUp", "Site"]

SignUp = Literal["open", "invitation", "closed"]


@dataclass(frozen=True)
class SettingShown:
    """A setting as administrators see it.

    Attributes:
        value: in force; of a secret only whether there is one.
        usual: it is the one that comes with Readingroom.
    """

    name: str
    value: str
    help: str
    usual: bool


@dataclass(frozen=True)
class Site:
    """Who runs the server, and what its rules are.

    Attributes:
        operator: the name of who runs it; may be empty.
        contact: their e-mail address; may be empty.
        sign_up: who may make an account.
        terms: the terms of use, in Markdown; empty for those of the product.
        terms_version: their date.
        sends_mail: messages leave the server; otherwise administrators see them.
        pending_days, pending_notice_days: when a case that was never published goes, and how many
            days before that its owner is told; 0 days for never.
        private_bytes: how much room the private cases of one account may take.
        embed_ancestors: whose pages may embed cases, as a source list of CSP.
    """

    operator: str = ""
    contact: str = ""
    sign_up: SignUp = "invitation"
    terms: str = ""
    terms_version: str = "2026-11-01"
    sends_mail: bool = False
    pending_days: int = 14
    pending_notice_days: int = 3
    private_bytes: int = PRIVATE_BYTES
    embed_ancestors: str = "*"
