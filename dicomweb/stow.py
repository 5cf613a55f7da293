"""STOW-RS: feeds the instances of a request to the archive as they come in, and reports on each.

Standard: PS3.18 10.5 (Store transaction), I.1 (response module), I.2.2 (failure reasons).
Invariants: success is answered only after the batch of the instance is committed; of a body that
breaks off, or is no multipart body after all, nothing of the unfinished batch stays; an answer
holds new UIDs only, in the order in which the instances came.
Not here: de-identification and durability (`store.ingest`).
"""

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Any, Final

from deid import DeidError
from dicomweb.answers import DICOM_JSON, Answer, Asked, log_unexpected
from dicomweb.body import Body
from dicomweb.errors import (
    BrokenBody,
    DicomwebError,
    LengthRequired,
    NotAcceptable,
    Outcome,
    UnsupportedMediaType,
    outcome_of,
)
from dicomweb.links import study_url
from dicomweb.multipart import Part, read_parts
from dicomweb.negotiation import MULTIPART, Offer, parse_media_type, ranked
from store.errors import StoreError
from store.ingest import Incoming, Ingest, Received

__all__ = ["Upload", "answer_store"]

# About 10 KB of memory each; a request of more is committed in parts.
BATCH_INSTANCES: Final = 5000
CAME_BY: Final = "STOW-RS"
COERCION: Final = 0xB000  # PS3.18 I.2.1: "Coercion of Data Elements", which is what we are for

_DICOM: Final = "application/dicom"
_TAKEN: Final = frozenset({_DICOM, "application/octet-stream"})
_OFFERS: Final = (Offer(DICOM_JSON), Offer("application/json"))
_STUDY_MISMATCH: Final = Outcome(409, "It belongs to another study than the URL names.", 0xA901)
_NO_DICOM_PART: Final = Outcome(409, "It is not application/dicom.", 0xC000)
_UNFORESEEN: Final = Outcome(409, "It could not be processed.", 0x0110)


@dataclass(frozen=True, slots=True)
class Upload:
    """A Store request.

    Attributes:
        content_type, content_encoding: the headers.
        body: not read yet.
        study: the study that the URL names, as the sender knows it or as we do.
    """

    content_type: str | None
    content_encoding: str | None
    body: Body
    study: str | None = None


@dataclass(slots=True)
class _Report:
    stored: list[Received] = field(default_factory=list)
    failed: list[tuple[Received, Outcome]] = field(default_factory=list)
    other: list[Outcome] = field(default_factory=list)

    @property
    def failures(self) -> list[Outcome]:
        return [outcome for _, outcome in self.failed] + self.other


def answer_store(ingest: Ingest, owner_id: int, upload: Upload, asked: Asked) -> Answer:
    """Store what a request brings.

    Raises:
        NotAcceptable: the answer cannot be given in a form that the caller accepts.
        UnsupportedMediaType: it is no DICOM, or is encoded once more.
        LengthRequired: a single instance comes without a length.
        BrokenBody: it is cut short, or empty.
        BodyTooLarge: it is larger than the limit.
    """
    if not ranked(asked.accept, asked.accept_parameter, _OFFERS):
        raise NotAcceptable("The answer to a store is given as application/dicom+json.")
    report = _Report()
    parts = _parts(upload)
    for part in parts:
        batch = chain([part], islice(parts, BATCH_INSTANCES - 1))
        _store_batch(ingest, owner_id, batch, upload, report)
    if not report.stored and not report.failures:
        raise BrokenBody("The body holds no instance.")
    return _answer(report, asked.root)


def _parts(upload: Upload) -> Iterator[Part]:
    media_type = parse_media_type(upload.content_type or "")
    if media_type is None:
        raise UnsupportedMediaType("Content-Type must say what the body is.")
    if (upload.content_encoding or "identity").lower() != "identity":
        raise UnsupportedMediaType("A body with a Content-Encoding is not taken.")
    if media_type.name == MULTIPART:
        if media_type.content not in (_DICOM, "*/*"):
            raise UnsupportedMediaType("Parts must be application/dicom.")
        boundary = media_type.parameters.get("boundary")
        if not boundary:
            raise BrokenBody("Content-Type has no boundary.")
        return read_parts(upload.body, boundary)
    if media_type.name != _DICOM:
        raise UnsupportedMediaType(
            'A store takes multipart/related; type="application/dicom", or application/dicom.'
        )
    if upload.body.length is None:
        # The server in front shows a broken connection as an end: only a length, or a closing
        # boundary, tells that an instance is whole.
        raise LengthRequired("A single instance must come with a Content-Length.")
    return _single(upload.body)


