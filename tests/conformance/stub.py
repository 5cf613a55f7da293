"""A server that stores anything and then answers wrongly, each in one way."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

UID = "1.2.3.4.{}"
PLACE = "/studies/1.2.3.4.1/series/1.2.3.4.2/instances/1.2.3.4.{}"
TEXTS = {
    "00080050": "SH",
    "00080090": "PN",
    "00100010": "PN",
    "00100020": "LO",
    "00200010": "SH",
    "00081030": "LO",
    "0008103E": "LO",
    "00180015": "CS",
    "00080008": "CS",
}


def metadata(root: str, number: int) -> dict[str, Any]:
    """What a server would keep, so that there is something to search for."""
    found: dict[str, Any] = {
        "00080020": {"vr": "DA", "Value": ["20240229"]},
        "00080030": {"vr": "TM", "Value": ["101500"]},
        "00080060": {"vr": "CS", "Value": ["CT"]},
        "00080016": {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.2"]},
        "00080018": {"vr": "UI", "Value": [UID.format(number)]},
        "0020000D": {"vr": "UI", "Value": [UID.format(1)]},
        "0020000E": {"vr": "UI", "Value": [UID.format(2)]},
        "00200011": {"vr": "IS", "Value": [1]},
        "00200013": {"vr": "IS", "Value": [1]},
        "00180050": {"vr": "DS", "Value": [2.5]},
        "00280010": {"vr": "US", "Value": [32]},
        "00280011": {"vr": "US", "Value": [32]},
        "00280100": {"vr": "US", "Value": [16]},
        "00400244": {"vr": "DA", "Value": ["20240229"]},
        "00400245": {"vr": "TM", "Value": ["101500"]},
        "00720062": {"vr": "CS", "Value": ["", ""]},
        "00082218": {"vr": "SQ", "Value": [None]},
        "0040A730": {"vr": "SQ", "Value": [{"0040A160": {"vr": "UT", "Value": ["normal"]}}]},
        "00400275": {
            "vr": "SQ",
            "Value": [
                {
                    "00400009": {"vr": "SH", "Value": ["STEP5"]},
                    "00401001": {"vr": "SH", "Value": ["PROC6"]},
                }
            ],
        },
        "7FE00010": {"vr": "OW", "BulkDataURI": f"{root}{PLACE.format(number)}/bulkdata/1"},
        "54001010": {"vr": "OW", "BulkDataURI": f"{root}{PLACE.format(number)}/bulkdata/2"},
        "00420011": {"vr": "OB", "BulkDataURI": f"{root}{PLACE.format(number)}/bulkdata/3"},
    }
    for tag in ("00720074", "00720076", "0072007C", "0072007E", "00720078", "0072007A"):
        found[tag] = {"vr": "FD", "Value": ["one"]}
    for tag in ("00720072", "00720064", "00720082", "00720083", "00720060"):
        found[tag] = {"vr": "DS", "Value": ["1"]}
    for tag, vr in TEXTS.items():
        found[tag] = {"vr": vr, "Value": [{"Alphabetic": "Übel or"} if vr == "PN" else "Tête ab"]}
    return found


BROKEN: dict[str, Any] = {
    "zz": {"vr": "??", "Value": "text", "own": 1},
    "00081190": {"vr": "UR", "Value": ["relative"]},
    "00080061": {"vr": "CS"},
    "0020000D": {"vr": "UI", "Value": ["9.9"]},
    "0020000E": {"vr": "UI", "Value": ["9.9"]},
    "00080018": {"vr": "UI", "Value": ["9.9"]},
    "00080005": {"vr": "CS", "Value": ["ISO_IR 100"]},
    "00080000": {"vr": "UL", "Value": ["many"]},
    "00100010": {"vr": "PN", "Value": ["Name"]},
    "00080060": {"vr": "CS", "Value": [5]},
    "0020000F": {"vr": "CS", "Value": ["A", ""]},
    "00280009": {"vr": "AT", "Value": ["tag"]},
    "00200011": {"vr": "IS", "Value": ["one"]},
    "00200052": {"vr": "UI", "Value": []},
    "00081140": {"vr": "SQ", "Value": [5]},
    "00282000": {"vr": "OB", "Value": ["x"], "InlineBinary": "!"},
    "00282001": {"vr": "LO", "BulkDataURI": "x"},
    "00280010": {"vr": "US", "Value": [32]},
    "00280011": {"vr": "US", "Value": [32]},
}


@dataclass(frozen=True)
class Wrong:
    """One way of answering wrongly."""

    name: str
    status: int = 200
    body: bytes = b"nothing"
    content_type: str = "text/plain"
    headers: tuple[tuple[str, str], ...] = ()
    stores: bool = True
    learns: bool = True
    post_status: int = 200
    post_type: str = "application/dicom+json"
    post_body: bytes = b""
    module: dict[str, Any] | None = None


CORS = (
    ("Access-Control-Allow-Origin", "https://other.example"),
    ("Access-Control-Allow-Headers", "x"),
    ("Access-Control-Allow-Methods", "TRACE"),
)
JSON = "application/dicom+json"
ALL_WRONG = (
    Wrong("an error for everything", 500),
    Wrong("nothing there", 404),
    Wrong("bad requests", 400),
    Wrong("text"),
    Wrong("no parts", body=b"--x--\r\n", content_type="multipart/related; boundary=x"),
    Wrong(
        "something else for everything",
        body=json.dumps([BROKEN] * 7).encode(),
        content_type=JSON,
        headers=(("Warning", "299 x: There are 7 additional results"), ("ETag", '"1"')),
    ),
    Wrong(
        "broken numbers, other origins",
        body=b'[{"00081190": {"vr": "FD", "Value": [NaN, Infinity]}}]',
        content_type=f"{JSON}; charset=latin-1",
        headers=(*CORS, ("Cache-Control", "max-age=9"), ("ETag", '"1"')),
    ),
    Wrong("no results", 204, b"", ""),
    Wrong("partial", 206, b"x", "image/png"),
    Wrong("nothing changed", 304, b"", ""),
    Wrong("not allowed", 405, b"x", headers=(("Allow", "TRACE"),)),
    Wrong("not stored", stores=False, post_status=500),
    Wrong("nothing understood", stores=False, post_status=418),
    Wrong("said nothing", stores=False, module={}),
    Wrong("broken answers to a store", module=BROKEN),
    Wrong("nothing to learn", 404, learns=False),
    Wrong("no type taken", stores=False, post_status=415, post_type="text/html"),
    Wrong("lists for one", stores=False, post_body=b"[{}, {}]"),
)


class Stub(BaseHTTPRequestHandler):
    """Answers in the way of its server."""

    protocol_version = "HTTP/1.1"
    # Head and body in one piece: sent apart, the second waits for an acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    server: "StubServer"

    def handle_expect_100(self) -> bool:
        self._answer(417, b"", "text/plain")
        self.wfile.flush()
        return False

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        wrong = self.server.wrong
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if not wrong.stores:
            said = wrong.post_body or json.dumps(wrong.module or {}).encode()
            self._answer(wrong.post_status, said, wrong.post_type)
            return
        count = max(1, body.count(b"DICM"))
        module = {"00081199": {"vr": "SQ", "Value": [self._item() for _ in range(count)]}}
        self._answer(200, json.dumps({**(wrong.module or {}), **module}).encode(), JSON)

    def do_GET(self) -> None:
        wrong, path = self.server.wrong, unquote(self.path)
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        if wrong.learns and path.endswith("/metadata") and "/instances/1.2.3.4." in path:
            number = int(path.split("/")[-2].rpartition(".")[2])
            self._answer(200, json.dumps([metadata(self.root, number)]).encode(), JSON)
        else:
            self._answer(wrong.status, wrong.body, wrong.content_type, wrong.headers)

    do_HEAD = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_GET

    @property
    def root(self) -> str:
        """The address of this server."""
        return f"http://127.0.0.1:{self.server.server_port}"

    def _item(self) -> dict[str, Any]:
        self.server.stored += 1
        number = self.server.stored
        return {
            "00081150": {"vr": "UI", "Value": ["1.2.3"]},
            "00081155": {"vr": "UI", "Value": [UID.format(number)]},
            "00081190": {"vr": "UR", "Value": [PLACE.format(number)]},
        }

    def _answer(
        self, status: int, body: bytes, kind: str, more: tuple[tuple[str, str], ...] = ()
    ) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", kind), *more):
            if value:
                self.send_header(name, value)
        bodiless = status in (204, 304) or self.command == "HEAD"
        self.send_header("Content-Length", "0" if bodiless else str(len(body)))
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            self.send_header("Connection", "close")
            self.close_connection = True
        self.end_headers()
        if not bodiless:
            self.wfile.write(body)


class StubServer(ThreadingHTTPServer):
    """Listens on a free loopback port."""

    daemon_threads = True

    def __init__(self, wrong: Wrong) -> None:
        super().__init__(("127.0.0.1", 0), Stub)
        self.wrong, self.stored = wrong, 10


@contextmanager
def running(wrong: Wrong) -> Iterator[str]:
    """Serve, and give the root."""
    server = StubServer(wrong)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
