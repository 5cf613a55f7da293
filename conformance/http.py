"""Checks of HTTP: methods, paths, caching, compression, other origins, capabilities.

Standard: PS3.18 8.1 (methods), 8.4 (header fields), 8.5 (status codes), 8.9 (capabilities),
RFC 9110, RFC 9111, RFC 9112, the Fetch standard (CORS).
"""

import gzip
import json
import xml.etree.ElementTree as ET
from typing import Final

from conformance.errors import Fault, NotApplicable
from conformance.reading import DICOM, JSON, OCTETS, content_type, expect_status
from conformance.server import DICOM_JSON, Server
from conformance.suite import check
from conformance.wire import Connection

ORIGIN: Final = "https://viewer.example"
PLACES = [
    ("studies", "/studies", JSON),
    ("series-of-all", "/series", JSON),
    ("instances-of-all", "/instances", JSON),
    ("study", "{study}", DICOM),
    ("study-metadata", "{study}/metadata", JSON),
    ("series-of-study", "{study}/series", JSON),
    ("instances-of-study", "{study}/instances", JSON),
    ("series", "{series}", DICOM),
    ("series-metadata", "{series}/metadata", JSON),
    ("instances-of-series", "{series}/instances", JSON),
    ("instance", "{instance}", DICOM),
    ("instance-metadata", "{instance}/metadata", JSON),
    ("frames", "{instance}/frames/1", OCTETS),
    ("rendered", "{instance}/rendered", "image/jpeg"),
]


def path_of(server: Server, form: str) -> str:
    """Return a path of the main study."""
    first = server.main
    return form.format(study=first.study_path, series=first.series_path, instance=first.path)


@check("8.2", "interoperability", rows=PLACES)
def slash(server: Server, name: str, form: str, accept: str) -> None:
    """Any client: a path with a slash at its end works, without a redirect: {0}"""
    path = path_of(server, form)
    expect_status(server.get(path, accept), 200)
    expect_status(server.get(f"{path}/", accept), 200)


HEADS = [
    row
    for row in PLACES
    if row[0] in ("studies", "study", "series-metadata", "instance-metadata", "frames", "rendered")
]


@check("RFC 9110 9.3.2", rows=HEADS)
def head(server: Server, name: str, form: str, accept: str) -> None:
    """HEAD is answered like GET, without a body: {0}"""
    path = path_of(server, form)
    answer = server.request("HEAD", path, accept)
    expect_status(answer, 200)
    if content_type(answer) != content_type(server.get(path, accept)):
        raise Fault("with another Content-Type")
    if answer.content:
        raise Fault("with a body")


@check("8.5", rows=[(method, place) for method, place in
                    (("PUT", "/studies"), ("PATCH", "{study}"), ("DELETE", "/studies"),
                     ("POST", "{instance}/metadata"))])  # fmt: skip
def method(server: Server, method: str, form: str) -> None:
    """{0} where it is not offered, {1}, is answered with 405 (or 404, 501)"""
    answer = server.request(
        method, path_of(server, form), body=b"x" if method != "DELETE" else None
    )
    expect_status(answer, 404, 405, 501)


@check("8.5")
def allow(server: Server) -> None:
    """405 says in Allow which methods there are"""
    answer = server.request("PUT", "/studies", body=b"x")
    if answer.status_code != 405:
        raise NotApplicable(f"status {answer.status_code} instead of 405")
    allowed = [word.strip() for word in answer.headers.get("Allow", "").split(",")]
    if "GET" not in allowed or "POST" not in allowed:
        raise Fault(answer.headers.get("Allow", "no Allow"))


NO_PATHS = [
    ("nonsense", "/nonsense"),
    ("below-studies", "/studies/1.2.3/nonsense"),
    ("singular", "/study"),
    ("deep", "/studies/1.2/series/1.3/instances/1.4/x/y"),
]


@check("8.5", rows=NO_PATHS)
def no_such_path(server: Server, name: str, path: str) -> None:
    """A path that is no resource is answered with 404 (or 400): {1}"""
    expect_status(server.get(path), 400, 404)


@check("8.5")
def explains(server: Server) -> None:
    """An error has a body that says what was wrong"""
    answer = server.get("/studies?limit=many", DICOM_JSON)
    expect_status(answer, 400)
    if not answer.content:
        raise Fault("it is empty")


ERRORS = [("404", "/studies/1.2.3.4.5/metadata"), ("400", "/studies?limit=many")]


@check("8.5", "optional", rows=ERRORS)
def error_is_typed(server: Server, name: str, path: str) -> None:
    """The body of an error has a Content-Type: {0}"""
    answer = server.get(path, DICOM_JSON)
    if answer.content and not answer.headers.get("Content-Type"):
        raise Fault("it has none")
    expect_status(answer, int(name))


