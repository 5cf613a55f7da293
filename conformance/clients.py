"""Checks of clients: what each of them sends, as it sends it, and what it can read.

Standard: none; the clients' own sources: OHIF 3 (DicomWebDataSource), Cornerstone3D
(dicom-image-loader), dicomweb-client for Python and for JavaScript, Slim.
"""

from typing import Final

from conformance.errors import Fault, NotApplicable
from conformance.multipart import is_multipart, parts, written
from conformance.reading import DICOM, OCTETS, content_type, expect_status, only_part
from conformance.sample import grey16
from conformance.search import count, results
from conformance.server import DICOM_JSON, Server, items_of
from conformance.storing import expect_stored, file
from conformance.suite import Obligation, check

OHIF: Final[Obligation] = "interoperability"


@check("OHIF study list", OHIF)
def study_list(server: Server) -> None:
    """OHIF: the study list is answered with what it shows"""
    server.stored("main")
    path = ("/studies?limit=101&offset=0&fuzzymatching=false"
            "&includefield=00081030%2C00080060%2C00080090%2C00100030")  # fmt: skip
    found = results(server, path)
    if not found:
        raise Fault("no studies")
    wanted = ("0020000D", "00080061", "00201208", "00100010", "00080020")
    missing = {tag for each in found for tag in wanted if tag not in each}
    if missing - {"00080061"}:
        raise Fault(f"no {', '.join(sorted(missing))}")


FILTERS = [
    ("name", "PatientName=*{}*", "00100010"),
    ("id", "00100020=*{}*", "00100020"),
    ("accession", "AccessionNumber=*{}*", "00080050"),
    ("description", "StudyDescription=*{}*", "00081030"),
    ("date", "StudyDate={0}-{0}", "00080020"),
]


@check("OHIF study list", OHIF, rows=FILTERS)
def filters(server: Server, name: str, form: str, tag: str) -> None:
    """OHIF: the study list is filtered by {0}"""
    value = str(server.main.value(tag) or "").rstrip("^")
    if not value:
        raise NotApplicable("the server keeps no such value of what was stored")
    query = form.format(value.replace("^", "%5E").replace(" ", "%20"))
    rest = f"&limit=101&fuzzymatching=true&StudyInstanceUID={server.main.study}"
    if not count(server, f"/studies?{query}{rest}"):
        raise Fault("the study is not found")


@check("OHIF study list", OHIF)
def modality_filter(server: Server) -> None:
    """OHIF: the study list is filtered by ModalitiesInStudy"""
    base = f"/studies?limit=101&StudyInstanceUID={server.main.study}&ModalitiesInStudy="
    if not count(server, f"{base}MR") or count(server, f"{base}US"):
        raise Fault("not as it should be")


@check("OHIF", OHIF)
def several_studies(server: Server) -> None:
    """OHIF: several studies are asked for with two backslashes between their UIDs"""
    other = server.stored("multi-frame").first.study
    found = count(server, f"/studies?limit=101&StudyInstanceUID={server.main.study}%5C%5C{other}")
    if found != 2:
        raise Fault(f"{found} studies")


@check("OHIF", OHIF, rows=[("row", "?includefield=0008103E%2C00080021"), ("viewer", ""),
                           ("one", "?SeriesInstanceUID={}")])  # fmt: skip
def series_list(server: Server, name: str, query: str) -> None:
    """OHIF: the series of a study come with what the viewer needs: {0}"""
    path = f"{server.main.study_path}/series{query.format(server.main.series)}"
    found = results(server, path)
    wanted = ("00080060", "00200011", "00201209", "0020000E")
    if not found or any(not each.get(tag, {}).get("Value") for each in found for tag in wanted):
        raise Fault("something is missing")


METADATA = [
    ("plain", DICOM_JSON),
    ("appended", "application/dicom+json, multipart/related; "
                 "type=application/octet-stream; transfer-syntax=*"),
    ("default", 'multipart/related; type="application/octet-stream"; transfer-syntax="*", '
                "application/dicom+json"),
]  # fmt: skip


@check("OHIF/Viewers#3990", OHIF, rows=METADATA)
def metadata(server: Server, name: str, accept: str) -> None:
    """OHIF: series metadata come in JSON for its Accept header: {0}"""
    answer = server.get(f"{server.main.series_path}/metadata", accept)
    expect_status(answer, 200)
    if content_type(answer) != DICOM_JSON:
        raise Fault(content_type(answer))


