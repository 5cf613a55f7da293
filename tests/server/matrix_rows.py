"""The rows of the matrix (`tests.server.matrix`): each route, by method, and who may call it."""

from typing import Any, Final

from tests.server.matrix import (
    ANY,
    CASE,
    EMBEDDED,
    EMBEDDED_LIST,
    LINK,
    LISTED,
    LISTED_TO_ALL,
    MEMBERS,
    MINE,
    PUBLIC,
    QUEUE,
    REPORTED,
    RUNS,
    SHARE,
    TOKEN,
    Policy,
)

#: Values of paths that do not depend on the case.
PLACES: Final[dict[str, Any]] = {
    "number": 1,
    "other": 1,
    "kind": "bib",
    "kinds": "cases",
    "token": "n" * 43,
    "mapped": "channels",
}

_ROWS: Final[tuple[tuple[Policy, str], ...]] = (
    (
        ANY,
        """
        GET /
        GET /cases
        GET /cases/<code>/report/thanks
        GET /confirm
        POST /confirm
        GET /confirm/<token>
        POST /confirm/<token>
        GET /account/security/email/<token>
        POST /account/security/email/<token>
        GET /feed.rss
        GET /feed.xml
        GET /healthz
        GET /help
        GET /metrics
        GET /privacy
        GET /terms
        GET /goodbye
        GET /passkey
        POST /passkey
        POST /passkey/<token>
        GET /playlists
        GET /reset
        POST /reset
        GET /reset/<token>
        POST /reset/<token>
        GET /robots.txt
        GET /sign-in
        POST /sign-in
        GET /sign-in/<token>
        POST /sign-in/<token>
        POST /share/<share>
        POST /sign-out
        GET /sign-up
        POST /sign-up
        GET /sign-up/done
        GET /sitemap.xml
        GET /sitemap/<any(channels, playlists):mapped>-<int:number>.xml
        GET /sitemap/<int:number>.xml
        """,
    ),
    (
        MEMBERS,
        """
        GET /accept-terms
        POST /accept-terms
        GET /account
        GET /account/delete
        POST /account/delete
        POST /account/delete/link
        POST /account/export
        POST /account/profile
        GET /account/security
        GET /account/security/authenticator
        POST /account/security/authenticator
        POST /account/security/authenticator/<token>
        GET /account/security/email
        POST /account/security/email
        GET /account/security/passkeys
        POST /account/security/passkeys
        POST /account/security/passkeys/<token>
        GET /account/security/passkeys/remove
        POST /account/security/passkeys/remove
        GET /account/security/password
        POST /account/security/password
        GET /account/security/recovery-codes
        POST /account/security/recovery-codes
        POST /account/security/sessions
        POST /account/security/sessions/others
        POST /account/senders
        POST /account/senders/remove
        POST /account/titles
        POST /account/titles/change
        POST /account/titles/remove
        POST /account/tokens
        POST /account/tokens/revoke
        GET /api/cases
        POST /cases
        POST /playlists
        POST /playlists/add
        GET /uploads
        GET /uploads/cases
        POST /uploads/add
        POST /uploads/delete
        GET /verify
        POST /verify
        GET /verify/passkey
        POST /verify/passkey
        POST /verify/passkey/<token>
        """,
    ),
    (
        QUEUE,
        """
        GET /admin
        GET /admin/cases
        GET /admin/cases/<code>/take-down
        POST /admin/cases/<code>/take-down
        GET /admin/reports
        GET /admin/reports/<int:number>
        POST /admin/reports/<int:number>
        GET /admin/reports/<int:number>/case
        """,
    ),
    (
        RUNS,
        """
        GET /admin/audit
        GET /admin/jobs
        POST /admin/jobs/<int:number>
        GET /admin/messages
        GET /admin/messages/<int:number>
        GET /admin/people
        POST /admin/people/<int:number>
        POST /admin/people/invitations
        GET /admin/retention
        GET /admin/retention/<code>/keep
        POST /admin/retention/<code>/keep
        POST /admin/retention/<code>/release
        GET /admin/settings
        GET /admin/storage
        """,
    ),
    (
        TOKEN,
        """
        POST /api/cases
        DELETE /api/cases/<code>
        PUT /api/cases/<code>
        POST /api/cases/<code>/discard
        POST /api/cases/<code>/publish
        POST /api/cases/<code>/versions/<int:number>/restore
        POST /api/studies/<study>/series/<series>/masks
        POST /api/studies/<study>/series/<series>/review
        """,
    ),
    (
        MINE,
        """
        GET /api/cases/<code>
        GET /api/cases/<code>/versions
        GET /api/cases/<code>/versions/<int:number>
        GET /api/studies/<study>/review
        GET /api/studies/<study>/series/<series>/instances/<instance>/receipt
        GET /cases/<code>/delete
        POST /cases/<code>/delete
        POST /cases/<code>/discard
        GET /cases/<code>/edit
        POST /cases/<code>/edit
        GET /cases/<code>/preview
        GET /cases/<code>/publish
        POST /cases/<code>/publish
        GET /cases/<code>/shares
        GET /cases/<code>/versions
        POST /cases/<code>/versions/<int:number>/restore
        GET /playlists/<code>/delete
        POST /playlists/<code>/delete
        GET /playlists/<code>/edit
        POST /playlists/<code>/edit
        GET /playlists/<code>/shares
        POST /<any(cases, playlists):kinds>/<code>/shares
        GET /uploads/<study_uid>/review
        POST /uploads/<study_uid>/review/<series_uid>
        POST /uploads/<study_uid>/review/<series_uid>/masks
        GET /viewer/<study_uid>
        """,
    ),
    (
        CASE,
        """
        GET /cases/<code>
        GET /cases/<code>/cite.<kind>
        GET /cases/<code>/download.zip
        GET /cases/<code>/versions/<int:number>
        GET /cases/<code>/versions/<int:number>/cite.<kind>
        GET /cases/<code>/versions/<int:number>/compare/<int:other>
        GET /cases/<code>/versions/<int:number>/download.zip
        """,
    ),
    (
        PUBLIC,
        """
        GET /cases/<code>/picture.jpg
        """,
    ),
    (
        REPORTED,
        """
        GET /cases/<code>/report
        POST /cases/<code>/report
        """,
    ),
    (
        LISTED,
        """
        GET /playlists/<code>
        """,
    ),
    (
        LISTED_TO_ALL,
        """
        GET /playlists/<code>/feed.rss
        GET /playlists/<code>/feed.xml
        """,
    ),
    (
        EMBEDDED_LIST,
        """
        GET /embed/playlist/<code>
        """,
    ),
    (
        EMBEDDED,
        """
        GET /embed/case/<code>
        """,
    ),
    (
        LINK,
        """
        GET /share/<share>
        """,
    ),
    (
        SHARE,
        """
        GET /share/<share>/cases/<code>
        GET /share/<share>/cases/<code>/download.zip
        """,
    ),
)

