"""The built scripts, styles, icons and codecs: their addresses, and serving them.

Invariants: a name holds a hash of its content, so a file is cached for ever and never stale; only
files that the build listed are served. Compressed twins are sent to those who take them.
Not here: building (`viewer/client`, `npm run build`).
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, cast

from flask import Blueprint, Response, abort, request, send_file, url_for

from viewer.errors import NotBuilt

__all__ = ["DIST", "Assets", "create_assets_blueprint"]

DIST: Final = Path(__file__).parent / "static" / "dist"
YEAR_SECONDS: Final = 365 * 24 * 3600
TYPES: Final = MappingProxyType(
    {
        ".css": "text/css",
        ".js": "text/javascript",
        ".svg": "image/svg+xml",
        ".wasm": "application/wasm",
        ".woff2": "font/woff2",
    }
)
ENCODINGS: Final = (("br", ".br"), ("gzip", ".gz"))


@dataclass(frozen=True)
class Assets:
    """What one build made.

    Attributes:
        folder: where its files lie.
        manifest: Vite's manifest, from source file to built file.
    """

    folder: Path
    manifest: MappingProxyType[str, dict[str, Any]]

    @classmethod
    def load(cls, folder: Path = DIST) -> "Assets":
        """Read the manifest of a build.

        Raises:
            NotBuilt: there is no build in the folder.
        """
        try:
            manifest = json.loads((folder / "manifest.json").read_text("utf-8"))
        except FileNotFoundError:
            raise NotBuilt("The pages have not been built: run `make client`.") from None
        return cls(folder, MappingProxyType(manifest))

    def file(self, source: str) -> str:
        """The built file's name.

        Args:
            source: the entry's path within `viewer/client`.
        """
        return cast(str, self.manifest[source]["file"])

    def url(self, source: str) -> str:
        """The built file's address."""
        return url_for("assets.asset", name=self.file(source))

    def preloads(self, source: str) -> list[str]:
        """Addresses of the modules that an entry will ask for, so that they start at once."""
        return [url_for("assets.asset", name=name) for name in dict.fromkeys(self._below(source))]

    def path(self, name: str) -> Path | None:
        """Where a built file lies; None when it is no file of the build."""
        path = self.folder / name
        return path if path.suffix in TYPES and path.parent == self.folder else None

    def _below(self, source: str) -> Iterator[str]:
        entry = self.manifest[source]
        for child in (*entry.get("imports", ()), *entry.get("dynamicImports", ())):
            # Decoders of rare compressions are dynamic, too, and only wanted when met.
            if not child.startswith("node_modules/"):
                yield self.file(child)
                yield from self._below(child)


def create_assets_blueprint(assets: Assets) -> Blueprint:
    """Serves the files of a build below /assets."""
    blueprint = Blueprint("assets", __name__, url_prefix="/assets")

    @blueprint.get("/<name>")
    def asset(name: str) -> Response:
        path = assets.path(name)
        if path is None or not path.is_file():
            abort(404)
        chosen, encoding = _best(path)
        response = send_file(
            chosen, mimetype=TYPES[path.suffix], max_age=YEAR_SECONDS, conditional=True
        )
        response.cache_control.public = True
        response.cache_control.immutable = True
        response.headers["Vary"] = "Accept-Encoding"
        if encoding:
            response.headers["Content-Encoding"] = encoding
        return response

    return blueprint


def _best(path: Path) -> tuple[Path, str | None]:
    for encoding, suffix in ENCODINGS:
        twin = path.with_name(path.name + suffix)
        if request.accept_encodings[encoding] and twin.is_file():
            return twin, encoding
    return path, None
