"""Whatever is asked in whatever way: an answer, never a 500, and nothing of the request in it.

Every route of the table with every method, with values that are there mixed with values that cannot
be, in paths, parameters, headers and bodies. FUZZ_EXAMPLES=20000 looks longer.
"""

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from urllib.parse import urlencode

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from werkzeug.test import EnvironBuilder, run_wsgi_app

from dicomweb.service import RESOURCES
from tests.dicomweb.app import OTHER_TOKEN, TOKEN, TokenGate, create_app
from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import MULTIPART, make_file, multipart

EXAMPLES = int(os.environ.get("FUZZ_EXAMPLES", "400"))
MARK = "Zebedee"
METHODS = ["GET", "GET", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "FOO"]
FILES = [make_file(1, frames=3), make_file(1, series=2)]
# One sentence: a capital letter (or a name: of a parameter, or the tag of an attribute), and a full
# stop at the end and none before it but within words.
SENTENCE = re.compile(r"(?:[A-Z]|[0-9A-F]{8} |[a-z]+ )(?:[^.]|\.(?=\S))*\.\Z")


@dataclass(frozen=True)
class Place:
    app: Flask
    values: dict[str, list[str]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    app = create_app(folder, max_body_bytes=1 << 20, cors_origins=["https://viewer.example"])
    paths = Caller(app.test_client()).stored(FILES)
    gate: TokenGate = app.extensions["gate"]
    gate.shares["shared"] = frozenset({1})
    names = ("study", "series", "instance")
    parts = [path.split("/")[2::2] for path in paths]
    values = {name: [part[at] for part in parts] for at, name in enumerate(names)}
    yield Place(app, values)
    app.extensions["database"].dispose()


anything = st.one_of(
    st.text(max_size=12),
    st.sampled_from(
        [
            "",
            "0",
            "-1",
            "1",
            "1.2",
            "1" * 70,
            "%",
            "%00",
            "%zz",
            "..",
            "\x00",
            "*",
            "?",
            "a,b",
            ",,",
            "9" * 30,
            "1e400",
            "nan",
            "-",
            "é",
            "\ud7ff",
            "\\",
            "'",
            '"',
            "<x>",
            "{}",
            "[]",
            "=",
            "&",
        ]
    ),
    st.just(MARK),
)
header_text = st.one_of(
    st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=20), st.just(MARK)
)
parameter = st.one_of(
    st.sampled_from(
        [
            *sorted(
                {
                    name
                    for ops in RESOURCES.values()
                    for op in ops.values()
                    for name in op.parameters
                }
            ),
            "PatientName",
            "00100010",
            "StudyDate",
            "StudyInstanceUID",
            "00081115.0020000D",
            "rows",
            "frameNumber",
            "imageQuality",
            "region",
            "windowCenter",
            "transferSyntax",
            "0x10",
            MARK,
        ]
    ),
    anything,
)
value = st.one_of(
    anything,
    st.sampled_from(
        [
            "WADO",
            "application/dicom",
            "image/jpeg",
            "20200101-",
            "-",
            "1000-1100",
            "all",
            "true",
            "16,16",
            "16,16,0,0,8,8",
            ",,,",
            "40,400,linear",
            "40,0,sigmoid",
            "no",
            "patient",
            "AT*",
            "text/html",
            "application/json",
            "*/*",
            "image/gif",
            "video/mp4",
            "CT\\MR",
            "1.2,1.3",
        ]
    ),
)
accepts = st.lists(
    st.sampled_from(
        [
            "*/*",
            "image/*",
            "image/jpeg",
            "image/png",
            "image/gif",
            "video/mp4",
            "application/json",
            "application/dicom+json",
            "application/dicom+xml",
            "application/zip",
            "text/html",
            "multipart/related",
            'multipart/related; type="application/dicom"; transfer-syntax=*',
            "multipart/related; type=application/octet-stream",
            "application/octet-stream",
            'multipart/related; type="image/jls"; transfer-syntax=1.2.840.10008.1.2.4.80',
            ";;",
            ",",
            'multipart/related; type="application/dicom+xml"',
            "application/vnd.sun.wadl+xml",
        ]
    ),
    max_size=3,
).map(", ".join)
HEADERS: dict[str, st.SearchStrategy[str]] = {
    "Accept": st.one_of(accepts, accepts, accepts, header_text),
    "Accept-Charset": header_text,
    "Accept-Encoding": st.one_of(
        st.sampled_from(["gzip", "br;q=x", "identity;q=0", "*"]), header_text
    ),
    "Authorization": st.sampled_from(
        [f"Bearer {TOKEN}"] * 6 + [f"Bearer {OTHER_TOKEN}", f"Bearer {MARK}", "Basic x", "", "\xff"]
    ),
    "Content-Encoding": st.one_of(st.sampled_from(["gzip", "deflate", "identity"]), header_text),
    "Content-Length": st.sampled_from(["0", "-1", "10", "99999999", "x", ""]),
    "Content-Type": st.one_of(
        st.sampled_from(
            [
                MULTIPART,
                "application/dicom",
                "application/dicom+json",
                "text/plain",
                "multipart/related",
                'multipart/related; type="application/dicom+json"; boundary=b0undary',
                'multipart/related; type="application/dicom+xml"; boundary=b0undary',
            ]
        ),
        header_text,
    ),
    "Access-Control-Request-Method": st.one_of(st.just("GET"), header_text),
    "Forwarded": st.one_of(st.just("for=1.2.3.4;host=evil.example"), header_text),
    "Host": st.one_of(st.sampled_from(["localhost", "[::1]:8", "a b", ""]), header_text),
    "If-Match": header_text,
    "If-Modified-Since": st.one_of(st.just("Mon, 01 Jan 2024 00:00:00 GMT"), header_text),
    "If-None-Match": st.one_of(st.just("*"), header_text),
    "If-Range": st.one_of(st.just('"x"'), header_text),
    "Origin": st.one_of(st.sampled_from(["https://viewer.example", "null"]), header_text),
    "Range": st.one_of(
        st.sampled_from(["bytes=0-9", "bytes=5-", "bytes=-3", "bytes=9-1", "bytes=0-0,5-6", "x=1"]),
        header_text,
    ),
    "Transfer-Encoding": st.just("chunked"),
    "X-Forwarded-Host": st.just("evil.example"),
}
BODIES = [
    b"",
    b"junk " + MARK.encode(),
    FILES[0],
    FILES[0][:500],
    multipart(FILES),
    multipart([FILES[0][:700], MARK.encode()]),
    multipart(FILES)[:-9],
    b"[{}]",
    b"--b0undary\r\nContent-Type: application/dicom+json\r\n\r\n"
    b'[{"00080018":{}}]\r\n--b0undary--\r\n',
    b"--b0undary\r\nContent-Type: application/dicom+xml\r\n\r\n<a/>\r\n--b0undary--\r\n",
]


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
def test_every_request_is_answered(place: Place, data: st.DataObject) -> None:
    draw = data.draw
    root = draw(
        st.sampled_from(["/dicomweb"] * 6 + ["/share/shared/dicomweb", f"/share/{MARK}/dicomweb"])
    )
    rule = draw(st.sampled_from([*RESOURCES, "/nothing", "/studies/1.2/nothing"]))

    def fill(match: re.Match[str]) -> str:
        known = {"frames": ["1", "1,2", "3"], "path": ["7FE00010", "00081140/1/00081155"]}
        known |= place.values
        return draw(
            st.one_of(st.sampled_from(known[match[1]]), st.sampled_from(known[match[1]]), anything)
        )

    path = (
        root + re.sub(r"<(?:path:)?(\w+)>", fill, rule) + draw(st.sampled_from(["", "", "/", "//"]))
    )
    method = draw(st.sampled_from(METHODS))
    names = draw(st.lists(st.sampled_from(sorted(HEADERS)), max_size=6, unique=True))
    headers = {"Authorization": f"Bearer {TOKEN}"} if draw(st.booleans()) else {}
    headers |= {name: draw(HEADERS[name]) for name in names}
    query = draw(st.lists(st.tuples(parameter, value), max_size=4))
    body = draw(st.sampled_from(BODIES)) if method in ("POST", "PUT", "PATCH") else b""

    status, kind, said = _answer(place.app, method, path, query, headers, body)

    assert status != 500, said
    assert status in range(200, 600)
    if status >= 400 and method != "HEAD":
        assert kind == "application/json", (status, kind)
        assert MARK not in said
        error = re.fullmatch(r'\{"error": "(.*)"\}', said)
        if error is None:
            # The report of a store that failed is a data set.
            assert (method, status) in (("POST", 409), ("POST", 503)), said
        else:
            assert SENTENCE.match(error[1]), said
    if method == "DELETE" and status == 204:
        assert Caller(place.app.test_client()).store(FILES).status_code == 200


