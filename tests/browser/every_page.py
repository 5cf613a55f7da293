"""A server with one of everything, and the addresses at which each page of the product is seen."""

import os
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, Final, Literal, get_args

from flask import Flask
from flask_security import Security
from flask_security.confirmable import generate_confirmation_token
from flask_security.recoverable import generate_reset_password_token
from sqlalchemy import update
from werkzeug.exceptions import NotFound

from accounts.credentials import change_credentials
from accounts.invitations import invite
from accounts.people import Account, create_account, first_account
from accounts.plans import grant
from accounts.profile import change_profile
from accounts.signin import create_link
from accounts.terms import accept
from cases.cases import case_by_code, create_case, save_case
from cases.playlists import add_case, create_playlist
from cases.publishing import publish
from cases.reports import decide, report_case
from cases.sharing import Wanted, create_share
from server.app import create_app
from server.services import Services, now
from store.schema import series as series_table
from tests.support.datasets import ct_stack, encoded

__all__ = ["CALLERS", "HALFWAY", "NO_PAGES", "PASSWORD", "Caller", "Everything"]

#: Who looks: nobody; an owner who runs the server, too; somebody who has not said yes to the
#: terms; somebody whose password was right, and who is asked for a code.
Caller = Literal["stranger", "owner", "newcomer", "halfway"]
CALLERS: Final[tuple[Caller, ...]] = get_args(Caller)
PASSWORD: Final = "correct horse battery"
HALFWAY: Final = "halfway@northfield.example"
MADE: Final[Any] = {"clock": now, "random_bytes": os.urandom}
ADDRESSES: Final[dict[Caller, str]] = {
    "stranger": """
        200 /
        200 /?modality=CT&q=wrist
        200 /?q=zzz
        200 /cases
        200 /cases/{public}
        404 /cases/nothing
        200 /cases/{public}/report?image=2
        200 /cases/{public}/report/thanks
        200 /cases/{public}/versions/1
        200 /cases/{public}/versions/1/compare/2
        200 /authors/i-ferreira
        200 /confirm
        200 /confirm/{confirm}
        200 /account/security/email/{unknown}
        200 /embed/case/{public}
        404 /embed/case/{private}
        200 /embed/playlist/{playlist}?share={share}
        404 /embed/playlist/{playlist}
        200 /goodbye
        200 /help
        200 /passkey
        200 /privacy
        200 /reset
        200 /reset/{reset}
        200 /share/{share}
        200 /share/{share}/cases/{private}
        401 /share/{with_password}
        404 /share/{unknown}
        200 /sign-in
        200 /sign-in/{unknown}
        200 /sign-up
        200 /sign-up?invitation={invitation}
        200 /sign-up/done
        200 /terms
        404 /nothing
        """,
    "owner": """
        200 /account
        200 /account/delete
        200 /account/security
        200 /account/security/authenticator
        200 /account/security/email
        200 /account/security/passkeys
        200 /account/security/passkeys/remove
        200 /account/security/password
        200 /account/security/recovery-codes
        200 /admin
        200 /admin/audit
        200 /admin/cases
        200 /admin/cases/{public}/take-down
        200 /admin/jobs
        200 /admin/messages
        200 /admin/messages/1
        200 /admin/people
        200 /admin/reports
        200 /admin/reports?show=decided
        200 /admin/reports/1
        200 /admin/reports/2
        200 /admin/reports/1/case
        200 /admin/retention
        200 /admin/retention/{pending}/keep
        200 /admin/settings
        200 /admin/storage
        200 /cases/{private}
        200 /cases/{hidden}
        200 /cases/{public}/delete
        200 /cases/{public}/edit
        200 /cases/{pending}/edit
        200 /cases/{pending}/preview
        200 /cases/{pending}/publish
        200 /cases/{private}/shares
        200 /cases/{public}/versions
        200 /playlists
        200 /playlists/{playlist}
        200 /playlists/{playlist}/delete
        200 /playlists/{playlist}/edit
        200 /playlists/{playlist}/shares
        200 /playlists/add?case={public}
        200 /uploads
        200 /uploads/cases
        200 /uploads/{held}/review
        200 /verify
        200 /verify/passkey
        200 /viewer/{study}
        """,
    "newcomer": """
        200 /accept-terms
        """,
    # The last is the library's own, and off here.
    "halfway": """
        200 /second-step
        200 /second-step/choose
        200 /second-step/recovery
        404 /second-step/rescue
        """,
}
#: What a GET gives, and is no page: data, pictures, files, or the way to another address.
NO_PAGES: Final = frozenset(
    {
        "/account/export/<int:number>",
        "/api/cases",
        "/api/cases/<code>",
        "/api/cases/<code>/versions",
        "/api/cases/<code>/versions/<int:number>",
        "/api/studies/<study>/review",
        "/api/studies/<study>/series/<series>/instances/<instance>/receipt",
        "/assets/<name>",
        "/authors/<address>/feed.rss",
        "/authors/<address>/feed.xml",
        "/cases/<code>/cite.<kind>",
        "/cases/<code>/download.zip",
        "/cases/<code>/picture.jpg",
        "/cases/<code>/versions/<int:number>/cite.<kind>",
        "/cases/<code>/versions/<int:number>/download.zip",
        "/feed.rss",
        "/feed.xml",
        "/healthz",
        "/metrics",
        "/oembed",
        "/playlists/<code>/feed.rss",
        "/playlists/<code>/feed.xml",
        "/robots.txt",
        "/share/<share>/cases/<code>/download.zip",
        "/sitemap.xml",
        "/sitemap/<any(channels, playlists):mapped>-<int:number>.xml",
        "/sitemap/<int:number>.xml",
        "/static/<path:filename>",
    }
)


