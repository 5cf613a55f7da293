"""The resources of a DICOMweb root: the methods of each, and what answers them.

Standard: PS3.18 10.3 to 10.6 (Studies service), 9 (WADO-URI), 8.9 (Retrieve Capabilities).
Invariants: the table says all that there is; the routes and what the root says of itself are both
made of it. Who may do what is asked of the gate, for every request.
Not here: the web framework (`dicomweb.blueprint`), what the answers are (`dicomweb.qido`,
`dicomweb.stow`, `dicomweb.wado` and the others).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from dicomweb.answers import Answer, Asked
from dicomweb.bulk import answer_bulkdata, answer_bulkdata_of, answer_pixeldata
from dicomweb.errors import NotFound, Unauthenticated
from dicomweb.frames import answer_frames
from dicomweb.links import is_uid
from dicomweb.metadata import answer_metadata
from dicomweb.negotiation import Offer
from dicomweb.qido import Place, answer_search
from dicomweb.rendered import Kind, answer_rendered
from dicomweb.resources import Resource
from dicomweb.stow import Upload, answer_store
from dicomweb.syntaxes import (
    DICOM,
    EXPLICIT_LITTLE_ENDIAN,
    OCTETS,
    frame_offers,
    instance_offers,
)
from dicomweb.wado import answer_instances
from dicomweb.wado_uri import answer_wado_uri
from dicomweb.watching import watched
from store.access import Caller, Gate, Scope
from store.audit import Deed, record
from store.db import Database
from store.ingest import Ingest
from store.removing import remove
from store.retrieve import Archive
from store.search import Level

__all__ = ["RESOURCES", "Call", "Operation", "Services"]

STUDY: Final = "/studies/<study>"
SERIES: Final = f"{STUDY}/series/<series>"
INSTANCE: Final = f"{SERIES}/instances/<instance>"
FRAMES: Final = f"{INSTANCE}/frames/<frames>"


@dataclass(frozen=True)
class Services:
    """What a root serves from.

    Attributes:
        archive: what is read.
        ingest: where stored instances go, and from where they are deleted.
        gate: decides what each caller may do.
        database: the index that is searched.
    """

    archive: Archive
    ingest: Ingest
    gate: Gate
    database: Database


@dataclass(frozen=True)
class Call:
    """One request to a root.

    Attributes:
        services: what the root serves from.
        caller: who asks.
        asked: what is asked.
        upload: gives what is sent, for the study that the path names.
    """

    services: Services
    caller: Caller
    asked: Asked
    upload: Callable[[str | None], Upload]

    def scope(self) -> Scope:
        """Return what the caller may see.

        Raises:
            Unauthenticated: its credentials are not valid.
        """
        scope = self.services.gate.reader(self.caller)
        if scope is None:
            raise Unauthenticated("The credentials are not valid.")
        return scope

    def watched(self, scope: Scope, resource: Resource, answer: Answer) -> Answer:
        """Return an answer that ends when the scope does not show the resource any more."""
        services = self.services
        return watched(answer, services.database, scope, resource, services.gate.renewed)


@dataclass(frozen=True)
class Operation:
    """A method of a resource.

    Attributes:
        name: of the transaction.
        answer: gives the answer to a call, with the values of the path.
        gives, takes: media types of what is answered and of what is sent.
        parameters: of the query.
    """

    name: str
    answer: Callable[..., Answer]
    gives: tuple[str, ...] = ()
    takes: tuple[str, ...] = field(default=(), kw_only=True)
    parameters: tuple[str, ...] = field(default=(), kw_only=True)


def _search(level: Level) -> Callable[..., Answer]:
    def search(call: Call, study: str | None = None, series: str | None = None) -> Answer:
        place = Place(level, study, series)
        return answer_search(call.services.database, call.scope(), place, call.asked)

    return search


def _store(call: Call, study: str | None = None) -> Answer:
    owner = call.services.gate.storer(call.caller)
    if owner is None:
        raise Unauthenticated("Storing needs a valid token.")
    return answer_store(call.services.ingest, owner, call.upload(study), call.asked)


def _retrieve(
    call: Call, study: str, series: str | None = None, instance: str | None = None
) -> Answer:
    resource, scope = Resource(study, series, instance), call.scope()
    answer = answer_instances(call.services.archive, scope, resource, call.asked)
    return call.watched(scope, resource, answer)


def _metadata(
    call: Call, study: str, series: str | None = None, instance: str | None = None
) -> Answer:
    resource, scope = Resource(study, series, instance), call.scope()
    answer = answer_metadata(call.services.archive, scope, resource, call.asked)
    return call.watched(scope, resource, answer)


def _frames(call: Call, study: str, series: str, instance: str, frames: str) -> Answer:
    resource, scope = Resource(study, series, instance), call.scope()
    answer = answer_frames(call.services.archive, scope, resource, frames, call.asked)
    return call.watched(scope, resource, answer)


def _bulkdata(call: Call, study: str, series: str, instance: str, path: str) -> Answer:
    resource, scope = Resource(study, series, instance), call.scope()
    answer = answer_bulkdata(call.services.archive, scope, resource, path, call.asked)
    return call.watched(scope, resource, answer)


def _bulkdata_of(
    call: Call, study: str, series: str | None = None, instance: str | None = None
) -> Answer:
    resource, scope = Resource(study, series, instance), call.scope()
    answer = answer_bulkdata_of(call.services.archive, scope, resource, call.asked)
    return call.watched(scope, resource, answer)


def _pixeldata(
    call: Call, study: str, series: str | None = None, instance: str | None = None
) -> Answer:
    resource, scope = Resource(study, series, instance), call.scope()
    answer = answer_pixeldata(call.services.archive, scope, resource, call.asked)
    return call.watched(scope, resource, answer)


def _picture(kind: Kind) -> Callable[..., Answer]:
    def picture(
        call: Call,
        study: str,
        series: str | None = None,
        instance: str | None = None,
        frames: str | None = None,
    ) -> Answer:
        resource = Resource(study, series, instance)
        scope = call.scope()
        archive = call.services.archive
        answer = answer_rendered(archive, scope, resource, frames, kind, call.asked)
        return call.watched(scope, resource, answer)

    return picture


_LEVELS: Final = ("study", "series", "instance")


def _remove(
    call: Call, study: str, series: str | None = None, instance: str | None = None
) -> Answer:
    services = call.services
    scope = services.gate.remover(call.caller)
    if scope is None:
        raise Unauthenticated("Deleting needs a valid token.")
    uids = (study, series, instance)
    # Within what the root shows: a share of one series does not delete the study around it.
    if not all(uid is None or is_uid(uid) for uid in uids) or not remove(
        services.ingest, scope, *uids
    ):
        raise NotFound("There is no such study, series or instance of yours here.")
    what, which = [pair for pair in zip(_LEVELS, uids, strict=True) if pair[1] is not None][-1]
    deed = Deed(services.ingest.clock(), scope.owner_id, f"delete {what}", str(which))
    record(services.database, deed)
    return Answer(204)


def _wado_uri(call: Call) -> Answer:
    asked, scope = call.asked, call.scope()
    answer = answer_wado_uri(call.services.archive, scope, asked)
    named = Resource(asked.parameter("studyUID") or "", asked.parameter("seriesUID"))
    return call.watched(scope, named, answer)


def _root(call: Call) -> Answer:
    # Servers of WADO-URI have it at their root, too (PS3.18 9.1).
    if call.asked.parameter("requestType") is None:
        raise NotFound("There is no such resource.")
    return _wado_uri(call)


JSON: Final = "application/dicom+json"


def _related(media_type: str) -> str:
    return f'multipart/related; type="{media_type}"'


_XML: Final = _related("application/dicom+xml")


def _written(offers: Iterable[Offer]) -> tuple[str, ...]:
    """Return the media types of what can be made of an image that is not compressed."""
    written = []
    for offer in offers:
        syntax = f"; transfer-syntax={offer.transfer_syntax}" if offer.transfer_syntax else ""
        kind = _related(offer.media_type) if offer.multipart else offer.media_type
        written.append(f"{kind}{syntax}")
    return tuple(dict.fromkeys(written))


_WHOLE: Final = (_related(OCTETS), "application/zip")
_ACCEPT: Final = ("accept",)
_VALUES: Final = (_related(OCTETS), OCTETS)
_TAKEN: Final = (_related(DICOM), _related(JSON), _XML, DICOM)
_PICTURES: Final = ("image/jpeg", "image/png", "image/gif", "video/mp4")
_DOCUMENTS: Final = ("text/html", "text/plain", "application/pdf")
_LOOK: Final = ("accept", "quality", "viewport", "window", "annotation", "iccprofile", "charset")
_PAGING: Final = ("limit", "offset", "includefield")
_MATCHING: Final = ("fuzzymatching", "emptyvaluematching", "multiplevaluematching", "{attribute}")
_OBJECT: Final = ("requestType", "studyUID", "seriesUID", "objectUID", "contentType")


def _resources() -> dict[str, dict[str, Operation]]:
    """Return the operations of each resource by method; values of the path in brackets."""

    def search(name: str, level: Level) -> Operation:
        return Operation(name, _search(level), (JSON, _XML), parameters=_PAGING + _MATCHING)

    def store(name: str) -> Operation:
        return Operation(name, _store, (JSON, "application/dicom+xml"), takes=_TAKEN)

    look_up = Operation("RetrieveURI", _wado_uri, (DICOM, *_PICTURES), parameters=_OBJECT)
    resources = {
        "/studies": {"GET": search("SearchStudies", "study"), "POST": store("StoreInstances")},
        "/series": {"GET": search("SearchSeries", "series")},
        "/instances": {"GET": search("SearchInstances", "instance")},
        STUDY: {"POST": store("StoreInstancesOfStudy")},
        f"{STUDY}/series": {"GET": search("SearchSeriesOfStudy", "series")},
        f"{STUDY}/instances": {"GET": search("SearchInstancesOfStudy", "instance")},
        SERIES: {},
        f"{SERIES}/instances": {"GET": search("SearchInstancesOfSeries", "instance")},
        INSTANCE: {},
        FRAMES: {
            "GET": Operation(
                "RetrieveFrames",
                _frames,
                _written(frame_offers(EXPLICIT_LITTLE_ENDIAN, alone=True)),
                parameters=_ACCEPT,
            )
        },
        f"{INSTANCE}/bulkdata/<path:path>": {
            "GET": Operation("RetrieveBulkdataValue", _bulkdata, _VALUES, parameters=_ACCEPT)
        },
    }
    for rule, name in ((STUDY, "Study"), (SERIES, "Series"), (INSTANCE, "Instance")):
        alone = rule == INSTANCE
        files = _written(instance_offers(EXPLICIT_LITTLE_ENDIAN, alone=alone)) + _WHOLE
        resources[rule]["GET"] = Operation(f"Retrieve{name}", _retrieve, files, parameters=_ACCEPT)
        resources[rule]["DELETE"] = Operation(f"Delete{name}", _remove)
        for part, answer, gives in (
            ("metadata", _metadata, (JSON, _XML)),
            ("bulkdata", _bulkdata_of, _VALUES[:1]),
            ("pixelData", _pixeldata, _VALUES[:1]),
        ):
            operation = Operation(
                f"Retrieve{name}{part[0].upper()}{part[1:]}", answer, gives, parameters=_ACCEPT
            )
            resources[f"{rule}/{part.lower()}"] = {"GET": operation}
    for rule, name in (
        (STUDY, "Study"),
        (SERIES, "Series"),
        (INSTANCE, "Instance"),
        (FRAMES, "Frames"),
    ):
        shown = Operation(
            f"RetrieveRendered{name}",
            _picture("rendered"),
            _PICTURES + _DOCUMENTS,
            parameters=_LOOK,
        )
        small = Operation(
            f"Retrieve{name}Thumbnail",
            _picture("thumbnail"),
            _PICTURES[:2],
            parameters=("accept", "viewport"),
        )
        resources[f"{rule}/rendered"] = {"GET": shown}
        resources[f"{rule}/thumbnail"] = {"GET": small}
    resources["/wado"] = {"GET": look_up}
    resources["/"] = {
        "GET": Operation("RetrieveURIAtRoot", _root, look_up.gives, parameters=look_up.parameters)
    }
    return resources


RESOURCES: Final[Mapping[str, Mapping[str, Operation]]] = MappingProxyType(_resources())
"""What there is, by path and method."""
