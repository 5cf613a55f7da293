"""Says what became of each instance of a Store request.

Standard: PS3.18 I.1 (response module), I.2 (warning and failure reasons), 10.5.3 (status codes).
Invariants: an answer holds new UIDs only, in the order in which the instances came; JSON and XML
are made of the same module; a Warning header has sentences of this code and nothing of a request.
Not here: storing (`dicomweb.stow`), what each error means (`dicomweb.errors`).
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

from dicomweb.answers import DICOM_JSON, DICOM_XML, Answer, Header
from dicomweb.errors import Outcome
from dicomweb.links import resource_url, study_url
from dicomweb.native_xml import to_xml
from dicomweb.negotiation import Offer
from store.ingest import Named, Received

__all__ = ["OFFERS", "Report"]

OFFERS: Final = (Offer(DICOM_JSON), Offer("application/json"), Offer(DICOM_XML))
COERCION: Final = 0xB000  # PS3.18 I.2.1: "Coercion of Data Elements", which is what we are for

_RETRY_AFTER: Final = "5"
_UNUSED: Final = "{} parts with bulk data were not used."


@dataclass(slots=True)
class Report:
    """What became of the instances, by their number in the request.

    Attributes:
        stored: what is in the archive now.
        failed: what is not, though its new UIDs are known.
        other: what is not, and could not be told by a name.
        unused: how many parts belonged to no instance.
    """

    stored: list[tuple[int, Received]] = field(default_factory=list)
    failed: list[tuple[int, Named, Outcome]] = field(default_factory=list)
    other: list[tuple[int, Outcome]] = field(default_factory=list)
    unused: int = 0

    def fail(self, number: int, named: Named | None, outcome: Outcome) -> None:
        """Take note of an instance that was not stored."""
        if named is None:
            self.other.append((number, outcome))
        else:
            self.failed.append((number, named, outcome))

    @property
    def failures(self) -> list[Outcome]:
        """Why, for each that was not stored."""
        return [entry[-1] for entry in self.failed] + [entry[-1] for entry in self.other]

    def answer(self, root: str, media_type: str) -> Answer:
        """Return the answer, in the media type that was negotiated."""
        module, status = self._module(root), self._status()
        headers: list[Header] = [
            ("Content-Type", DICOM_XML if media_type == DICOM_XML else DICOM_JSON),
            ("Cache-Control", "no-store"),
            ("Vary", "Accept"),
        ]
        headers += [("Warning", f"299 {root}: {text}") for text in self._warnings()]
        if status == 503:
            headers.append(("Retry-After", _RETRY_AFTER))
        if media_type == DICOM_XML:
            return Answer(status, headers, [to_xml(module)])
        return Answer(status, headers, [json.dumps(module, separators=(",", ":")).encode()])

    def _module(self, root: str) -> dict[str, Any]:
        studies = {received.study_instance_uid for _, received in self.stored}
        url = [study_url(root, study) for study in studies] if len(studies) == 1 else []
        module: dict[str, Any] = {"00081190": {"vr": "UR", **({"Value": url} if url else {})}}
        if self.failed:
            module["00081198"] = _sequence(
                {**_reference(named), "00081197": _us(outcome.failure_reason)}
                for _, named, outcome in sorted(self.failed, key=_number)
            )
        if self.stored:
            module["00081199"] = _sequence(
                {
                    **_reference(received),
                    "00081190": {"vr": "UR", "Value": [_retrieve_url(root, received)]},
                    "00081196": _us(COERCION),
                }
                for _, received in sorted(self.stored, key=_number)
            )
        if self.other:
            module["0008119A"] = _sequence(
                {"00081197": _us(outcome.failure_reason)}
                for _, outcome in sorted(self.other, key=_number)
            )
        return module

    def _status(self) -> int:
        """Return 200 or 202, or what all failures have in common."""
        if self.stored:
            return 202 if self.failures else 200
        statuses = {outcome.status for outcome in self.failures}
        return statuses.pop() if len(statuses) == 1 else 409

    def _warnings(self) -> list[str]:
        sentences = Counter(outcome.sentence for outcome in self.failures)
        found = [_UNUSED.format(self.unused)] if self.unused else []
        if not sentences:
            return found
        reasons = " ".join(
            f"{count} x: {sentence}" if len(sentences) > 1 else sentence
            for sentence, count in sentences.items()
        )
        failed = sentences.total()
        count = failed + len(self.stored)
        return [f"{failed} of {count} instances were not stored. {reasons}", *found]


def _number(entry: tuple[Any, ...]) -> int:
    return int(entry[0])


def _reference(named: Named | Received) -> dict[str, Any]:
    return {
        "00081150": {"vr": "UI", "Value": [named.sop_class_uid]},
        "00081155": {"vr": "UI", "Value": [named.sop_instance_uid]},
    }


def _retrieve_url(root: str, received: Received) -> str:
    uids = (received.study_instance_uid, received.series_instance_uid, received.sop_instance_uid)
    return resource_url(root, *uids)


def _sequence(items: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"vr": "SQ", "Value": list(items)}


def _us(code: int) -> dict[str, Any]:
    return {"vr": "US", "Value": [code]}
