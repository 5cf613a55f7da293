"""A private SOP class that the operator named is taken by C-STORE, any other is not."""

from pathlib import Path

import pytest
from pynetdicom import AE

from tests.support.datasets import ct_slice
from tests.support.server import running_server

pytestmark = pytest.mark.integration
NAMED, OTHER = "1.2.826.0.1.3680043.10.9", "1.2.826.0.1.3680043.10.10"


def test_a_named_private_class_is_taken(tmp_path: Path) -> None:
    with running_server(tmp_path, {"READINGROOM_PRIVATE_SOP_CLASSES": NAMED}) as server:
        sender = AE()
        ds = ct_slice(1)
        for uid in (NAMED, OTHER):
            sender.add_requested_context(uid, ds.file_meta.TransferSyntaxUID)
        association = sender.associate("127.0.0.1", server.dimse_port, ae_title="READINGROOM")
        assert [str(one.abstract_syntax) for one in association.accepted_contexts] == [NAMED]
        ds.SOPClassUID = NAMED
        ds.file_meta.MediaStorageSOPClassUID = NAMED  # type: ignore[assignment]
        assert association.send_c_store(ds).Status == 0x0000
        association.release()
        [found] = server.session().get(f"{server.root}/instances", timeout=20).json()
        assert found["00080016"]["Value"] == [NAMED]
