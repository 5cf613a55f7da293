"""The routes of a DICOMweb root, as a Flask blueprint that knows no accounts.

Standard: PS3.18 8 (HTTP as the Web services use it), RFC 9110 9 (methods).
Invariants: every route answers with and without a slash at its end, never with a redirect; whatever
goes wrong is answered in one JSON form, without a trace and without a value of the request; a root
whose path has values in it gives them to the gate, and its links stay within it.
Not here: the table of resources (`dicomweb.service`), other origins (`dicomweb.cors`).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from flask import Blueprint, Response, request
from flask.blueprints import BlueprintSetupState
from werkzeug.exceptions import BadHost, HTTPException
from werkzeug.routing import PathConverter, Rule

from dicomweb.answers import Answer, answer_to_error, error_answer
from dicomweb.capabilities import answer_capabilities
from dicomweb.cors import Cors
from dicomweb.cors import Request as Crossing
from dicomweb.errors import NotFound, Outcome
from dicomweb.service import RESOURCES, Call, Operation, Services
from dicomweb.stow_parts import Upload
from dicomweb.wsgi import asked_of, caller_of, parting, upload_of
from store.access import Gate
from store.db import Database
from store.ingest import Ingest
from store.retrieve import Archive

__all__ = ["create_blueprint"]

_NOT_ALLOWED: Final = Outcome(405, "This resource cannot be used in this way.")
# What may stand in the path of a root; links are made of it as it is.
_ROOT_VALUE: Final = re.compile(r"[A-Za-z0-9_-]{1,128}\Z")
_NAMED: Final = re.compile(r"<(?:[a-z]+:)?([a-z_]+)>")


class _Response(Response):
    # An answer without a body has no type of its own.
    default_mimetype = None


class _Rest(PathConverter):
    # Whatever is below a root is answered by it, also what begins with a slash or has lines in it.
    regex = "(?s:.*)"
    part_isolating = False


@dataclass(frozen=True)
class _Edge:
    services: Services
    max_body_bytes: int
    public_base: str | None
    path: str
    values: tuple[str, ...]
    cors: Cors

    def call(self, root: Mapping[str, str]) -> Call:
        """Take the request apart."""
        path = self.path
        for name, value in root.items():
            path = path.replace(f"<{name}>", value)
        asked = asked_of(request.environ, self.public_base, path)
        return Call(self.services, caller_of(request.environ, root), asked, self.upload)

    def upload(self, study: str | None) -> Upload:
        """Return what is sent, for the study that the path names."""
        return upload_of(request.environ, self.max_body_bytes, study)

    def root_of(self, values: dict[str, str]) -> dict[str, str]:
        """Take what belongs to the root out of the values of a path.

        Raises:
            NotFound: one cannot be the value of a root.
        """
        root = {name: values.pop(name) for name in self.values}
        if not all(_ROOT_VALUE.match(value) for value in root.values()):
            raise NotFound("There is no such resource.")
        return root


def create_blueprint(
    archive: Archive,
    ingest: Ingest,
    gate: Gate,
    *,
    database: Database,
    max_body_bytes: int,
    public_base: str | None = None,
    cors_origins: Iterable[str] = (),
    url_prefix: str = "/dicomweb",
    name: str = "dicomweb",
) -> Blueprint:
    """Make the routes of one DICOMweb root, or of a kind of them.

    Args:
        archive: what is read.
        ingest: where stored instances go.
        gate: decides what each caller may read and delete, and for whom it stores.
        database: the index that is searched.
        max_body_bytes: the most that one request may bring.
        public_base: this server's address for the links in answers, such as
            `https://pacs.example`; without it they are made of the request's Host header.
        cors_origins: whose pages may send credentials, as `https://viewer.example`.
        url_prefix: the path of the root; with values, as in `/share/<share>/dicomweb`, those of
            many, and the gate is told which.
        name: of the blueprint; each of several roots needs its own.
    """
    path = url_prefix.rstrip("/")
    services = Services(archive, ingest, gate, database)
    values = tuple(_NAMED.findall(path))
    edge = _Edge(services, max_body_bytes, public_base, path, values, Cors(cors_origins))
    blueprint = Blueprint(name, __name__)
    for rule, operations in RESOURCES.items():
        _add(blueprint, edge, rule, operations)
    _add(blueprint, edge, "/<rest:_rest>", {})
    blueprint.register_error_handler(Exception, _answer_error)
    # The framework refuses such a Host before it has looked whose the path is.
    blueprint.app_errorhandler(BadHost)(_answer_error)
    blueprint.after_request(_open_to_pages(edge.cors))
    return blueprint


def _add(blueprint: Blueprint, edge: _Edge, rule: str, operations: Mapping[str, Operation]) -> None:
    known = ["GET", "HEAD"] if "GET" in operations else []
    known += [method for method in operations if method != "GET"]
    allowed = ", ".join([*known, "OPTIONS"])

    def respond(**values: str) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        if method == "OPTIONS":
            return _response(_options(edge, rule, values, allowed))
        root = edge.root_of(values)
        operation = operations.get(method)
        if operation is not None:
            return _response(operation.answer(edge.call(root), **values))
        if not operations:
            raise NotFound("There is no such resource.")
        return _response(
            error_answer(_NOT_ALLOWED, headers=[("Allow", allowed), *parting(request.environ)])
        )

    endpoint = f"{blueprint.name}.{re.sub(r'[^a-z]+', '_', rule).strip('_') or 'root'}"

    def add(state: BlueprintSetupState) -> None:
        state.app.url_map.converters["rest"] = _Rest
        # Without a list of methods, so that whichever comes is answered here.
        state.app.url_map.add(
            Rule(f"{edge.path}{rule}", endpoint=endpoint, strict_slashes=False, merge_slashes=False)
        )
        state.app.view_functions[endpoint] = respond

    blueprint.record(add)


def _options(edge: _Edge, rule: str, values: dict[str, str], allowed: str) -> Answer:
    """Answer to anybody: what a browser asks before it sends, and what the root can do."""
    if "HTTP_ACCESS_CONTROL_REQUEST_METHOD" in request.environ:
        return Answer(204, edge.cors.of_preflight(_crossing(), allowed))
    if rule == "/":
        return answer_capabilities(edge.call(edge.root_of(values)).asked, allowed)
    return Answer(204, [("Allow", allowed)])


def _open_to_pages(cors: Cors) -> Callable[[Response], Response]:
    def open_to_pages(response: Response) -> Response:
        for name, value in cors.of_answer(_crossing()):
            response.headers[name] = value
        varies = response.headers.get("Vary")
        response.headers["Vary"] = f"{varies}, Origin" if varies else "Origin"
        return response

    return open_to_pages


def _crossing() -> Crossing:
    environ = request.environ
    return Crossing(
        request.method,
        environ.get("HTTP_ORIGIN"),
        "HTTP_AUTHORIZATION" in environ,
        "HTTP_COOKIE" in environ,
    )


def _response(answer: Answer) -> Response:
    # Passed through, a list reaches the server in front as a list, which it sends at once.
    return _Response(
        answer.body, status=answer.status, headers=answer.headers, direct_passthrough=True
    )


def _answer_error(error: Exception) -> Response:
    if isinstance(error, HTTPException) and error.code is not None and error.code < 500:
        sentence = "The request cannot be understood."
        return _response(
            error_answer(Outcome(error.code, sentence), headers=parting(request.environ))
        )
    return _response(answer_to_error(error, parting(request.environ)))
