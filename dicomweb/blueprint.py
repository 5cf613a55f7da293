"""The routes of a DICOMweb root, as a Flask blueprint that knows no accounts.

Standard: PS3.18 10.4 to 10.6 (resources of the Studies service), 8.4 (headers).
Invariants: who may do what is asked of the gate, for every request; every route answers with and
without a slash at its end, never with a redirect; whatever goes wrong is answered in one JSON
form, without a trace and without a value of the request.
Not here: what the answers are (`dicomweb.stow`, `dicomweb.qido`, `dicomweb.wado`,
`dicomweb.rendered`).
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from flask import Blueprint, Response, request
from werkzeug.exceptions import HTTPException

from dicomweb.answers import Answer, Asked, Header, error_answer, log_unexpected
from dicomweb.body import Body
from dicomweb.bulk import answer_bulkdata_of, answer_pixeldata
from dicomweb.errors import (
    UNEXPECTED,
    NotFound,
    Outcome,
    Unauthenticated,
    outcome_of,
    sentence_of,
)
from dicomweb.frames import answer_bulkdata, answer_frames
from dicomweb.links import root_url
from dicomweb.qido import Place, answer_search
from dicomweb.rendered import Kind, answer_rendered
from dicomweb.stow import Upload, answer_store
from dicomweb.wado import Resource, answer_instances, answer_metadata
from dicomweb.wado_uri import answer_wado_uri
from store.access import Gate, Scope
from store.db import Database
from store.ingest import Ingest
from store.retrieve import Archive
from store.search import Level

__all__ = ["create_blueprint"]

STUDY: Final = "/studies/<study>"
SERIES: Final = f"{STUDY}/series/<series>"
INSTANCE: Final = f"{SERIES}/instances/<instance>"
FRAMES: Final = f"{INSTANCE}/frames/<frames>"

_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_NOT_ALLOWED: Final = Outcome(405, "This resource cannot be used in this way.")


class _Response(Response):
    # An answer without a body has no type of its own.
    default_mimetype = None


@dataclass(frozen=True)
class _Edge:
    archive: Archive
    ingest: Ingest
    gate: Gate
    database: Database
    max_body_bytes: int
    public_base: str | None
    path: str

    def asked(self) -> Asked:
        """Take the request apart."""
        environ = request.environ
        root = root_url(
            self.public_base,
            environ["wsgi.url_scheme"],
            environ.get("HTTP_HOST", ""),
            environ.get("SCRIPT_NAME", "") + self.path,
        )
        query: tuple[tuple[str, str], ...] = ()
        if environ.get("QUERY_STRING"):
            query = tuple(request.args.items(multi=True))
        accept, known = environ.get("HTTP_ACCEPT"), environ.get("HTTP_IF_NONE_MATCH")
        return Asked(
            root,
            accept,
            known,
            query,
            environ.get("HTTP_RANGE"),
            environ.get("HTTP_IF_RANGE"),
        )

    def scope(self) -> Scope:
        """Return what the caller may see.

        Raises:
            Unauthenticated: its credentials are not valid.
        """
        scope = self.gate.reader(request.environ.get("HTTP_AUTHORIZATION"))
        if scope is None:
            raise Unauthenticated("The credentials are not valid.")
        return scope

    def search(self, level: Level, study: str | None = None, series: str | None = None) -> Answer:
        place = Place(level, study, series)
        return answer_search(self.database, self.scope(), place, self.asked())

    def store(self, study: str | None = None) -> Answer:
        owner = self.gate.storer(request.environ.get("HTTP_AUTHORIZATION"))
        if owner is None:
            raise Unauthenticated("Storing needs a valid token.")
        environ = request.environ
        body = Body(
            environ["wsgi.input"],
            environ.get("CONTENT_LENGTH"),
            chunked=_is_chunked(),
            limit=self.max_body_bytes,
        )
        upload = Upload(
            environ.get("CONTENT_TYPE"), environ.get("HTTP_CONTENT_ENCODING"), body, study
        )
        return answer_store(self.ingest, owner, upload, self.asked())

    def retrieve(
        self, study: str, series: str | None = None, instance: str | None = None
    ) -> Answer:
        resource = Resource(study, series, instance)
        return answer_instances(self.archive, self.scope(), resource, self.asked())

    def metadata(
        self, study: str, series: str | None = None, instance: str | None = None
    ) -> Answer:
        resource = Resource(study, series, instance)
        return answer_metadata(self.archive, self.scope(), resource, self.asked())

    def frames(self, study: str, series: str, instance: str, frames: str) -> Answer:
        resource = Resource(study, series, instance)
        return answer_frames(self.archive, self.scope(), resource, frames, self.asked())

    def bulkdata(self, study: str, series: str, instance: str, path: str) -> Answer:
        resource = Resource(study, series, instance)
        return answer_bulkdata(self.archive, self.scope(), resource, path, self.asked())

    def bulkdata_of(
        self, study: str, series: str | None = None, instance: str | None = None
    ) -> Answer:
        resource = Resource(study, series, instance)
        return answer_bulkdata_of(self.archive, self.scope(), resource, self.asked())

    def pixeldata(
        self, study: str, series: str | None = None, instance: str | None = None
    ) -> Answer:
        resource = Resource(study, series, instance)
        return answer_pixeldata(self.archive, self.scope(), resource, self.asked())

    def wado_uri(self) -> Answer:
        return answer_wado_uri(self.archive, self.scope(), self.asked())

    def root(self) -> Answer:
        # Servers of WADO-URI have it at their root, too (PS3.18 9.1).
        if "requestType" not in request.args:
            raise NotFound("There is no such resource.")
        return self.wado_uri()

    def image(
        self,
        kind: Kind,
        study: str,
        series: str | None = None,
        instance: str | None = None,
        frames: str | None = None,
    ) -> Answer:
        resource = Resource(study, series, instance)
        return answer_rendered(self.archive, self.scope(), resource, frames, kind, self.asked())


def create_blueprint(
    archive: Archive,
    ingest: Ingest,
    gate: Gate,
    *,
    database: Database,
    max_body_bytes: int,
    public_base: str | None = None,
    url_prefix: str = "/dicomweb",
    name: str = "dicomweb",
) -> Blueprint:
    """Make the routes of one DICOMweb root.

    Args:
        archive: what is read.
        ingest: where stored instances go.
        gate: decides what each caller may read, and for whom it stores.
        database: the index that is searched.
        max_body_bytes: the most that one request may bring.
        public_base: this server's address for the links in answers, such as
            `https://pacs.example`; without it they are made of the request's Host header.
        url_prefix: the path of the root.
        name: of the blueprint; each of several roots needs its own.
    """
    path = url_prefix.rstrip("/")
    edge = _Edge(archive, ingest, gate, database, max_body_bytes, public_base, path)
    blueprint = Blueprint(name, __name__, url_prefix=path or None)
    for rule, views in _routes(edge).items():
        _add(blueprint, rule, views)
    blueprint.register_error_handler(Exception, _answer_error)
    return blueprint


_View = Callable[..., Answer]


def _routes(edge: _Edge) -> dict[str, dict[str, _View]]:
    """Return what answers to each method at each path."""

    def search(level: Level) -> _View:
        return partial(edge.search, level)

    routes: dict[str, dict[str, _View]] = {
        "/studies": {"GET": search("study"), "POST": edge.store},
        "/series": {"GET": search("series")},
        "/instances": {"GET": search("instance")},
        STUDY: {"GET": edge.retrieve, "POST": edge.store},
        f"{STUDY}/series": {"GET": search("series")},
        f"{STUDY}/instances": {"GET": search("instance")},
        SERIES: {"GET": edge.retrieve},
        f"{SERIES}/instances": {"GET": search("instance")},
        INSTANCE: {"GET": edge.retrieve},
        FRAMES: {"GET": edge.frames},
        f"{INSTANCE}/bulkdata/<path:path>": {"GET": edge.bulkdata},
    }
    for rule in (STUDY, SERIES, INSTANCE):
        routes[f"{rule}/metadata"] = {"GET": edge.metadata}
        routes[f"{rule}/bulkdata"] = {"GET": edge.bulkdata_of}
        routes[f"{rule}/pixeldata"] = {"GET": edge.pixeldata}
    for rule in (STUDY, SERIES, INSTANCE, FRAMES):
        routes[f"{rule}/rendered"] = {"GET": partial(edge.image, "rendered")}
        routes[f"{rule}/thumbnail"] = {"GET": partial(edge.image, "thumbnail")}
    return routes | {"/wado": {"GET": edge.wado_uri}, "/": {"GET": edge.root}, "/<path:_rest>": {}}


def _add(blueprint: Blueprint, rule: str, views: dict[str, _View]) -> None:
    allowed = ", ".join([*(["GET", "HEAD"] if "GET" in views else []), "OPTIONS"])
    if "POST" in views:
        allowed += ", POST"

    def respond(**values: str) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        view = views.get(method)
        if view is not None:
            return _response(view(**values))
        if method == "OPTIONS":
            return _response(Answer(204, [("Allow", allowed)]))
        if not views:
            raise NotFound("There is no such resource.")
        return _response(error_answer(_NOT_ALLOWED, headers=[("Allow", allowed), *_parting()]))

    blueprint.add_url_rule(
        rule,
        endpoint=re.sub(r"\W+", "_", rule).strip("_") or "root",
        view_func=respond,
        methods=_METHODS,
        provide_automatic_options=False,
        strict_slashes=False,
        merge_slashes=False,
    )


def _response(answer: Answer) -> Response:
    # Passed through, a list reaches the server in front as a list, which it sends at once.
    return _Response(
        answer.body, status=answer.status, headers=answer.headers, direct_passthrough=True
    )


def _answer_error(error: Exception) -> Response:
    outcome = outcome_of(error)
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        outcome = Outcome(error.code, "The request cannot be understood.")
    if outcome is UNEXPECTED:
        log_unexpected(error)
    return _response(error_answer(outcome, sentence_of(error, outcome), _parting()))


def _parting() -> list[Header]:
    """Return what tells a client that is still sending not to use its connection again.

    A refusal leaves the rest of a body unread, and the server in front then closes the connection
    without always saying so: the client's next request on it would fail.
    """
    length = request.environ.get("CONTENT_LENGTH")
    return [("Connection", "close")] if length not in (None, "", "0") or _is_chunked() else []


def _is_chunked() -> bool:
    """Tell whether the body comes without a length, and the server in front shows its end."""
    environ = request.environ
    coding = environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    return coding.endswith("chunked") and bool(environ.get("wsgi.input_terminated"))
