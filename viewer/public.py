"""The pages that everybody may read: the list of cases, a case and its versions, channels.

Invariants: a case that the reader may not see is answered like one that there is not; pages are
whole without script, but for the viewer.
Not here: feeds, maps and other answers to programs (`viewer.public_feeds`), what a case page holds
(`viewer.case_page`), pages of share links and embeds.
"""

from functools import partial
from typing import Final, cast

from flask import (
    Blueprint,
    Response,
    abort,
    current_app,
    redirect,
    render_template,
    request,
    url_for,
)
from flask_login import current_user
from werkzeug.exceptions import NotFound
from werkzeug.wrappers import Response as AnyResponse

from cases.access import CaseScope, case_seen_by, scope_of_case
from cases.around import steps_through
from cases.cases import Case
from cases.channels import Channel, channel_called
from cases.citing import bibtex, csl_json, ris
from cases.errors import NoSuchCase, NoSuchVersion
from cases.finding import find_cases
from cases.publishing import published
from viewer import labels, linked_lists, words
from viewer.blueprint import Pages
from viewer.browsing import PER_PAGE, Browsing, wanted_of
from viewer.case_page import CasePage
from viewer.case_pages import preview_page, published_page
from viewer.compared import differences
from viewer.downloads import archive_of
from viewer.key_pictures import key_picture
from viewer.linked_data import case_address, embed_code, linked_data, summary
from viewer.open_answers import answered, for_readers
from viewer.texts import gigabytes

__all__ = ["case_root", "create_public_blueprint", "not_there", "open_case", "seen_case"]

CITATIONS: Final = {
    "bib": (bibtex, "application/x-bibtex; charset=utf-8"),
    "ris": (ris, "application/x-research-info-systems; charset=utf-8"),
    "json": (csl_json, "application/vnd.citationstyles.csl+json"),
}


def create_public_blueprint(pages: Pages) -> Blueprint:
    """The pages for everybody."""
    blueprint = Blueprint("public", __name__)
    blueprint.app_context_processor(lambda: _for_templates(pages))
    blueprint.register_error_handler(NoSuchCase, not_there)
    blueprint.register_error_handler(NoSuchVersion, not_there)
    _add_lists(blueprint, pages)
    _add_case(blueprint, pages)
    _add_versions(blueprint, pages)
    _add_parts(blueprint, pages)
    return blueprint