#: Routes that name what is made elsewhere, or begun before: who may see what is shown by tests of
#: their own.
_LINKS: Final = "/<any(cases, playlists):kinds>/<code>/shares/<int:number>"
ELSEWHERE: Final = {
    f"POST {_LINKS}/delete": "tests/viewer/test_sharing.py",
    f"POST {_LINKS}/restore": "tests/viewer/test_sharing.py",
    "GET /assets/<name>": "tests/viewer/test_assets.py",
    "GET /static/<path:filename>": "tests/viewer/test_assets.py",
    "GET /authors/<address>": "tests/viewer/test_public.py",
    "GET /authors/<address>/feed.rss": "tests/viewer/test_public_feeds.py",
    "GET /authors/<address>/feed.xml": "tests/viewer/test_public_feeds.py",
    "GET /oembed": "tests/viewer/test_public_feeds.py",
    "GET /account/export/<int:number>": "tests/viewer/test_account_data.py",
    "GET /second-step": "tests/viewer/test_security.py",
    "POST /second-step": "tests/viewer/test_security.py",
    "GET /second-step/choose": "tests/viewer/test_security.py",
    "POST /second-step/choose": "tests/viewer/test_security.py",
    "GET /second-step/recovery": "tests/viewer/test_security.py",
    "POST /second-step/recovery": "tests/viewer/test_security.py",
    "GET /second-step/rescue": "tests/viewer/test_security.py",
    "POST /second-step/rescue": "tests/viewer/test_security.py",
    "GET /playlists/add": "tests/viewer/test_playlists.py",
}

POLICIES: Final[dict[str, Policy]] = {
    row.strip(): policy for policy, rows in _ROWS for row in rows.splitlines() if row.strip()
}