@check("RFC 9112 9.3")
def keep_alive(server: Server) -> None:
    """A connection takes several requests, one after the other"""
    path = f"{server.main.path}/metadata"
    with Connection(server) as connection:
        for _ in range(3):
            connection.head("GET", path, [f"Accept: {JSON}"])
            reply = connection.reply()
            if reply.status != 200:
                raise Fault(f"status {reply.status}")


@check("RFC 9112 9.3")
def keep_alive_after_error(server: Server) -> None:
    """After an error the connection can be used, or is said to be closed"""
    with Connection(server) as connection:
        connection.head("GET", "/studies/1.2.3.4.5/metadata", [f"Accept: {JSON}"])
        reply = connection.reply()
        if reply.headers.get("connection", "").lower() == "close":
            return
        connection.head("GET", f"{server.main.path}/metadata", [f"Accept: {JSON}"])
        if connection.reply().status != 200:
            raise Fault("the next request fails")


GZIPPED = [("metadata", "{series}/metadata"), ("search", "{study}/instances?includefield=all")]


@check("RFC 9110 12.5.3", "interoperability", rows=GZIPPED)
def compressed(server: Server, name: str, form: str) -> None:
    """OHIF: JSON comes in gzip when that is accepted: {0}"""
    path = path_of(server, form)
    with Connection(server) as connection:
        connection.head("GET", path, [f"Accept: {JSON}", "Accept-Encoding: gzip"])
        reply = connection.reply()
    if reply.headers.get("content-encoding") != "gzip":
        raise Fault(reply.headers.get("content-encoding", "it is not compressed"))
    json.loads(gzip.decompress(reply.body))


@check("RFC 9110 12.5.3")
def not_compressed(server: Server) -> None:
    """JSON comes as it is when no coding is accepted"""
    with Connection(server) as connection:
        path = f"{server.main.series_path}/metadata"
        connection.head("GET", path, [f"Accept: {JSON}", "Accept-Encoding: identity"])
        reply = connection.reply()
    if reply.headers.get("content-encoding", "identity") != "identity":
        raise Fault(reply.headers["content-encoding"])
    json.loads(reply.body)


@check("RFC 9110 12.5.5", "conditional")
def vary(server: Server) -> None:
    """An answer that depends on Accept and may be cached says so in Vary"""
    answer = server.get(f"{server.main.path}/metadata", JSON)
    expect_status(answer, 200)
    if "no-store" in answer.headers.get("Cache-Control", "no-store"):
        raise NotApplicable("the answer may not be cached")
    if "accept" not in answer.headers.get("Vary", "").lower().replace(" ", "").split(","):
        raise Fault(answer.headers.get("Vary", "no Vary"))


TAGGED = [row for row in PLACES if row[0] in
          ("series-metadata", "instance-metadata", "instance", "frames", "rendered")]  # fmt: skip


@check("RFC 9110 13.1.2", "optional", rows=TAGGED)
def unchanged(server: Server, name: str, form: str, accept: str) -> None:
    """If-None-Match with the ETag of the answer is answered with 304: {0}"""
    path = path_of(server, form)
    tag = server.get(path, accept).headers.get("ETag")
    if tag is None:
        raise Fault("there is no ETag")
    expect_status(server.get(path, accept, If_None_Match=tag), 304)


@check("RFC 9110 13.1.2", rows=TAGGED)
def changed(server: Server, name: str, form: str, accept: str) -> None:
    """If-None-Match with another ETag is answered in full: {0}"""
    expect_status(server.get(path_of(server, form), accept, If_None_Match='"other"'), 200)


@check("RFC 9110 8.8.3", "conditional")
def tags_differ(server: Server) -> None:
    """Representations in JSON and in XML have different ETags"""
    path = f"{server.main.path}/metadata"
    one = server.get(path, JSON).headers.get("ETag")
    two = server.get(path, 'multipart/related; type="application/dicom+xml"').headers.get("ETag")
    if one is None or two is None:
        raise NotApplicable("there is no ETag")
    if one == two:
        raise Fault("they have the same")


@check("RFC 3986 2.1", rows=[("studies", "/%73tudies"), ("metadata", "{instance}/meta%64ata")])
def encoded_path(server: Server, name: str, form: str) -> None:
    """Percent-encoded letters of a path are decoded: {0}"""
    with Connection(server) as connection:
        connection.head("GET", path_of(server, form), [f"Accept: {JSON}"])
        status = connection.reply().status
    if status != 200:
        raise Fault(f"status {status}")


@check("8.9")
def capabilities(server: Server) -> None:
    """OPTIONS of the root is answered with the capabilities"""
    answer = server.request("OPTIONS", "/", "*/*")
    if answer.status_code == 404:
        answer = server.request("OPTIONS", "", "*/*")
    expect_status(answer, 200)
    if not answer.content:
        raise Fault("without a body")


