"""The table of transfer syntaxes in the reference is what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from dicomweb.syntaxes import frame_offers
from store.encoders import LOSSY
from store.errors import CannotTranscode
from store.transcode import WRITTEN, in_syntax
from tests.store.images import Kind, palette
from tests.store.stored_file import Files, StoredFile

PAGE = Path(__file__).parents[2] / "docs/reference/dicomweb.md"
EXPLICIT = "1.2.840.10008.1.2.1"
JPEG = "1.2.840.10008.1.2.4.50"
COLUMNS = {
    "1 bit": [Kind("", (), allocated=1, vr="OB")],
    "8": [Kind("", ())],
    "12": [Kind("", (), allocated=16, stored=12)],
    "16": [Kind("", (), allocated=16)],
    "signed": [Kind("", (), allocated=16, stored=n, signed=True) for n in (12, 16)],
    "palette": [Kind("", (), "PALETTE COLOR", extra=palette(1))],
    "RGB": [Kind("", (), "RGB"), Kind("", (), "RGB", planar=1)],
    "YBR_FULL": [Kind("", (), "YBR_FULL"), Kind("", (), "YBR_FULL_422", columns=12)],
    "32": [Kind("", (), allocated=32)],
    "float": [Kind("", (), allocated=32, keyword="FloatPixelData", vr="OF")],
}
SHORT = "1.2.840.10008.1.2."
NAMES = {
    "1": "Explicit VR Little Endian",
    "1.98": "Encapsulated Uncompressed",
    "1.99": "Deflated",
    "4.50": "JPEG Baseline",
    "4.51": "JPEG Extended",
    "4.57": "JPEG Lossless",
    "4.70": "JPEG Lossless, Selection Value 1",
    "4.80": "JPEG-LS Lossless",
    "4.81": "JPEG-LS Near-Lossless",
    "4.90": "JPEG 2000 Lossless",
    "4.91": "JPEG 2000",
    "4.110": "JPEG XL Lossless",
    "4.111": "JPEG XL JPEG Recompression: only of 4.50",
    "4.112": "JPEG XL",
    "4.201": "HTJ2K Lossless",
    "4.202": "HTJ2K Lossless RPCL",
    "4.203": "HTJ2K",
    "5": "RLE Lossless",
    "8.1": "Deflated Image Frame",
}


def can(kind: Kind, syntax: str) -> bool:
    try:
        b"".join(in_syntax(Files(), StoredFile(kind.part10()), syntax))
    except CannotTranscode:
        return False
    return True


def rows() -> list[str]:
    media_types = {
        offer.transfer_syntax: f"`{offer.media_type}`"
        for stored in (EXPLICIT, JPEG)
        for offer in frame_offers(stored, alone=False)
    }
    found = [
        f"| 1.2.840.10008.1.2.… | name | frames as | {' | '.join(COLUMNS)} |",
        "|---|---|---|" + "---|" * len(COLUMNS),
    ]
    targets = [EXPLICIT, f"{EXPLICIT}.99", *WRITTEN]
    for syntax in sorted(targets, key=lambda uid: [int(part) for part in uid.split(".")]):
        end = syntax.removeprefix(SHORT)
        yes = "lossy" if syntax in LOSSY else "yes"
        cells = [
            yes if all(can(kind, syntax) for kind in kinds) else "" for kinds in COLUMNS.values()
        ]
        media_type = media_types.get(syntax, "")
        found.append(f"| {end} | {NAMES[end]} | {media_type} | {' | '.join(cells)} |")
    return found


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.promise("F103")
def test_the_reference_has_the_table_as_it_is() -> None:
    expected = "\n".join(rows())
    assert expected in PAGE.read_text("utf-8"), expected
