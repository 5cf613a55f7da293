"""Whose session a request belongs to: begun at sign-in, asked for at each request, ended at once.

Invariants: a cookie is worth the row that its secret names, and nothing else; a request costs one
look-up at most, and none when nobody asks who it is; strangers' pages are asked for no cookie.
Not here: the rows (`accounts.sessions`).
"""

import re
from typing import Final

from flask import Flask, abort, g, redirect, request, session, url_for
from flask_login import user_logged_in, user_logged_out
from flask_security import Security
from werkzeug.wrappers import Response

from accounts.sessions import begin_session, end_session_of, session_of
from viewer.blueprint import Pages
from viewer.security.datastore import People
from viewer.security.person import Person

__all__ = ["browser_of", "follow_sessions", "send_to_sign_in"]

KEY: Final = "key"
BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrom", "Chrome"),
    ("CriOS/", "Chrome"),
    ("FxiOS/", "Firefox"),
    ("Safari/", "Safari"),
)
SYSTEMS: Final = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


def follow_sessions(app: Flask, security: Security, people: People, pages: Pages) -> None:
    """Let sessions be rows: in place of what the library keeps in its cookie alone."""
    manager = security.login_manager

    def load(_uniquifier: str) -> Person | None:
        found = session_of(pages.database, session.get(KEY, ""), clock=pages.clock)
        if found is None:
            return None
        number, known = found
        person = people.person(known)
        person.session_id = number
        # What the library's own loader says of a request.
        g.fs_authn_via, g.fs_paa = "session", session.get("fs_paa", 0)
        return person

    def begin(_app: Flask, user: Person) -> None:
        _end()
        browser = browser_of(request.headers.get("User-Agent", ""))
        session[KEY] = begin_session(
            pages.database,
            user.id,
            browser=browser,
            random_bytes=pages.random_bytes,
            clock=pages.clock,
        )

    def end(_app: Flask, **_user: object) -> None:
        _end()

    def _end() -> None:
        if secret := session.pop(KEY, None):
            end_session_of(pages.database, secret)

    manager.user_loader(load)
    # Programs use tokens of ours (`accounts.tokens`).
    manager.request_loader(None)
    manager.unauthorized_handler(send_to_sign_in)
    # Who it is, is not asked before somebody wants to know: a picture needs no look-up.
    security.principal.identity_loaders.clear()
    user_logged_in.connect(begin, app)
    user_logged_out.connect(end, app)
    # Signals hold what they call weakly.
    app.extensions["readingroom_sessions"] = (begin, end)


def send_to_sign_in(*_mechanisms: object, **_headers: object) -> Response:
    """Where a stranger goes who wants a page for people with an account; they come back after."""
    if request.method not in ("GET", "HEAD"):
        abort(401)
    # With the path of a proxy, below which the browser has to come back.
    here = f"{request.script_root}{request.full_path}".rstrip("?")
    wanted = None if here in (url_for("public.home"), url_for("pages.uploads")) else here
    return redirect(url_for("sign_in.sign_in", next=wanted))


def browser_of(user_agent: str) -> str:
    """What people call a browser and what it runs on, as "Firefox on Linux"."""
    name = next((said for mark, said in BROWSERS if mark in user_agent), "")
    system = next((said for mark, said in SYSTEMS if mark in user_agent), "")
    if not name:
        first = re.match(r"[A-Za-z][A-Za-z0-9._-]{0,30}", user_agent)
        name = first.group() if first else "A browser"
    return f"{name} on {system}" if system else name
