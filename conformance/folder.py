"""Checks of files of one's own (`--store FOLDER`).

Standard: PS3.18 10.4 to 10.6, Annex F; nothing here knows what the files hold.
Invariants: without a folder no check here applies.
"""

from pathlib import Path

from pydicom.dataset import FileDataset
from pydicom.errors import InvalidDicomError

from conformance.encoding import decode
from conformance.errors import Fault, NotApplicable
from conformance.model import RULES
from conformance.multipart import parts
from conformance.search import results
from conformance.server import DICOM_JSON, Instance, Server, items_of, place_of
from conformance.suite import check

__all__ = ["choose"]

_chosen: list[Path] = []
_kept: list[tuple[str, Instance]] = []
_refused: list[str] = []
_OCTETS = 'multipart/related; type="application/octet-stream"'


def choose(folder: Path) -> None:
    """Name the folder whose files are stored."""
    _chosen.append(folder)


def _files(server: Server) -> list[tuple[str, Instance]]:
    if not _chosen:
        raise NotApplicable("no folder was given (--store)")
    if not _kept and not _refused:
        for path in sorted(p for p in _chosen[0].rglob("*") if p.is_file()):
            _send(server, path)
    if not _kept:
        raise NotApplicable("none of the folder's files was stored")
    return _kept


def _send(server: Server, path: Path) -> None:
    name, data = path.relative_to(_chosen[0]).as_posix(), path.read_bytes()
    try:
        ds: FileDataset = decode(data)
    except (InvalidDicomError, OSError):
        return
    answer = server.store(data)
    items = items_of(answer) if answer.status_code in (200, 202) else []
    if len(items) == 1:
        _kept.append((name, Instance(server, ds, *place_of(items[0]))))
    else:
        _refused.append(f"{name} (status {answer.status_code})")


def _none(faults: list[str]) -> None:
    if faults:
        rest = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise Fault("; ".join(faults[:3]) + rest)


@check("10.5.3.1", "conditional")
def stored(server: Server) -> None:
    """Every DICOM file of the folder is stored"""
    _files(server)
    _none(_refused)


@check("10.4.1.1.2", "conditional")
def metadata(server: Server) -> None:
    """The metadata of every file follow each rule of the DICOM JSON model"""
    faults = []
    for name, instance in _files(server):
        broken = [rule for rule, holds in RULES.items() for _ in holds(instance.metadata)]
        faults += [f"{name}: {', '.join(sorted(set(broken)))}"] if broken else []
    _none(faults)


@check("10.4.1.1.1", "conditional")
def instances(server: Server) -> None:
    """Every file is retrieved in the syntax that it is stored in"""
    accept = 'multipart/related; type="application/dicom"; transfer-syntax=*'
    faults = []
    for name, instance in _files(server):
        try:
            [part] = parts(server.get(instance.path, accept))
            if decode(part.data).SOPInstanceUID != instance.uid:
                faults.append(f"{name}: another SOP Instance UID")
        except (Fault, ValueError, InvalidDicomError) as error:
            faults.append(f"{name}: {error}")
    _none(faults)


@check("10.6.1.1", "conditional")
def searches(server: Server) -> None:
    """Every file is found by its UIDs"""
    faults = []
    for name, instance in _files(server):
        found = results(server, f"{instance.series_path}/instances?SOPInstanceUID={instance.uid}")
        if len(found) != 1:
            faults.append(f"{name}: {len(found)} results")
    _none(faults)


@check("10.4.1.1.6", "conditional")
def frames(server: Server) -> None:
    """The last frame of every image is retrieved as it is stored, and none after it"""
    faults = []
    for name, instance in _files(server):
        if "7FE00010" not in instance.metadata:
            continue
        count = int(instance.value("00280008") or 1)
        accept = f"{_OCTETS}; transfer-syntax=*, */*"
        last = server.get(f"{instance.path}/frames/{count}", accept).status_code
        after = server.get(f"{instance.path}/frames/{count + 1}", accept).status_code
        if (last, after) not in ((200, 404), (200, 400)):
            faults.append(f"{name}: status {last}, and {after} after it")
    _none(faults)


@check("10.4.1.1.5", "conditional")
def bulkdata(server: Server) -> None:
    """Every BulkDataURI of the metadata leads somewhere"""
    faults = []
    for name, instance in _files(server):
        for tag, attribute in instance.metadata.items():
            uri = attribute.get("BulkDataURI")
            if uri is None:
                continue
            status = server.get(server.resolve(uri, instance), f"{_OCTETS}, */*").status_code
            faults += [f"{name}: {tag}: status {status}"] if status != 200 else []
    _none(faults)


@check("10.4.1.1.3", "conditional")
def rendered(server: Server) -> None:
    """Every image is rendered, or refused with 406"""
    faults = []
    for name, instance in _files(server):
        if "7FE00010" in instance.metadata:
            status = server.get(f"{instance.path}/rendered", "image/jpeg").status_code
            faults += [f"{name}: status {status}"] if status not in (200, 406) else []
    _none(faults)


@check("10.4.1.1.2", "interoperability")
def series(server: Server) -> None:
    """OHIF: the metadata of every series are retrieved as a whole"""
    faults = []
    for path in dict.fromkeys(instance.series_path for _, instance in _files(server)):
        answer = server.get(f"{path}/metadata", DICOM_JSON)
        if answer.status_code != 200 or not answer.json():
            faults.append(f"status {answer.status_code}")
    _none(faults)
