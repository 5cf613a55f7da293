"""Real files as pydicom reads them, with UIDs of their own, and pydicom's own picture of each."""

import re
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from dicomweb_client import DICOMwebClient
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileDataset
from pydicom.encaps import generate_frames
from pydicom.uid import generate_uid

from tests.support.server import RunningServer

__all__ = [
    "Stored",
    "address_of",
    "client_of",
    "frames_of",
    "read",
    "stored",
    "values_of",
    "windowed",
]


def client_of(
    server: RunningServer, chunk_size: int = 1_000_000, token: str = ""
) -> DICOMwebClient:
    """The client from PyPI, with the owner's token or another."""
    session = server.session()
    if token:
        session.headers["Authorization"] = f"Bearer {token}"
    client = DICOMwebClient(server.root, session=session, chunk_size=chunk_size, timeout=60)
    client.set_http_retry_params(retry=False)
    return client


def read(path: Path, *, own_uids: bool = False) -> FileDataset:
    """A file; several here share UIDs, and get others so that they can be in one store."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(path)
        if own_uids:
            for keyword in ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID"):
                setattr(ds, keyword, generate_uid(entropy_srcs=[path.name, keyword]))
            ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    return ds


def values_of(ds: Dataset) -> NDArray[Any]:
    """The samples as pydicom decodes them: frames, rows, columns and, for colour, RGB."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        samples = ds.pixel_array
    grey = ds.SamplesPerPixel == 1
    return samples.reshape(-1, ds.Rows, ds.Columns, *(() if grey else (3,)))


def frames_of(ds: Dataset) -> list[bytes]:
    """The frames of a compressed image, as they were sent."""
    return list(generate_frames(ds.PixelData, number_of_frames=int(ds.get("NumberOfFrames", 1))))


def windowed(ds: Dataset) -> NDArray[Any]:
    """The grey levels, 0 to 255, that an image's own window makes of it (PS3.3 C.11.2.1.2.1)."""
    slope, intercept = float(ds.get("RescaleSlope", 1)), float(ds.get("RescaleIntercept", 0))
    centre, width = float(ds.WindowCenter), float(ds.WindowWidth)
    levels = (ds.pixel_array * slope + intercept - (centre - 0.5)) / (width - 1) + 0.5
    grey: NDArray[Any] = np.round(np.clip(levels, 0, 1) * 255)
    return grey


@dataclass(frozen=True)
class Stored:
    """The UIDs under which an instance is kept."""

    study: str
    series: str
    instance: str


def stored(client: DICOMwebClient, sent: Sequence[Dataset]) -> list[Stored]:
    """Store instances with STOW-RS; where each is, in order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        answer = client.store_instances(sent)
    assert "FailedSOPSequence" not in answer
    return [address_of(item) for item in answer.ReferencedSOPSequence]


def address_of(item: Dataset) -> Stored:
    """Where an item of the answer to a store says that the instance is."""
    found = re.search(r"/studies/([\d.]+)/series/([\d.]+)/instances/([\d.]+)$", item.RetrieveURL)
    assert found
    return Stored(found[1], found[2], found[3])