def _add_lists(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/")
    def home() -> Response:
        return for_readers(_draw_list(pages, None))

    @blueprint.get("/cases")
    def cases() -> AnyResponse:
        return redirect(url_for("public.home", **request.args.to_dict(flat=False)))  # type: ignore[arg-type]

    @blueprint.get("/authors/<address>")
    def channel(address: str) -> Response:
        return for_readers(_draw_list(pages, channel_called(pages.database, address)))


def _add_case(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/cases/<code>")
    def case(code: str) -> Response:
        page = _page_or_copy(pages, seen_case(pages, code))
        return for_readers(render_template("case.html", page=page, pages=pages))

    @blueprint.get("/cases/<code>/download.zip")
    def download(code: str) -> Response:
        found = seen_case(pages, code)
        wants_copy = "copy" in request.args and found.owner_id == _reader()[0]
        if wants_copy:
            return archive_of(pages, preview_page(pages, found, case_root(code)))
        return archive_of(pages, _page_or_copy(pages, found))

    @blueprint.get("/cases/<code>/versions/<int:number>/download.zip")
    def download_version(code: str, number: int) -> Response:
        return archive_of(pages, _page(pages, seen_case(pages, code), number))


def _add_versions(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/cases/<code>/versions/<int:number>")
    def version(code: str, number: int) -> AnyResponse:
        found = seen_case(pages, code)
        if number == found.version:
            return redirect(url_for("public.case", code=code))
        page = _page(pages, found, number)
        return for_readers(render_template("case.html", page=page, pages=pages))

    @blueprint.get("/cases/<code>/versions/<int:number>/compare/<int:other>")
    def compare(code: str, number: int, other: int) -> Response:
        found, scope = seen_case(pages, code), _scope(pages, code)
        old, new = (published(pages.database, found.id, one) for one in sorted((number, other)))
        changes = differences(pages.database, scope, old, new)
        told = {"case": found, "old": old, "new": new, "changes": changes, "pages": pages}
        return for_readers(render_template("case_compare.html", **told))

    @blueprint.get("/cases/<code>/cite.<kind>", defaults={"number": None})
    @blueprint.get("/cases/<code>/versions/<int:number>/cite.<kind>")
    def cite(code: str, kind: str, number: int | None) -> Response:
        if kind not in CITATIONS:
            abort(404)
        write, media_type = CITATIONS[kind]
        found = published(pages.database, seen_case(pages, code).id, number)
        text = write(found, code, pages.base(), pages.site.operator)
        response = for_readers(text, media_type)
        name = f"{code}-v{found.number}.{kind}"
        response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


def _add_parts(blueprint: Blueprint, pages: Pages) -> None:
    @blueprint.get("/cases/<code>/picture.jpg")
    def picture(code: str) -> Response:
        found = key_picture(pages.archive, open_case(pages, code))
        if found is None:
            abort(404)
        if found.etag in request.if_none_match:
            return answered(current_app.response_class(status=304), found.etag)
        response = current_app.response_class(found.draw(), mimetype="image/jpeg")
        return answered(response, found.etag)


def not_there(_error: Exception) -> Response:
    """Answer as for an address at which nothing ever was."""
    return cast(Response, current_app.handle_http_exception(NotFound()))


def seen_case(pages: Pages, code: str) -> Case:
    """The case, if the reader of the present request may see it.

    Raises:
        NoSuchCase: there is none that the reader may see.
    """
    account_id, moderator = _reader()
    return case_seen_by(pages.database, code, account_id, moderator=moderator)


def open_case(pages: Pages, code: str) -> Case:
    """The case, if everybody may see it, whoever asks.

    Raises:
        NoSuchCase: there is none.
    """
    return case_seen_by(pages.database, code, None)


def case_root(code: str) -> str:
    """Path of a case's DICOMweb root as the browser sees it, also below a proxy's path."""
    return f"{request.script_root}/cases/{code}/dicomweb"


def _reader() -> tuple[int | None, bool]:
    if not current_user.is_authenticated:
        return None, False
    return int(current_user.id), bool(current_user.moderator)


def _scope(pages: Pages, code: str) -> CaseScope:
    account_id, moderator = _reader()
    return scope_of_case(pages.database, code, account_id, moderator=moderator)


def _page_or_copy(pages: Pages, case: Case) -> CasePage:
    """What readers see; of a case that was never published, what its owner does."""
    if case.version is None:
        return preview_page(pages, case, case_root(case.code))
    return _page(pages, case)


def _page(pages: Pages, case: Case, number: int | None = None) -> CasePage:
    account_id, moderator = _reader()
    root, playlist = case_root(case.code), request.args.get("playlist", "")
    page = published_page(
        pages, case, root, number=number, account_id=account_id, moderator=moderator
    )
    steps = steps_through(pages.database, playlist, case.code, account_id)
    return page.within(steps)


def _draw_list(pages: Pages, channel: Channel | None) -> str:
    wanted, number = wanted_of(request.args, None if channel is None else channel.owner_id)
    offset = (number - 1) * PER_PAGE
    found = find_cases(pages.database, wanted, limit=PER_PAGE, offset=offset)
    if number > 1 and not found.cases:
        abort(404)
    if channel is None:
        link, feed = partial(url_for, "public.home"), partial(url_for, "feeds.feed")
    else:
        link = partial(url_for, "public.channel", address=channel.address)
        feed = partial(url_for, "feeds.channel", address=channel.address)
    browsing = Browsing(wanted, number, found, link)
    told = {"channel": channel, "feed": feed, "pages": pages, "words": words}
    return render_template("browse.html", browsing=browsing, **told)


def _for_templates(pages: Pages) -> dict[str, object]:
    """What the frame of every page needs, and the page of a case wherever it is drawn."""

    def address_of(endpoint: str, **values: object) -> str:
        # Some pages are not there without the part of the server that they are about.
        there = endpoint in current_app.view_functions
        return url_for(endpoint, **values) if there else ""  # type: ignore[arg-type]

    return {
        "site": pages.site,
        "labels": labels,
        "address_of": address_of,
        "terms_date": lambda: labels.long_day(pages.site.terms_version),
        "linked_data": lambda page: linked_data(page, pages.base(), pages.site.operator),
        "linked_lists": linked_lists,
        "words": words,
        "gigabytes": gigabytes,
        "embed_code": lambda code, title, **more: embed_code(pages.base(), code, title, **more),
        "case_address": lambda code: case_address(pages.base(), code),
        "summary": summary,
    }
