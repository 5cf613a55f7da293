"""Runs the engine the way tests need it."""

import io
from collections.abc import Iterator
from dataclasses import dataclass

import pydicom
from pydicom.dataset import Dataset, FileDataset

from deid import Deidentified, Deidentifier, Limits
from deid.profile import Profile

KEY = bytes(range(32))


@dataclass(frozen=True)
class Output:
    """What came out of a run."""

    result: Deidentified
    data: bytes

    @property
    def ds(self) -> FileDataset:
        """The output as pydicom reads it."""
        return pydicom.dcmread(io.BytesIO(self.data))


def run(
    data: bytes,
    *,
    key: bytes = KEY,
    chunk: int = 1 << 16,
    transfer_syntax: str | None = None,
    limits: Limits | None = None,
    profile: Profile | None = None,
    cleaned_pixels: bool = False,
) -> Output:
    """De-identify one instance."""
    written: list[bytes] = []
    engine = Deidentifier(
        key,
        written.append,
        transfer_syntax=transfer_syntax,
        limits=limits,
        profile=profile,
        cleaned_pixels=cleaned_pixels,
    )
    for start in range(0, len(data), chunk):
        engine.feed(data[start : start + chunk])
    result = engine.finish()
    output = b"".join(written)
    assert len(output) == result.size
    return Output(result, output)


def leaves(ds: Dataset, path: tuple[int, ...] = ()) -> Iterator[tuple[tuple[int, ...], object]]:
    """Yield every element that is no sequence, with the tags and item numbers that lead to it."""
    for element in ds:
        here = (*path, int(element.tag))
        if element.VR == "SQ":
            for number, item in enumerate(element.value or ()):
                yield from leaves(item, (*here, number))
        else:
            yield here, element.value