@check("OHIF/Viewers#2138", OHIF)
def numbers(server: Server) -> None:
    """OHIF: decimal and integer strings come as JSON numbers"""
    for tag in ("00281050", "00281051", "00200032", "00280030", "00200013"):
        for value in server.main.metadata.get(tag, {}).get("Value", ["none"]):
            if not isinstance(value, int | float):
                raise Fault(f"{tag} is {value!r}")


FRAMES = [
    ("cornerstone", "multipart/related; type=application/octet-stream; transfer-syntax=*"),
    ("ohif", 'multipart/related; type="application/octet-stream"; transfer-syntax="*"'),
    ("ohif-two-syntaxes", 'multipart/related; type="application/octet-stream"; '
                          'transfer-syntax="1.2.840.10008.1.2.1"; transfer-syntax="*"'),
    ("dicomweb-client-python", 'multipart/related; type="*/*"'),
    ("dicomweb-client-js", 'multipart/related; type="application/octet-stream"'),
    ("slim", 'multipart/related; type="image/jls"; transfer-syntax=1.2.840.10008.1.2.4.80, '
             'multipart/related; type="image/jp2"; transfer-syntax=1.2.840.10008.1.2.4.90, '
             'multipart/related; type="application/octet-stream"; transfer-syntax=*'),
    ("slim-jhc", 'multipart/related; type="image/jhc"; transfer-syntax=1.2.840.10008.1.2.4.202, '
                 'multipart/related; type="application/octet-stream"; '
                 "transfer-syntax=1.2.840.10008.1.2.1"),
    ("configured", "multipart/related; type=application/octet-stream; q=1"),
    ("static-wado", "multipart/related"),
    ("browser", "*/*"),
]  # fmt: skip


@check("clients' sources", OHIF, rows=FRAMES)
def frames(server: Server, name: str, accept: str) -> None:
    """A frame comes for the Accept header of {0}"""
    part = only_part(server.get(f"{server.main.path}/frames/1", accept))
    syntax = part.transfer_syntax
    if syntax in ("", "1.2.840.10008.1.2.1") and part.data != grey16(1):
        raise Fault("other bytes")
    if part.media_type == "application/octet-stream" and not syntax:
        raise Fault("without a transfer-syntax")


JLS = ('multipart/related; type="image/jls"; transfer-syntax="1.2.840.10008.1.2.4.80"; '
       'transfer-syntax="*"')  # fmt: skip


@check("OHIF requestTransferSyntaxUID", OHIF)
def requested_syntax(server: Server) -> None:
    """OHIF: of two transfer-syntax parameters the first is taken"""
    first = server.stored("jpeg-ls").first
    part = only_part(server.get(f"{first.path}/frames/1", JLS))
    if (part.media_type, part.transfer_syntax) != ("image/jls", "1.2.840.10008.1.2.4.80"):
        raise Fault(part.headers.get("content-type", ""))


ALIASES = [("image/dicom+jpeg", "jpeg-baseline", "1.2.840.10008.1.2.4.50"),
           ("image/x-jls", "jpeg-ls", "1.2.840.10008.1.2.4.80"),
           ("image/x-dicom-rle", "rle", "1.2.840.10008.1.2.5")]  # fmt: skip


@check("8.7.3.5 of older editions", OHIF, rows=ALIASES)
def old_names(server: Server, media_type: str, sample: str, syntax: str) -> None:
    """Older clients: {0} is understood for {1}"""
    accept = f'multipart/related; type="{media_type}"; transfer-syntax={syntax}'
    only_part(server.get(f"{server.stored(sample).first.path}/frames/1", accept))


@check("OHIF fixBulkDataURI", OHIF)
def bulk_uri(server: Server) -> None:
    """OHIF: a BulkDataURI is absolute, or absolute on its origin"""
    uri = server.main.metadata["7FE00010"].get("BulkDataURI", "")
    if not uri.startswith(("http://", "https://", "/")):
        raise Fault(uri or "there is none")


@check("OHIF STOW", OHIF)
def ohif_stores(server: Server) -> None:
    """OHIF: its store request is stored"""
    boundary = "3d3f5a86-4b37-4a3c-9c88-7a4c0dd2ba4e"
    body = written([file()], boundary=boundary, before=b"\r\n", after=b"")
    content_type = f'multipart/related; type="application/dicom"; boundary="{boundary}"'
    answer = server.post(body, content_type, accept=None)
    expect_stored(server, answer)


