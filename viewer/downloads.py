"""The DICOM files of a case as one archive, for who may have them.

Invariants: where the owner does not allow it, there is no archive, whatever address is asked for;
an archive that is under way ends as soon as its case, or the link to it, does.
Not here: what is in it (`cases.downloads`), the pages of cases (`viewer.public`) and links
(`viewer.share`), which offer it.
"""

import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any, Final

from flask import Response, abort, current_app, request

from cases.document import LICENCES
from cases.downloads import Download, download_of, plain_name, written
from cases.vocabulary import body_part_words, modality_words
from store.access import Scope
from store.watching import Watch
from viewer.blueprint import Pages
from viewer.case_page import CasePage
from viewer.linked_data import case_address
from viewer.open_answers import answered

__all__ = ["archive_of"]

ZIP: Final = "application/zip"
FORBIDDEN: Final = 403
UNASKED: Final = timedelta(seconds=0.5)
"""How long an archive goes on without being asked whether it may."""

_log: Final = logging.getLogger("readingroom.viewer")


def archive_of(pages: Pages, page: CasePage) -> Response:
    """Answer with the archive of the case that this page shows, or of one study of it.

    Args:
        pages: what pages work on.
        page: as its reader sees it.
    """
    if not page.downloadable:
        abort(FORBIDDEN)
    only = request.args.get("study", None, int) if "study" in request.args else None
    if "study" in request.args and (only is None or not 1 <= only <= len(page.studies)):
        abort(404)
    found = download_of(pages.archive, page.scope, page.studies, _about(pages, page), only=only)
    if not found.files:
        abort(404)
    body = _while_shown(pages, page.scope, found, written(pages.archive, found))
    response = current_app.response_class(body, mimetype=ZIP)
    response.headers.set("Content-Disposition", "attachment", filename=_name(page, only))
    if found.length is not None:
        response.content_length = found.length
    return answered(response, found.etag)


def _name(page: CasePage, only: int | None) -> str:
    parts = [plain_name(page.title), page.code]
    parts += [f"v{page.version}"] if page.version else []
    parts += [f"study {only}"] if only else []
    return f"{' - '.join(filter(None, parts))}.zip"


def _about(pages: Pages, page: CasePage) -> dict[str, Any]:
    """What the manifest says of the case: as much as its page does."""
    said = {
        "code": page.code,
        "title": page.title,
        "modality": modality_words(page.modality),
        "body part": body_part_words(page.body_part),
        "authors": list(page.document.authors),
        "tags": list(page.document.tags),
        "version": page.version,
        "published": None if page.date is None else page.date.isoformat(),
        "licence": LICENCES[page.document.licence],
        "citation": page.citation,
        "address": case_address(pages.base(), page.code) if page.is_open else None,
    }
    return {name: value for name, value in said.items() if value not in (None, "", [])}


def _while_shown(
    pages: Pages, scope: Scope, found: Download, pieces: Iterator[bytes]
) -> Iterator[bytes]:
    """The pieces, as long as the reader still sees all of it; then nothing more."""
    uids = {ref.study_instance_uid for _, ref in found.files}
    watches = [Watch(pages.database, scope, uid) for uid in uids]

    def holds() -> bool:
        now = pages.gate.renewed(scope)
        return all(watch.holds(now) for watch in watches)

    return _ending(pieces, holds, pages.clock)


def _ending(
    pieces: Iterator[bytes], holds: Callable[[], bool], clock: Callable[[], datetime]
) -> Iterator[bytes]:
    asked = clock()
    try:
        for piece in pieces:
            if (now := clock()) - asked >= UNASKED:
                if not holds():
                    return
                asked = now
            yield piece
    except Exception as error:
        # The status is sent already; the server in front would log the error's text.
        _log.error("a download ended early: %s", type(error).__qualname__)
