"""The pages behind the sign-in: the list of studies and the viewer.

Invariants: a page shows what the scope of its reader holds; what is not in it does not exist.
Not here: signing in (`viewer.sign_in`), how studies are found (`viewer.studies`).
"""

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from flask import Blueprint, abort, current_app, render_template, request
from flask_login import current_user
from werkzeug.wrappers import Response

from accounts.reach import Reach
from cases.cases import count_of_owner
from cases.exports import Exports
from store.access import Gate, OwnerScope
from store.db import Database
from store.ingest import Ingest
from store.jobs import Jobs
from store.retrieve import Archive
from store.review import Review
from viewer import words
from viewer.assets import Assets
from viewer.site import SettingShown, Site
from viewer.studies import find_study, page_of_studies
from viewer.study_states import count_by_state, scope_of, show_named

__all__ = ["Pages", "create_blueprint", "only_signed_in"]

LAST_PAGE = 1_000_000
ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104 - compared, not bound


@dataclass(frozen=True)
class Pages:
    """What the pages work on, and what they tell people who send.

    Attributes:
        database, archive, ingest: the index, the way out, and the one door.
        gate: tells who calls the API.
        clock: the present time.
        dicomweb_root: the path of the DICOMweb root that the viewer reads from.
        public_base: the server's address as others reach it; None means as the request came.
        ae_title, dimse_host, dimse_port: where scanners send to.
        dimse_tls_port: where they send to over TLS; None when there is no such port.
        reach: where accounts may have this server connect to.
        site: what the operator has said about it.
        random_bytes: gives that many random bytes.
        share_key: by what those who open share links are told apart.
        exports: the files with all that is an account's own.
        settings: those in force, for administrators to see.
        assets: the built client; by default that of this checkout.
    """

    database: Database
    archive: Archive
    ingest: Ingest
    gate: Gate
    clock: Callable[[], datetime]
    dicomweb_root: str = "/dicomweb"
    public_base: str | None = None
    ae_title: str = "READINGROOM"
    dimse_host: str = "127.0.0.1"
    dimse_port: int = 11112
    dimse_tls_port: int | None = None
    reach: Reach = field(default_factory=Reach)
    site: Site = field(default_factory=Site)
    random_bytes: Callable[[int], bytes] = os.urandom
    share_key: bytes = b""
    exports: Exports = field(default_factory=lambda: Exports(Path("exports")))
    settings: tuple[SettingShown, ...] = ()
    assets: Assets | None = field(default=None)

    @property
    def review(self) -> Review:
        """What is held, and what owners decide."""
        return Review(self.database, self.clock)

    @property
    def jobs(self) -> Jobs:
        """The queue of work that takes its time."""
        return Jobs(self.database, self.clock)

    def base(self) -> str:
        """The server's address, without a slash at its end."""
        return (self.public_base or request.url_root).rstrip("/")

    def mail_base(self) -> str:
        """What links in mails begin with: nothing without a public address.

        A mail is caused by one and read by another, whom the host that the first one's request
        named may lead astray.
        """
        return (self.public_base or "").rstrip("/")

    def dimse_reached_at(self) -> str:
        """The host that scanners send to; where every address is listened on, that of the pages."""
        if self.dimse_host in ANY_ADDRESS:
            return urlsplit(self.base()).hostname or self.dimse_host
        return self.dimse_host

    def dicomweb_path(self) -> str:
        """The path of the DICOMweb root as the browser sees it, also below a proxy's path."""
        return f"{request.script_root}{self.dicomweb_root}"


def only_signed_in() -> Response | None:
    """Lets people with a session through; for `before_request` of a blueprint."""
    if current_user.is_authenticated:
        return None
    return cast(Response, current_app.login_manager.unauthorized())  # type: ignore[attr-defined]


def create_blueprint(pages: Pages) -> Blueprint:
    """The list of studies and the viewer, for people who are signed in."""
    blueprint = Blueprint("pages", __name__, template_folder="templates")
    blueprint.context_processor(lambda: {"words": words})

    blueprint.before_request(only_signed_in)

    @blueprint.get("/uploads")
    def uploads() -> str:
        number = min(LAST_PAGE, max(1, request.args.get("page", 1, int)))
        now = pages.clock()
        show = show_named(request.args.get("show", ""))
        scope = scope_of(current_user.id, show, now)
        studies = page_of_studies(pages.database, scope, number, now)
        if not studies.entries and number > 1:
            abort(404)
        counts = count_by_state(pages.database, current_user.id, now)
        cases_total = count_of_owner(pages.database, current_user.id)
        told = {"studies": studies, "show": show, "counts": counts, "cases_total": cases_total}
        return render_template("uploads.html", pages=pages, now=now, **told)

    @blueprint.get("/viewer/<study_uid>")
    def viewer(study_uid: str) -> str:
        scope = OwnerScope(current_user.id)
        study = find_study(pages.database, scope, study_uid, pages.clock())
        if study is None:
            abort(404)
        series = request.args.get("series", "")
        return render_template("viewer.html", study=study, series=series, pages=pages)

    return blueprint
