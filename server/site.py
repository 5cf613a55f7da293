"""What the settings say about the site, read and checked.

Invariants: whatever is wrong is said at the start, in one sentence.
Not here: what the pages make of it (`viewer`).
"""

import re
from pathlib import Path
from typing import Final, cast, get_args

from server.config import Settings
from server.errors import ConfigError
from viewer.site import SignUp, Site

__all__ = ["site_of"]

# Nothing else may get into the policy that it becomes a part of.
_SOURCES: Final = re.compile(r"(?:(?:\*|'self'|'none'|https?://[A-Za-z0-9.:*\[\]-]+)(?: +|\Z))+\Z")


def site_of(settings: Settings) -> Site:
    """Read the settings.

    Raises:
        ConfigError: one of them cannot be used.
    """
    if settings.sign_up not in get_args(SignUp):
        raise ConfigError(f"The setting sign_up is one of {', '.join(get_args(SignUp))}.")
    if settings.smtp and not settings.public_base:
        # Links in mails would lead to whatever host a request named.
        raise ConfigError("Where mail is sent by smtp, the setting public_base is needed, too.")
    if not _SOURCES.match(settings.embed_ancestors):
        raise ConfigError("The setting embed_ancestors holds origins, https://HOST, or `*`.")
    return Site(
        operator=settings.operator,
        contact=settings.contact,
        sign_up=cast(SignUp, settings.sign_up),
        terms=_terms(settings.terms),
        terms_version=settings.terms_version,
        sends_mail=bool(settings.smtp),
        pending_days=settings.pending_days,
        pending_notice_days=settings.pending_notice_days,
        private_bytes=settings.private_bytes,
        embed_ancestors=settings.embed_ancestors,
    )


def _terms(file: str) -> str:
    if not file:
        return ""
    try:
        return Path(file).read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise ConfigError("The file of the terms cannot be read.") from None
