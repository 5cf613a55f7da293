"""Answers what viewers ask by the thousand before the web framework is begun: frames, metadata.

Standard: as `dicomweb.blueprint`, whose answers these are, to the byte.
Invariants: only what needs nothing of the framework is answered here: a GET without a query, with
an Authorization header, from no page of another origin. Whatever goes wrong is left to the
framework, which asks again and answers; so there is one place where errors are answered.
Not here: what the answers are (`dicomweb.frames`, `dicomweb.metadata`).
"""

import re
from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import Any, Final

from dicomweb.answers import Answer, Asked, Header
from dicomweb.cors import Cors, Request
from dicomweb.frames import answer_frames
from dicomweb.links import root_url
from dicomweb.metadata import answer_metadata
from dicomweb.resources import Resource
from store.access import Caller, Gate
from store.retrieve import Archive

__all__ = ["Direct"]

_UID: Final = "([0-9.]{1,64})"
_PATH: Final = re.compile(
    f"/studies/{_UID}/series/{_UID}(?:/instances/{_UID})?/(?:metadata|frames/([0-9,]+))\\Z"
)
_STATUS_LINES: Final = {
    status: f"{status} {HTTPStatus(status).phrase.upper()}" for status in (200, 206, 304)
}


Environment = dict[str, Any]
Application = Callable[[Environment, Callable[..., Any]], Iterable[bytes]]


class Direct:
    """A WSGI application that answers some requests itself.

    Args:
        app: answers all others.
        archive: what is read.
        gate: decides what each caller may read; of who has an Authorization header it must know
            by the header alone.
        public_base: as the blueprint has it.
        path: of the root, without a slash at its end.
        headers: which every answer of the application has.
    """

    def __init__(
        self,
        app: Application,
        archive: Archive,
        gate: Gate,
        *,
        public_base: str | None,
        path: str,
        headers: Iterable[Header] = (),
    ) -> None:
        self._app = app
        self._archive = archive
        self._gate = gate
        self._public_base = public_base
        self._path = path
        crossing = Request("GET", None, has_authorization=True)
        self._headers = [*Cors().of_answer(crossing), *headers]

    def __call__(self, environ: Environment, start_response: Callable[..., Any]) -> Iterable[bytes]:
        """Answer a request."""
        answer = self._answer(environ)
        if answer is None:
            return self._app(environ, start_response)
        start_response(_STATUS_LINES[answer.status], self._all_headers(answer))
        return answer.body

    def _answer(self, environ: Environment) -> Answer | None:
        authorization = environ.get("HTTP_AUTHORIZATION")
        if (
            authorization is None
            or environ["REQUEST_METHOD"] != "GET"
            or environ.get("QUERY_STRING")
            or "HTTP_ORIGIN" in environ
        ):
            return None
        path = environ.get("PATH_INFO", "")
        match = _PATH.match(path, len(self._path)) if path.startswith(self._path) else None
        if match is None:
            return None
        study, series, instance, frames = match.groups()
        try:
            scope = self._gate.reader(Caller(authorization, {}, environ.get("REMOTE_ADDR") or ""))
            if scope is None:
                return None
            asked = self._asked(environ)
            resource = Resource(study, series, instance)
            if frames is None:
                answer = answer_metadata(self._archive, scope, resource, asked)
            elif instance is None:
                return None
            else:
                answer = answer_frames(self._archive, scope, resource, frames, asked)
        except Exception:  # the framework meets the same, and answers it
            return None
        return answer if answer.status in _STATUS_LINES else None

    def _asked(self, environ: Environment) -> Asked:
        return Asked(
            root_url(
                self._public_base,
                environ["wsgi.url_scheme"],
                environ.get("HTTP_HOST", ""),
                environ.get("SCRIPT_NAME", ""),
                self._path,
            ),
            environ.get("HTTP_ACCEPT"),
            environ.get("HTTP_IF_NONE_MATCH"),
            (),
            environ.get("HTTP_RANGE"),
            environ.get("HTTP_IF_RANGE"),
            environ.get("HTTP_ACCEPT_ENCODING"),
        )

    def _all_headers(self, answer: Answer) -> list[Header]:
        headers = [(n, _varying(v) if n == "Vary" else v) for n, v in answer.headers]
        names = {name for name, _ in headers}
        headers += [header for header in self._headers if header[0] not in names]
        if isinstance(answer.body, list) and answer.status != 304 and "Content-Length" not in names:
            headers.append(("Content-Length", str(sum(map(len, answer.body)))))
        return headers


def _varying(vary: str) -> str:
    """Say that the answer depends on what is looked at here, too: without the header it would."""
    return f"{vary}, Origin" if "Cookie" in vary else f"{vary}, Origin, Cookie"