@check("dicomweb-client (Python) STOW", OHIF)
def python_stores(server: Server) -> None:
    """dicomweb-client (Python): the answer to a store has exactly a JSON type"""
    answer = server.post(written([file()]), accept="*/*")
    expect_status(answer, 200, 202)
    if answer.headers.get("Content-Type") not in (DICOM_JSON, "application/json"):
        raise Fault(answer.headers.get("Content-Type", "no Content-Type"))
    items_of(answer)


PYTHON = [("search", "/studies?limit=2", "application/dicom+json, application/json"),
          ("metadata", "{}/metadata", "application/dicom+json, application/json")]  # fmt: skip


@check("dicomweb-client (Python)", OHIF, rows=PYTHON)
def python_reads(server: Server, name: str, form: str, accept: str) -> None:
    """dicomweb-client (Python): its Accept header is understood: {0}"""
    answer = server.get(form.format(server.main.path), accept)
    expect_status(answer, 200)
    if answer.headers.get("Content-Type") not in (DICOM_JSON, "application/json"):
        raise Fault(answer.headers.get("Content-Type", "no Content-Type"))
    answer.json()


@check("dicomweb-client (Python)", OHIF)
def python_remaining(server: Server) -> None:
    """dicomweb-client (Python): paging until an empty answer ends"""
    base, seen = f"{server.main.study_path}/instances", 0
    for _ in range(10):
        found = count(server, f"{base}?limit=2&offset={seen}")
        if not found:
            break
        seen += found
    else:
        raise Fault("it does not")
    if seen < 4:
        raise Fault(f"{seen} instances")


@check("dicomweb-client (JavaScript)", OHIF)
def javascript_instance(server: Server) -> None:
    """dicomweb-client (JavaScript): an instance comes in parts that it can tell"""
    answer = server.get(server.main.path, DICOM)
    if not is_multipart(answer) or "boundary=" not in answer.headers["Content-Type"]:
        raise Fault(answer.headers.get("Content-Type", "no Content-Type"))
    parts(answer)


@check("OHIF thumbnails", OHIF)
def thumbnail_fallback(server: Server) -> None:
    """OHIF: one instance of a series is asked for, to make a thumbnail of"""
    path = f"{server.main.series_path}/instances?limit=1&includefield=00080018"
    [found] = results(server, path)
    if not found["00080018"]["Value"]:
        raise Fault("without a SOP Instance UID")


@check("OHIF thumbnails", OHIF)
def thumbnail_direct(server: Server) -> None:
    """OHIF: an <img> asks for a thumbnail with the query parameter accept"""
    path = f"{server.main.series_path}/thumbnail?accept=image/jpeg"
    answer = server.get(path, "image/avif,image/webp,*/*;q=0.8")
    expect_status(answer, 200)
    if content_type(answer) != "image/jpeg":
        raise Fault(content_type(answer))


@check("OHIF PDF", OHIF)
def pdf(server: Server) -> None:
    """OHIF: an <object> asks for a PDF with the query parameter accept"""
    first = server.stored("document").first
    answer = server.get(f"{first.path}/rendered?accept=application/pdf", "text/html,*/*;q=0.8")
    expect_status(answer, 200)
    if not answer.content.startswith(b"%PDF"):
        raise Fault("no PDF")


@check("OHIF/Viewers#6228", OHIF)
def pdf_is_not_sniffed(server: Server) -> None:
    """OHIF: what a document holds cannot run as a page of the server"""
    first = server.stored("document").first
    answer = server.get(f"{first.path}/rendered?accept=application/pdf", "*/*")
    expect_status(answer, 200)
    if answer.headers.get("X-Content-Type-Options", "").lower() != "nosniff":
        raise Fault("no X-Content-Type-Options: nosniff")


@check("cornerstoneWADOImageLoader#356", OHIF)
def instance_as_octets(server: Server) -> None:
    """cornerstone: an instance is had as application/octet-stream"""
    parts(server.get(server.main.path, OCTETS))


@check("dcm4chee-arc#4958", OHIF)
def bulk_of_compressed(server: Server) -> None:
    """Any client: metadata of a compressed image name its pixel data"""
    if "BulkDataURI" not in server.stored("rle").first.metadata.get("7FE00010", {}):
        raise Fault("they do not")


@check("OHIF/Viewers#4271", OHIF)
def segmentation_refers(server: Server) -> None:
    """OHIF: metadata of a presentation state name the series that it refers to"""
    metadata = server.stored("presentation-state").first.metadata
    if not metadata.get("00081115", {}).get("Value"):
        raise Fault("they do not")
