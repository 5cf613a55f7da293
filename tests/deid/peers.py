"""Runs one other tool over a folder of files: ``python peers.py TOOL FROM TO``.

It runs in that tool's own virtual environment, so it imports nothing of ours. Every tool does what
its command line does by default. What it cannot handle is noted in ``TO/refused.json``.
"""

import contextlib
import importlib
import io
import json
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

Tool = Callable[[Path, Path], None]


def main(name: str, source: Path, target: Path) -> None:
    """Run the tool on every file, in order of names."""
    tool = {"dicognito": dicognito, "dicom-anonymizer": dicom_anonymizer}[name]()
    refused: dict[str, str] = {}
    for path in sorted(source.glob("*.dcm")):
        try:
            with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
                warnings.simplefilter("ignore")
                tool(path, target / path.name)
        except Exception as error:
            refused[path.name] = type(error).__name__
            (target / path.name).unlink(missing_ok=True)
    (target / "refused.json").write_text(json.dumps(refused))


def dicognito() -> Tool:
    """Return dicognito as its command line runs it, with a seed so that runs can be repeated."""
    pydicom = importlib.import_module("pydicom")
    anonymizer = importlib.import_module("dicognito.anonymizer").Anonymizer(seed="readingroom")

    def run(source: Path, target: Path) -> None:
        with pydicom.dcmread(source, force=False) as ds:
            anonymizer.anonymize(ds)
            ds.save_as(target)

    return run


def dicom_anonymizer() -> Tool:
    """Return dicom-anonymizer as its command line runs it."""
    module = importlib.import_module("dicomanonymizer.simpledicomanonymizer")

    def run(source: Path, target: Path) -> None:
        module.anonymize_dicom_file(str(source), str(target))

    return run


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]))
