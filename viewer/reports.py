"""The page on which anybody reports a problem with a case.

    case, embed or viewer ─> the form, with the picture that was on the screen ─> thanks

Invariants: whoever sees a case can report it, signed in or not, and without script; the form
carries the protection against forged requests, and only it gives strangers a cookie; the page of
thanks says nothing about the case, which is hidden by then.
Not here: what a report does (`cases.reports`), how often one may report (`server.report_limit`).
"""

from dataclasses import dataclass
from typing import Final, cast

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from cases.errors import InvalidText, NeedsPassword, NoSuchCase
from cases.report_rows import Kind, Place, Spot
from cases.reports import CONTACT_CHARACTERS, WORDS_CHARACTERS, report_case
from cases.share_access import case_of_share, client_of, share_scope
from cases.share_ends import hides
from store.access import Scope
from viewer import words
from viewer.blueprint import Pages
from viewer.report_subject import Subject, subject_of
from viewer.sign_in import STALE, ButtonForm

__all__ = ["create_reports_blueprint"]

UNPROCESSABLE: Final = 422
SIDES: Final = ("x", "y", "width", "height")
LARGEST: Final = 65_535
NO_KIND: Final = "Say what is wrong."
BAD_BOX: Final = "A box has four whole numbers of pixels, or none."
KINDS: Final = (
    ("anonymity", "A person could be recognised", "A name, a face, a date of birth, a number."),
    ("rights", "It is somebody else’s", "Pictures or texts that may not be shown here."),
    ("other", "Something else", "Anything else that should not be on this site."),
)


@dataclass(frozen=True)
class Filled:
    """What was typed, and what is wrong with it by field."""

    faults: dict[str, str]
    kind: str = ""
    words: str = ""
    contact: str = ""
    box: tuple[str, ...] = ("", "", "", "")


def create_reports_blueprint(pages: Pages) -> Blueprint:
    """The form for reports and its page of thanks."""
    blueprint = Blueprint("reports", __name__, url_prefix="/cases/<code>/report")
    blueprint.context_processor(lambda: {"words": words})

    @blueprint.get("")
    def form(code: str) -> str:
        return _draw(pages, _subject(pages, code), Filled({}))

    @blueprint.post("")
    def send(code: str) -> Response | tuple[str, int]:
        arrived_at = pages.clock()
        subject = _subject(pages, code)
        filled, spot = _read(subject)
        if not filled.faults:
            try:
                report_case(
                    pages.database,
                    code,
                    kind=cast(Kind, filled.kind),
                    place=_place(),
                    spot=spot,
                    words=filled.words,
                    contact=filled.contact,
                    account_id=_account_id(),
                    arrived_at=arrived_at,
                    clock=pages.clock,
                    base=pages.mail_base(),
                )
            except InvalidText as error:
                filled.faults["words"] = str(error)
            else:
                return redirect(url_for("reports.thanks", code=code), 303)
        return _draw(pages, subject, filled), UNPROCESSABLE

    @blueprint.get("/thanks")
    def thanks(code: str) -> str:
        return render_template("report_thanks.html", pages=pages, code=code)

    return blueprint


def _account_id() -> int | None:
    return int(current_user.id) if current_user.is_authenticated else None


def _place() -> Place:
    given = request.values.get("place", "")
    return cast(Place, given) if given in ("embed", "viewer") else "case"


def _subject(pages: Pages, code: str) -> Subject:
    """What the request is about; the page does not exist for who does not see the case."""
    try:
        return subject_of(
            pages.database,
            code,
            _account_id(),
            series_uid=request.values.get("series", ""),
            image=max(1, request.values.get("image", 1, int)),
            shared=_shared(pages, code),
        )
    except (NoSuchCase, NeedsPassword):
        abort(404)


def _shared(pages: Pages, code: str) -> Scope | None:
    """What the link shows by which the reporter came, if there is one."""
    secret = request.values.get("share", "")
    if not secret:
        return None
    client = client_of(pages.share_key, request.remote_addr or "", request.user_agent.string)
    scope = share_scope(pages.database, secret, client=client, now=pages.clock())
    if scope is None:
        raise NoSuchCase("There is no such link.")
    if not hides(pages.database, scope, code):
        case_of_share(pages.database, scope, code)
    return scope


def _read(subject: Subject) -> tuple[Filled, Spot]:
    typed = request.form
    box = tuple(typed.get(side, "").strip() for side in SIDES)
    faults: dict[str, str] = {}
    filled = Filled(
        faults, typed.get("kind", ""), typed.get("words", ""), typed.get("contact", "").strip(), box
    )
    if not ButtonForm().validate_on_submit():
        faults["stale"] = STALE
    if filled.kind not in [kind for kind, _, _ in KINDS]:
        faults["kind"] = NO_KIND
    if len(filled.words) > WORDS_CHARACTERS:
        faults["words"] = f"At most {WORDS_CHARACTERS} characters."
    if filled.contact and ("@" not in filled.contact or len(filled.contact) > CONTACT_CHARACTERS):
        faults["contact"] = "That is not an e-mail address."
    numbers = [int(side) for side in box if side.isascii() and side.isdigit() and len(side) < 6]
    if any(box) and (len(numbers) < len(SIDES) or max(numbers) > LARGEST):
        faults["box"] = BAD_BOX
        numbers = []
    if subject.series is None:
        return filled, Spot()
    return filled, Spot(subject.series.uid, subject.pictures.number, *numbers)


def _draw(pages: Pages, subject: Subject, filled: Filled) -> str:
    share = request.values.get("share", "")
    home = f"/share/{share}" if share else f"/cases/{subject.code}"
    return render_template(
        "report.html",
        pages=pages,
        subject=subject,
        filled=filled,
        place=_place(),
        kinds=KINDS,
        sides=SIDES,
        share=share,
        home=f"{request.script_root}{home}",
        root=f"{request.script_root}{home}/dicomweb",
    )
