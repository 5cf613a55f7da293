"""Orthanc with its DICOMweb plugin, as Debian ships it.

Invariants: the configuration is Orthanc's default except for what a benchmark on one machine must
set: ports, folders, the plugin, and no password. In particular it writes as durably as it does by
default, compresses nothing and keeps its caches.
Not here: DICOMweb itself (``bench.peers.peer``).
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from bench.peers.peer import DicomwebPeer
from bench.process import Server, free_port, is_listening

PROGRAM = "/usr/sbin/Orthanc"
PLUGIN = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"


class Orthanc(DicomwebPeer):
    """The peer that every row is compared with."""

    key = "orthanc"
    title = "Orthanc"
    needs = (PROGRAM, PLUGIN)

    def start(self, folder: Path) -> None:
        """Start with an index and a storage area of its own below ``folder``."""
        self.http_port, self.dimse_port = free_port(), free_port()
        self.root, self.ae_title = "/dicom-web", "ORTHANC"
        path = folder / "orthanc.json"
        path.write_text(json.dumps(configuration(folder, self.http_port, self.dimse_port)))
        self._server = Server([PROGRAM, str(path)], folder / "log")
        self._server.wait_until(
            lambda: is_listening(self.http_port) and is_listening(self.dimse_port)
        )

    def stored(self) -> int:
        """Ask Orthanc's own statistics: its QIDO-RS would take seconds."""
        root, self.root = self.root, ""
        try:
            statistics = self.query("/statistics")
        finally:
            self.root = root
        assert isinstance(statistics, dict)
        return int(statistics["CountInstances"])

    @classmethod
    def version(cls) -> str:
        """Return the version that ``Orthanc --version`` names."""
        output = subprocess.run(
            [PROGRAM, "--version"], capture_output=True, text=True, check=True
        ).stdout
        return output.split()[1]


def configuration(folder: Path, http_port: int, dimse_port: int) -> dict[str, object]:
    """Return Orthanc's configuration: the defaults, on these ports and below this folder."""
    return {
        "Name": "bench",
        "StorageDirectory": str(folder / "storage"),
        "IndexDirectory": str(folder / "index"),
        "TemporaryDirectory": str(folder),
        "Plugins": [PLUGIN],
        "HttpPort": http_port,
        "DicomPort": dimse_port,
        "DicomAet": "ORTHANC",
        "RemoteAccessAllowed": False,
        "AuthenticationEnabled": False,
        "DicomWeb": {"Enable": True, "Root": "/dicom-web/"},
    }
