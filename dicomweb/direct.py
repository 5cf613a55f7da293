"""Answers programs before the web framework is begun: viewers ask by the thousand.

Standard: as `dicomweb.blueprint`, whose answers these are, to the byte.
Invariants: only what needs nothing of the framework is answered here: a GET or POST with an
Authorization header, from no page of another origin, of a resource whose path is plain. What is
answered, and how what goes wrong is, is said where the framework has it from, too.
Not here: the resources (`dicomweb.service`).
"""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from dicomweb.answers import Answer, Header, answer_to_error
from dicomweb.cors import Cors, Request
from dicomweb.service import RESOURCES, Call, Operation, Services
from dicomweb.wsgi import asked_of, caller_of, parting, upload_of
from store.access import Gate
from store.db import Database
from store.ingest import Ingest
from store.retrieve import Archive

__all__ = ["Direct"]

Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]

_VALUE: Final = re.compile(r"[0-9.,]+\Z")
_STATUS_LINES: Final = {one.value: f"{one.value} {one.phrase.upper()}" for one in HTTPStatus}


class _Route(NamedTuple):
    operation: Operation
    values: tuple[str, ...]


class Direct:
    """A WSGI application that answers some requests itself.

    Args:
        app: answers all others.
        archive, ingest, gate, database, max_body_bytes, public_base, path: as the blueprint has
            them; the path has no values in it.
        headers: which every answer of the application has.
    """

    def __init__(
        self,
        app: Application,
        archive: Archive,
        ingest: Ingest,
        gate: Gate,
        *,
        database: Database,
        max_body_bytes: int,
        public_base: str | None,
        path: str,
        headers: Iterable[Header] = (),
    ) -> None:
        self._app = app
        self._services = Services(archive, ingest, gate, database)
        self._max_body_bytes = max_body_bytes
        self._public_base = public_base
        self._path = path
        crossing = Request("GET", None, has_authorization=True)
        self._headers = [*Cors().of_answer(crossing), *headers]

    def __call__(self, environ: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        if (
            "HTTP_AUTHORIZATION" not in environ
            or "HTTP_ORIGIN" in environ
            or ((method := environ["REQUEST_METHOD"]) != "POST" and not _is_bare_get(environ))
            or not (path := environ.get("PATH_INFO", "")).startswith(self._path)
        ):
            return self._app(environ, start_response)
        pieces = path[len(self._path) :].split("/")
        route = _ROUTES.get((method, len(pieces), *pieces[1::2]))
        values = pieces[2::2]
        if route is None or pieces[0] or not all(map(_VALUE.match, values)):
            return self._app(environ, start_response)
        answer = self._answer(environ, route, values)
        start_response(_STATUS_LINES[answer.status], self._all_headers(answer))
        return answer.body

    def _answer(self, environ: Environment, route: _Route, values: list[str]) -> Answer:
        try:
            asked = asked_of(environ, self._public_base, self._path)
            upload = partial(upload_of, environ, self._max_body_bytes)
            call = Call(self._services, caller_of(environ, {}), asked, upload)
            return route.operation.answer(call, **dict(zip(route.values, values, strict=True)))
        except Exception as error:
            return answer_to_error(error, parting(environ))

    def _all_headers(self, answer: Answer) -> list[Header]:
        headers = [header for header in answer.headers if header[0] != "Vary"]
        names = {name for name, _ in headers}
        headers.append(("Vary", _varying(answer.headers)))
        headers += [header for header in self._headers if header[0] not in names]
        has_length = "Content-Length" in names or answer.status in (204, 304)
        if isinstance(answer.body, list) and not has_length:
            headers.append(("Content-Length", str(sum(map(len, answer.body)))))
        return headers


def _is_bare_get(environ: Environment) -> bool:
    return (
        environ["REQUEST_METHOD"] == "GET"
        and "HTTP_TRANSFER_ENCODING" not in environ
        and environ.get("CONTENT_LENGTH", "") in ("", "0")
    )


def _routes(resources: Mapping[str, Mapping[str, Operation]]) -> dict[tuple[object, ...], _Route]:
    """The methods of resources by the number of pieces of their paths, and every second piece.

    A path whose values could be anything is the framework's.
    """
    routes: dict[tuple[object, ...], _Route] = {}
    for rule, operations in resources.items():
        pieces = rule.split("/")
        values = tuple(piece.strip("<>") for piece in pieces[2::2])
        for method in operations.keys() & {"GET", "POST"}:
            if rule != "/" and "<path:" not in rule:
                key = (method, len(pieces), *pieces[1::2])
                routes[key] = _Route(operations[method], values)
    return routes


_ROUTES: Final = _routes(RESOURCES)


def _varying(headers: Iterable[Header]) -> str:
    """Say that the answer depends on what is looked at here, too: without the header it would."""
    vary = next((value for name, value in headers if name == "Vary"), "")
    who = "Origin" if "Cookie" in vary else "Origin, Cookie"
    return f"{vary}, {who}" if vary else who
