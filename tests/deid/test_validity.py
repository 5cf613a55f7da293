"""dciodvfy finds no kind of error in the output that it did not find in the input."""

import re
import shutil
import subprocess
from pathlib import Path

from tests.deid.engine import run

SAMPLES = [
    "series/ct-phantom-gantry-tilt/I01.dcm",
    "series/ct-3slice-liver",
    "series/mr-wrist-coronal/I01.dcm",
    "series/mr-adc-prostate/I01.dcm",
    "kinds/enhanced",
    "kinds/seg",
    "kinds/rt",
    "kinds/cr-dx-mg",
    "kinds/pet-nm",
    "kinds/us",
    "kinds/xa",
    "kinds/sr",
    "kinds/presentation-states/graphics",
    "kinds/wsi/level-4-frames-0-1.dcm",
    "kinds/parametric-map",
]


def kinds_of_errors(data: bytes, folder: Path) -> set[str]:
    """The error lines of dciodvfy without values."""
    tool = shutil.which("dciodvfy")
    assert tool, "dciodvfy is not installed (Debian package dicom3tools)"
    path = folder / "x.dcm"
    path.write_bytes(data)
    done = subprocess.run([tool, str(path)], capture_output=True, timeout=60, check=False)
    lines = (done.stderr + done.stdout).decode("latin-1").splitlines()
    return {
        re.sub(r"\b[0-9]+(\.[0-9]+)*$|[0-9]+(\.[0-9]+)+", "", line)
        for line in lines
        if line.startswith("Error")
    }


def files(shared_data: Path) -> list[Path]:
    found: list[Path] = []
    for name in SAMPLES:
        path = shared_data / name
        found += [path] if path.is_file() else sorted(path.glob("*.dcm"))[:8]
    return found


def test_no_new_kinds_of_errors(shared_data: Path, tmp_path: Path) -> None:
    worse = {}
    for path in files(shared_data):
        data = path.read_bytes()
        if data[128:132] != b"DICM":
            continue
        before = kinds_of_errors(data, tmp_path)
        after = kinds_of_errors(run(data).data, tmp_path)
        if after - before:
            worse[path.name] = after - before
    assert not worse
