"""Who may call what: every route of the application has a row here, or a test fails.

A row says, for each kind of thing that a path can name, which callers it is open to. To all others
it is closed: they are told that there is no such thing, that it is not theirs, or to sign in.
"""

from typing import Final, Literal

Caller = Literal[
    "stranger",
    "member",
    "owner",
    "share of another case",
    "ended share",
    "share",
    "moderator",
    "administrator",
]
Target = Literal["public", "private", "hidden"]

STRANGERS: Final[frozenset[Caller]] = frozenset(
    ("stranger", "share of another case", "ended share", "share")
)
SIGNED_IN: Final[frozenset[Caller]] = frozenset(("member", "owner", "moderator", "administrator"))
EVERYBODY: Final = STRANGERS | SIGNED_IN
OWNER: Final[frozenset[Caller]] = frozenset(("owner",))
MODERATORS: Final[frozenset[Caller]] = frozenset(("moderator", "administrator"))
ADMINISTRATORS: Final[frozenset[Caller]] = frozenset(("administrator",))
NOBODY: Final[frozenset[Caller]] = frozenset()
SHARED: Final[frozenset[Caller]] = frozenset(("share",))

Policy = dict[Target, frozenset[Caller]]


def _same(callers: frozenset[Caller]) -> Policy:
    return {"public": callers, "private": callers, "hidden": callers}


ANY: Final = _same(EVERYBODY)
MEMBERS: Final = _same(SIGNED_IN)
MINE: Final = _same(OWNER)
QUEUE: Final = _same(MODERATORS)
RUNS: Final = _same(ADMINISTRATORS)
# Programs bring a token; a session reads at most, and changes nothing.
TOKEN: Final = _same(NOBODY)
CASE: Final[Policy] = {"public": EVERYBODY, "private": OWNER, "hidden": OWNER | MODERATORS}
PUBLIC: Final[Policy] = {"public": EVERYBODY, "private": NOBODY, "hidden": NOBODY}
# That a case was reported is no secret to who could see it, and more can be said of it; what it
# shows is. A link that is of no use is said to be so.
REPORTED: Final[Policy] = {
    "public": SIGNED_IN | SHARED | {"stranger"},
    "private": OWNER | SHARED,
    "hidden": SIGNED_IN | SHARED | {"stranger"},
}
# A playlist is there without the cases that its reader may not see.
LISTED: Final[Policy] = {"public": EVERYBODY, "private": OWNER, "hidden": EVERYBODY}
# Programs get what strangers do, whoever asks.
LISTED_TO_ALL: Final[Policy] = {"public": EVERYBODY, "private": NOBODY, "hidden": EVERYBODY}
# A hidden case is dead by its links, too.
SHARE: Final[Policy] = {"public": SHARED, "private": SHARED, "hidden": NOBODY}
# The link of another case shows that one.
LINKED: Final[frozenset[Caller]] = frozenset(("share of another case",))
LINK: Final[Policy] = {"public": SHARED | LINKED, "private": SHARED | LINKED, "hidden": LINKED}
# No cookie counts in a frame; a link that is of no use is said to be so.
EMBEDDED: Final[Policy] = {
    "public": SIGNED_IN | SHARED | {"stranger"},
    "private": SHARED,
    "hidden": NOBODY,
}
# The links are of cases, and open no playlist; one with nothing to show is not shown, either.
EMBEDDED_LIST: Final[Policy] = {
    "public": SIGNED_IN | {"stranger"},
    "private": NOBODY,
    "hidden": NOBODY,
}
