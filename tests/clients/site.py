"""A web server for the pages of others: files of a folder, and a few made up, on a free port."""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit

__all__ = ["Site", "serve"]


@dataclass(frozen=True)
class Site:
    """Where it is."""

    base: str


@contextmanager
def serve(
    folder: Path,
    made: Mapping[str, bytes],
    headers: Mapping[str, str],
    fallback: str = "",
    port: int = 0,
) -> Iterator[Site]:
    """Serve the folder; a path that is no file gets the fallback, if there is one."""

    class Handler(SimpleHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            path = urlsplit(self.path).path
            if path in made:
                self.send_response(200)
                self.send_header("Content-Type", self.guess_type(path))
                self.send_header("Content-Length", str(len(made[path])))
                self.end_headers()
                self.wfile.write(made[path])
                return
            if fallback and not (folder / path.lstrip("/")).is_file():
                self.path = fallback
            super().do_GET()

        def end_headers(self) -> None:
            for name, value in headers.items():
                self.send_header(name, value)
            super().end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", port), partial(Handler, directory=str(folder)))
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield Site(f"http://127.0.0.1:{server.server_address[1]}")
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
