"""Receives C-STORE with pynetdicom, writes each data set to a file, syncs it, and answers 0000H.

Standard: PS3.7 9.3.1 (C-STORE), as pynetdicom implements it.
Invariants: answers only after fsync of the file; nothing is decoded.
Not here: the floor without a library (``bench.floors.dimse``).
"""

from __future__ import annotations

import io
import itertools
import os
import sys
from pathlib import Path

from pynetdicom import AE, AllStoragePresentationContexts, evt
from pynetdicom.dimse_primitives import C_STORE


def serve(port: int, folder: Path) -> None:
    """Accept associations for ever."""
    names = itertools.count()

    def store(event: evt.Event) -> int:
        request = event.request
        assert isinstance(request, C_STORE)
        assert isinstance(request.DataSet, io.BytesIO)
        file = os.open(folder / f"{next(names):06}", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            os.write(file, request.DataSet.getbuffer())
            os.fsync(file)
        finally:
            os.close(file)
        return 0x0000

    receiver = AE(ae_title="BARE")
    receiver.maximum_pdu_size = 0
    # Its default is ten, and as many as are asked for are measured.
    receiver.maximum_associations = 64
    receiver.supported_contexts = AllStoragePresentationContexts
    receiver.start_server(("127.0.0.1", port), evt_handlers=[(evt.EVT_C_STORE, store)])


if __name__ == "__main__":
    serve(int(sys.argv[1]), Path(sys.argv[2]))