def _single(body: Body) -> Iterator[Part]:
    if body.length:
        yield Part({}, iter(body))


def _store_batch(
    ingest: Ingest, owner_id: int, parts: Iterable[Part], upload: Upload, report: _Report
) -> None:
    taken: list[Received] = []
    try:
        with ingest.batch(owner_id, came_by=CAME_BY) as batch:
            for part in parts:
                incoming = batch.receive()
                received = _take(incoming, part, report)
                if received is None:
                    continue
                if _is_of_study(received, upload.study):
                    taken.append(received)
                else:
                    # Only a complete instance tells its study.
                    incoming.abort()
                    report.failed.append((received, _STUDY_MISMATCH))
            batch.commit()
    except StoreError as error:
        report.failed += [(received, outcome_of(error)) for received in taken]
    else:
        report.stored += taken


def _take(incoming: Incoming, part: Part, report: _Report) -> Received | None:
    declared = parse_media_type(part.headers.get("content-type", _DICOM))
    if declared is None or declared.name not in _TAKEN:
        report.other.append(_NO_DICOM_PART)
        return None
    try:
        for piece in part.content:
            incoming.feed(piece)
        return incoming.finish()
    except DicomwebError:
        # The body broke, not the instance.
        incoming.abort()
        raise
    except (DeidError, StoreError) as error:
        incoming.abort()
        report.other.append(outcome_of(error))
    except Exception as error:
        # One instance that nobody foresaw must not cost the sender the others.
        incoming.abort()
        log_unexpected(error)
        report.other.append(_UNFORESEEN)
    return None


def _is_of_study(received: Received, study: str | None) -> bool:
    # A viewer that stores a report back knows the study by its new UID only.
    return study in (None, received.sent_study_instance_uid, received.study_instance_uid)


def _answer(report: _Report, root: str) -> Answer:
    studies = {received.study_instance_uid for received in report.stored}
    url = [study_url(root, study) for study in studies] if len(studies) == 1 else []
    module: dict[str, Any] = {"00081190": {"vr": "UR", **({"Value": url} if url else {})}}
    if report.failed:
        module["00081198"] = _sequence(
            {**_reference(received), "00081197": _us(outcome.failure_reason)}
            for received, outcome in report.failed
        )
    if report.stored:
        module["00081199"] = _sequence(
            {
                **_reference(received),
                "00081190": {"vr": "UR", "Value": [_retrieve_url(root, received)]},
                "00081196": _us(COERCION),
            }
            for received in report.stored
        )
    if report.other:
        module["0008119A"] = _sequence(
            {"00081197": _us(outcome.failure_reason)} for outcome in report.other
        )
    headers = [("Content-Type", DICOM_JSON), ("Cache-Control", "no-store")]
    status = _status(report)
    if report.failures:
        headers.append(("Warning", f"299 {root}: {_summary(report)}"))
    if status == 503:
        headers.append(("Retry-After", "5"))
    return Answer(status, headers, [json.dumps(module, separators=(",", ":")).encode()])


def _status(report: _Report) -> int:
    """Return 200 or 202, or what all failures have in common."""
    if report.stored:
        return 202 if report.failures else 200
    statuses = {outcome.status for outcome in report.failures}
    return statuses.pop() if len(statuses) == 1 else 409


def _summary(report: _Report) -> str:
    sentences = Counter(outcome.sentence for outcome in report.failures)
    reasons = " ".join(
        f"{count} x: {sentence}" if len(sentences) > 1 else sentence
        for sentence, count in sentences.items()
    )
    failed = sentences.total()
    return f"{failed} of {failed + len(report.stored)} instances were not stored. {reasons}"


def _reference(received: Received) -> dict[str, Any]:
    return {
        "00081150": {"vr": "UI", "Value": [received.sop_class_uid]},
        "00081155": {"vr": "UI", "Value": [received.sop_instance_uid]},
    }


def _retrieve_url(root: str, received: Received) -> str:
    return (
        f"{study_url(root, received.study_instance_uid)}/series/{received.series_instance_uid}"
        f"/instances/{received.sop_instance_uid}"
    )


def _sequence(items: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"vr": "SQ", "Value": list(items)}


def _us(code: int) -> dict[str, Any]:
    return {"vr": "US", "Value": [code]}
