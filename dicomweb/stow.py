"""STOW-RS: feeds the instances of a request to the archive as they come in, and reports on each.

Standard: PS3.18 10.5 (Store transaction).
Invariants: success is answered only after the batch of the instance is committed; of a body that
breaks off, or is no body of its kind after all, nothing of the unfinished batch stays.
Not here: the parts of a body (`dicomweb.stow_parts`), what is answered (`dicomweb.stow_report`),
de-identification and durability (`store.ingest`).
"""

from collections.abc import Iterable
from contextlib import suppress
from itertools import chain, islice
from typing import Final

from deid import DeidError
from dicomweb.answers import Answer, Asked, log_unexpected
from dicomweb.arriving import Arriving, Unusable
from dicomweb.errors import BrokenBody, DicomwebError, NotAcceptable, Outcome, outcome_of
from dicomweb.links import study_url
from dicomweb.negotiation import ranked
from dicomweb.stow_parts import Upload, arriving
from dicomweb.stow_report import OFFERS, Report
from store.errors import StoreError
from store.ingest import Batch, Incoming, Ingest, Named, Received

__all__ = ["Upload", "answer_store"]

# About 10 KB of memory each; a request of more is committed in parts.
BATCH_INSTANCES: Final = 5000
CAME_BY: Final = "STOW-RS"

_STUDY_MISMATCH: Final = Outcome(409, "It belongs to another study than the URL names.", 0xA901)
_UNFORESEEN: Final = Outcome(409, "It could not be processed.", 0x0110)


def answer_store(ingest: Ingest, owner_id: int, upload: Upload, asked: Asked) -> Answer:
    """Store what a request brings.

    Raises:
        NotAcceptable: the answer cannot be given in a form that the caller accepts.
        UnsupportedMediaType: it is no DICOM, or is encoded in an unknown way.
        LengthRequired: a single instance comes without a length.
        BrokenBody: it is cut short, or empty.
        BodyTooLarge: it is larger than the limit.
    """
    offers = ranked(asked.accept, asked.accept_parameter, OFFERS)
    if not offers:
        raise NotAcceptable(
            "The answer to a store is given as application/dicom+json or application/dicom+xml."
        )
    base = f"{asked.root}/studies" if upload.study is None else study_url(asked.root, upload.study)
    report = Report()
    instances = arriving(upload, base, report)
    for instance in instances:
        some = chain([instance], islice(instances, BATCH_INSTANCES - 1))
        _store_batch(ingest, owner_id, some, upload.study, report)
    if not report.stored and not report.failures:
        raise BrokenBody("The body holds no instance.")
    return report.answer(asked.root, offers[0].media_type)


def _store_batch(
    ingest: Ingest,
    owner_id: int,
    instances: Iterable[Arriving],
    study: str | None,
    report: Report,
) -> None:
    taken: list[tuple[int, Received]] = []
    with ingest.batch(owner_id, came_by=CAME_BY) as batch:
        for instance in instances:
            received = _take(batch, instance, study, report)
            if received is not None:
                taken.append((instance.number, received))
        try:
            batch.commit()
        except StoreError as error:
            outcome = outcome_of(error)
            for number, received in taken:
                report.fail(number, _named(received), outcome)
        else:
            report.stored += taken


def _take(batch: Batch, instance: Arriving, study: str | None, report: Report) -> Received | None:
    incoming: Incoming | None = None
    try:
        incoming = batch.receive(instance.transfer_syntax)
        for piece in instance.content:
            incoming.feed(piece)
        received = incoming.finish()
        if _is_of_study(received, study):
            return received
        # Only a complete instance tells its study.
        outcome = _STUDY_MISMATCH
    except DicomwebError:
        # The body broke, not the instance.
        if incoming is not None:
            incoming.abort()
        raise
    except Unusable as error:
        outcome = error.outcome
        if incoming is not None:
            # What is there may be enough for the new UIDs.
            with suppress(DeidError, StoreError):
                incoming.finish()
    except (DeidError, StoreError) as error:
        outcome = outcome_of(error)
    except Exception as error:
        # One instance that nobody foresaw must not cost the sender the others.
        log_unexpected(error)
        outcome = _UNFORESEEN
    named = None
    if incoming is not None:
        incoming.abort()
        named = incoming.named
    report.fail(instance.number, named, outcome)
    return None


def _named(received: Received) -> Named:
    return Named(received.sop_class_uid, received.sop_instance_uid)


def _is_of_study(received: Received, study: str | None) -> bool:
    # A viewer that stores a report back knows the study by its new UID only.
    return study in (None, received.sent_study_instance_uid, received.study_instance_uid)