CAPABILITIES = [("wadl", "application/vnd.sun.wadl+xml"), ("json", "application/json")]


@check("8.9.4", rows=CAPABILITIES)
def capabilities_type(server: Server, name: str, media_type: str) -> None:
    """Capabilities come as {1}"""
    answer = server.request("OPTIONS", "/", media_type)
    expect_status(answer, 200)
    if name == "wadl":
        root = ET.fromstring(answer.content)  # noqa: S314 - from the server that is tested
        if not root.tag.endswith("application"):
            raise Fault(root.tag)
    else:
        answer.json()
    found = content_type(answer)
    if found not in (media_type, "application/xml", "application/dicom+json"):
        raise Fault(found)


WORDS = ("studies", "series", "instances", "metadata", "frames", "rendered")


@check("8.9")
def capabilities_name(server: Server) -> None:
    """Capabilities name the resources of the service"""
    answer = server.request("OPTIONS", "/", "*/*")
    expect_status(answer, 200)
    missing = [word for word in WORDS if word not in answer.text]
    if missing:
        raise Fault(f"not {', '.join(missing)}")


PREFLIGHT = {
    "Origin": ORIGIN,
    "Access-Control-Request-Method": "GET",
    "Access-Control-Request-Headers": "authorization,accept",
}


def preflight(server: Server, path: str = "/studies", method: str = "GET") -> dict[str, str]:
    """Return the header fields of the answer to a preflight, which carries no credentials.

    Raises:
        NotApplicable: the server does not let other origins in.
    """
    sent = PREFLIGHT | {"Access-Control-Request-Method": method}
    without: dict[str, str | None] = {**sent, **dict.fromkeys(server.headers)}
    answer = server.session.options(server.root + path, headers=without, timeout=30)
    found = {name.lower(): value for name, value in answer.headers.items()}
    if "access-control-allow-origin" not in found:
        raise NotApplicable("the server does not let other origins in (as it may be set up)")
    if answer.status_code not in (200, 204):
        raise Fault(f"status {answer.status_code}")
    allowed = found.get("access-control-allow-headers", "").lower()
    if found["access-control-allow-origin"] == "*" and "authorization" not in allowed:
        raise NotApplicable("other origins may only read without credentials (as it may be set up)")
    return found


@check("Fetch 3.2", "conditional")
def cors_origin(server: Server) -> None:
    """A preflight is answered without credentials, for the origin that asks"""
    if preflight(server)["access-control-allow-origin"] not in (ORIGIN, "*"):
        raise Fault("for another origin")


@check("Fetch 3.2", "conditional", rows=[("Authorization",), ("Accept",), ("Content-Type",)])
def cors_headers(server: Server, name: str) -> None:
    """A preflight allows {0}"""
    allowed = preflight(server).get("access-control-allow-headers", "").lower()
    if name.lower() not in allowed and allowed != "*":
        raise Fault(allowed or "it allows no headers")


@check("Fetch 3.2", "conditional", rows=[("GET",), ("POST",)])
def cors_methods(server: Server, name: str) -> None:
    """A preflight allows {0}"""
    allowed = preflight(server, method=name).get("access-control-allow-methods", "")
    if name not in allowed and allowed != "*":
        raise Fault(allowed or "it allows no methods")


@check("Fetch 3.2", "conditional", rows=[("200", "/studies?limit=1"), ("404", "/studies/1.2.3")])
def cors_answers(server: Server, name: str, path: str) -> None:
    """Answers to another origin name it, also errors: {0}"""
    preflight(server)
    answer = server.get(path, "*/*", Origin=ORIGIN)
    if answer.headers.get("Access-Control-Allow-Origin") not in (ORIGIN, "*"):
        raise Fault("they do not")


@check("Fetch 3.2", "conditional")
def cors_exposed(server: Server) -> None:
    """Other origins may read Warning, Content-Location and ETag"""
    preflight(server)
    answer = server.get("/studies?limit=1", "*/*", Origin=ORIGIN)
    exposed = answer.headers.get("Access-Control-Expose-Headers", "").lower()
    missing = [n for n in ("warning", "content-location", "etag") if n not in exposed]
    if missing and exposed != "*":
        raise Fault(f"not {', '.join(missing)}")


@check("8.1.1", rows=[("no-host-path", "//studies"), ("dots", "/studies/../studies?limit=1"),
                      ("null", "/studies/%00"), ("long", "/studies/" + "1" * 5000)])  # fmt: skip
def odd_paths(server: Server, name: str, path: str) -> None:
    """An odd path is no error of the server: {0}"""
    with Connection(server) as connection:
        connection.head("GET", path, [f"Accept: {JSON}", "Connection: close"])
        status = connection.reply().status
    if not 200 <= status < 500:
        raise Fault(f"status {status}")
