"""Sends sample files to the running server through its own listener.

The files come with pydicom, so a newcomer needs nothing else.
Standard: PS3.4 B (Storage, as SCU).
"""

from collections.abc import Callable
from pathlib import Path

import pydicom
from pydicom import dcmread
from pydicom.dataset import Dataset
from pynetdicom import AE

from server.config import Address
from server.errors import CommandFailed

__all__ = ["sample_files", "send"]

# None of these has a name drawn into its picture.
NAMES = (
    "rtdose.dcm",
    "examples_ybr_color.dcm",
    "JPEG2000.dcm",
    "examples_overlay.dcm",
    "MR_small.dcm",
    "CT_small.dcm",
)
# Success, and the warning that elements were coerced (PS3.4 B.2.3).
STORED = frozenset({0x0000, 0xB000})


def sample_files() -> list[Path]:
    """The samples that this pydicom brought along."""
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    return [folder / name for name in NAMES if (folder / name).is_file()]


def send(address: Address, ae_title: str) -> int:
    """Send the samples.

    Returns:
        How many were stored.

    Raises:
        CommandFailed: the server does not answer, or refuses a sample.
    """
    samples = [dcmread(path) for path in sample_files()]
    ae = AE("DEMO")
    for ds in samples:
        ae.add_requested_context(ds.SOPClassUID, ds.file_meta.TransferSyntaxUID)
    association = ae.associate(address.host, address.port, ae_title=ae_title)
    if not association.is_established:
        raise CommandFailed(f"No server answers at {address}. Start it with `readingroom serve`.")
    try:
        return sum(_store(association.send_c_store, ds) for ds in samples)
    finally:
        association.release()


def _store(send_c_store: Callable[[Dataset], Dataset], ds: Dataset) -> bool:
    status = send_c_store(ds)
    if "Status" not in status or status.Status not in STORED:
        raise CommandFailed("The server did not store a sample; its own output says why.")
    return True