@dataclass
class Everything:
    """What there is to look at, by the names that addresses have for it."""

    app: Flask
    owner_id: int
    names: dict[str, str]

    @classmethod
    def make(cls, services: Services) -> "Everything":
        """Fill a server."""
        database, owner = services.database, first_account(services.database)
        assert owner is not None
        app = create_app(services)
        names = {"unknown": "n" * 43}
        names |= _people(app, services, owner) | _cases(services, owner.id)
        listed = create_playlist(database, owner.id, title="Wrist", visibility="private", **MADE)
        for name in ("public", "private"):
            add_case(database, owner.id, listed.code, names[name], clock=now)
        for name, password in (("share", ""), ("with_password", "carpal arcs")):
            wanted = Wanted("Residents", password=password)
            made = create_share(database, owner.id, "playlist", listed.code, wanted, **MADE)
            names[name] = made[1]
        return cls(app, owner.id, names | {"playlist": listed.code})

    def visits(self, caller: Caller) -> list[tuple[int, str]]:
        """What somebody looks at: statuses and addresses."""
        lines = ADDRESSES[caller].split("\n")
        rows = [line.strip().format(**self.names).partition(" ") for line in lines if line.strip()]
        return [(int(status), address) for status, _, address in rows]

    def routes(self) -> set[str]:
        """The routes that these addresses are of."""
        routes = self.app.url_map.bind("localhost")
        found = set()
        for _, address in chain.from_iterable(map(self.visits, CALLERS)):
            with suppress(NotFound):
                found.add(routes.match(address.partition("?")[0], return_rule=True)[0].rule)
        return found


def _people(app: Flask, services: Services, owner: Account) -> dict[str, str]:
    """Somebody who has just come, and somebody with a second factor; what mails bring them."""
    database, terms = services.database, services.settings.terms_version
    change_profile(database, owner.id, name="Ines Ferreira", channel="i-ferreira")
    grant(database, owner.id, premium=True)
    newcomer = create_account(database, "new@northfield.example", clock=now)
    halfway = create_account(database, HALFWAY, password=PASSWORD, clock=now)
    for one in (owner, halfway):
        accept(database, one.id, terms, of_age=True, clock=now)
    asked = {"second_factor": "authenticator", "totp_secret": "0 x", "recovery_codes": "x"}
    change_credentials(database, halfway.id, asked)
    security: Security = app.extensions["security"]
    with app.app_context():
        waits = security.datastore.create_user(email="waits@northfield.example", password="")
        security.datastore.put(waits)  # type: ignore[no-untyped-call]
        known = security.datastore.find_user(email=HALFWAY)
        return {
            "confirm": generate_confirmation_token(waits),  # type: ignore[no-untyped-call]
            "reset": generate_reset_password_token(known),  # type: ignore[no-untyped-call]
            "invitation": invite(database, "asked@northfield.example", **MADE),
            "of_owner": create_link(database, owner.id, **MADE),
            "of_newcomer": create_link(database, newcomer.id, **MADE),
        }


def _cases(services: Services, owner_id: int) -> dict[str, str]:
    """One of each kind, and a study that is held."""
    database, names = services.database, dict[str, str]()
    for number, name in enumerate(("public", "private", "pending", "hidden")):
        pair = _received(services, owner_id, number)
        names |= {"study": pair[0], name: _case(services, owner_id, name, pair)}
    names["held"], series_uid = _received(services, owner_id, 9)
    held = {"review_state": "held", "review_reasons": "secondary-capture"}
    chosen = series_table.c.series_instance_uid == series_uid
    with database.write() as connection:
        connection.execute(update(series_table).where(chosen).values(**held))
    report_case(database, names["hidden"], kind="anonymity", words="A name.", clock=now)
    report_case(database, names["public"], kind="rights", clock=now)
    decide(database, 2, "restored", by=owner_id, reason="It is a phantom.", clock=now)
    return names


def _received(services: Services, owner_id: int, number: int) -> tuple[str, str]:
    study = f"1.2.3.{number + 1}"
    with services.ingest.batch(owner_id, "STOW-RS") as batch:
        for ds in ct_stack(3, study=study, series=f"{study}.1", size=64):
            incoming = batch.receive()
            incoming.feed(encoded(ds))
            received = incoming.finish()
        batch.commit()
    return received.study_instance_uid, received.series_instance_uid


def _case(services: Services, owner_id: int, name: str, pair: tuple[str, str]) -> str:
    """A case, in two versions unless it is pending."""
    database, title = services.database, f"Wrist pain after a fall, {name}"
    private = name == "private"
    made = create_case(database, owner_id, title=title, series=[pair], private=private, **MADE)
    for history in ("A climber fell.", "A climber fell nine weeks ago."):
        case = case_by_code(database, made.code)
        document = replace(
            case.document,
            history=history,
            findings="The interval is wide ([image 3](view:1/3)).",
            diagnosis="Tear of the scapholunate ligament.",
            closed=("diagnosis",),
            tags=("ligament",),
            authors=("Ines Ferreira",),
            downloadable=True,
        )
        said = {"title": title, "modality": "CT", "body_part": "WRIST", "clock": now}
        save_case(database, owner_id, made.code, document=document, saved=case.saved, **said)  # type: ignore[arg-type]
        if name != "pending":
            publish(database, owner_id, made.code, clock=now)
    return made.code
