"""Gives reports as text, and documents as they were encapsulated.

Standard: PS3.18 8.7.4 (media types of the text category), 10.4.1.1.3 (rendered resources), PS3.3
C.24 (encapsulated documents).
Invariants: nothing that is given can run or load anything in a browser. A document is given as what
its object says that it is, only if it begins as one.
Not here: writing a report (`store.reports`, `store.report_html`).
"""

import json
from collections.abc import Iterator
from functools import partial
from hashlib import blake2b
from itertools import chain
from typing import Final

from dicomweb.answers import Answer, Asked, is_known_to, not_modified, primed, validators
from dicomweb.errors import NotAcceptable
from dicomweb.links import is_uid
from dicomweb.native_xml import to_xml
from dicomweb.rendered_subjects import Subject
from store.metadata import ROOT_MARK
from store.report_html import to_html
from store.reports import Reference, report_of, to_text
from store.retrieve import Archive, StoredInstance

__all__ = ["answer_text"]

DOCUMENT: Final = "00420011"
_MADE_BY: Final = 1
_SAFE: Final = [
    ("X-Content-Type-Options", "nosniff"),
    (
        "Content-Security-Policy",
        "sandbox allow-popups allow-top-navigation-by-user-activation; default-src 'none'; "
        "style-src 'unsafe-inline'",
    ),
]
# The viewers of PDF that browsers have do not work in a sandbox.
_SAFE_PDF: Final = [
    ("X-Content-Type-Options", "nosniff"),
    (
        "Content-Security-Policy",
        "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'",
    ),
    ("Content-Disposition", 'inline; filename="document.pdf"'),
]


def answer_text(
    archive: Archive, subject: Subject, media_type: str, asked: Asked, cache: str
) -> Answer:
    """Give a report or a document in a media type that is offered for it.

    Raises:
        NotAcceptable: the document is not what its object says.
    """
    ref = subject.ref
    # Links in a report depend on the root.
    tag = blake2b(repr((_MADE_BY, media_type, asked.root)).encode(), digest_size=8).hexdigest()
    etag = f'"{ref.etag}.t.{tag}"'
    if is_known_to(asked, etag):
        return not_modified(etag, cache)
    headers = validators(etag, cache)
    if subject.category in ("pdf", "cda"):
        is_pdf = subject.category == "pdf"
        value = archive.data_set(ref).value(DOCUMENT)
        body = primed(_document(archive.bulk_bytes(ref, value), is_pdf=is_pdf))
        # With it, one that is cut off is a broken connection.
        headers.append(("Content-Length", str(value.length)))
        safe = _SAFE_PDF if is_pdf else _SAFE
        shown = media_type if is_pdf else f"{media_type}; charset=utf-8"
        return Answer(200, [*headers, *safe, ("Content-Type", shown)], body)
    attributes = _attributes(archive, ref, asked.root)
    if media_type == "text/xml":
        text = to_xml(attributes)
    else:
        report = report_of(attributes)
        link = partial(_link, asked.root)
        text = to_html(report, link) if media_type == "text/html" else to_text(report)
    headers += [*_SAFE, ("Content-Type", f"{media_type}; charset=utf-8")]
    return Answer(200, headers, [text])


def _attributes(archive: Archive, ref: StoredInstance, root: str) -> dict[str, dict[str, object]]:
    text = next(archive.metadata([ref]), b"{}").replace(ROOT_MARK, json.dumps(root)[1:-1].encode())
    found: dict[str, dict[str, object]] = json.loads(text)
    return found


def _document(pieces: Iterator[bytes], *, is_pdf: bool) -> Iterator[bytes]:
    """Return the pieces of an encapsulated document, if it begins as what it should be."""
    first = next(pieces, b"")
    begins = first.lstrip(b"\xef\xbb\xbf \r\n\t")[:5]
    if not begins.startswith(b"%PDF-" if is_pdf else b"<"):
        raise NotAcceptable("The document is not of the kind that its object says.")
    return chain([first], pieces)


def _link(root: str, reference: Reference) -> str | None:
    """Return where an image that a report refers to can be seen."""
    uids = (reference.study, reference.series, reference.instance)
    if not all(map(is_uid, uids)):
        return None
    study, series, instance = uids
    frames = f"/frames/{reference.frame}" if reference.frame else ""
    return f"{root}/studies/{study}/series/{series}/instances/{instance}{frames}/rendered"