@pytest.mark.parametrize("fuzzy", ["true", "false"])
@pytest.mark.parametrize("value", ["a", "?", "*a", "_", "a ", "\U0001f600", "1,", "-", "."])
def test_a_value_that_is_as_long_as_a_request_may_be(place: Place, value: str, fuzzy: str) -> None:
    for name in ("PatientName", "PatientID", "ModalitiesInStudy", "StudyDate", "SeriesNumber"):
        for length in (10_000, 60_000):
            long = f"{value * (length // len(value))}*"
            query = [(name, long), ("fuzzymatching", fuzzy), ("multiplevaluematching", "true")]
            headers = {"Authorization": f"Bearer {TOKEN}"}
            status, _, said = _answer(place.app, "GET", "/dicomweb/series", query, headers, b"")
            assert status in (200, 204, 400), said


def _answer(
    app: Flask,
    method: str,
    path: str,
    query: list[tuple[str, str]],
    headers: dict[str, str],
    body: bytes,
) -> tuple[int, str, str]:
    """Ask as a WSGI server does, whose headers are whatever the client sent."""
    builder = EnvironBuilder(
        path="/", method=method, query_string=urlencode(query), input_stream=BytesIO(body)
    )
    environ = builder.get_environ()
    environ["PATH_INFO"] = path.encode("utf-8", "surrogatepass").decode("latin-1")
    environ["CONTENT_LENGTH"] = str(len(body))
    for name, text in headers.items():
        key = name.upper().replace("-", "_")
        environ[key if key in ("CONTENT_LENGTH", "CONTENT_TYPE") else f"HTTP_{key}"] = text
    if "Transfer-Encoding" in headers:
        environ["wsgi.input_terminated"] = True
        environ.pop("CONTENT_LENGTH")
    pieces, status, sent = run_wsgi_app(app, environ, buffered=True)
    said = b"".join(pieces)
    kind = sent.get("Content-Type", "").partition(";")[0]
    return int(status.split()[0]), kind, said.decode("utf-8", "replace")
