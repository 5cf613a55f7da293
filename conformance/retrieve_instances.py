"""Checks of Retrieve: studies, series and instances as DICOM files.

Standard: PS3.18 10.4.1.1.1, 10.4.3, 10.4.4, 8.7.3.4 (transfer syntax), 8.6.1.2 (multipart).
"""

from conformance.encoding import decode
from conformance.errors import Fault, NotApplicable
from conformance.multipart import media_type, parameters, parts
from conformance.reading import DICOM, EXPLICIT, OCTETS, content_type, expect_status, only_part
from conformance.sample import SLICES, grey16
from conformance.server import Server
from conformance.suite import check

LEVELS = [("study", "study_path", SLICES + 1), ("series", "series_path", SLICES),
          ("instance", "path", 1)]  # fmt: skip


@check("10.4.1.1.1", rows=LEVELS)
def level(server: Server, name: str, place: str, count: int) -> None:
    """The {0} is retrieved as multipart application/dicom, one part for each instance"""
    found = parts(server.get(getattr(server.main, place), DICOM))
    if len(found) != count:
        raise Fault(f"{len(found)} parts, not {count}")


@check("10.4.1.1.1", rows=LEVELS)
def files(server: Server, name: str, place: str, count: int) -> None:
    """Parts of the {0} are the DICOM files of its instances, each once"""
    found = parts(server.get(getattr(server.main, place), DICOM))
    wanted = [i.uid for i in server.stored("main").instances
              if getattr(i, place) == getattr(server.main, place)]  # fmt: skip
    if sorted(decode(part.data).SOPInstanceUID for part in found) != sorted(wanted):
        raise Fault("other instances")


@check("8.6.1", rows=LEVELS)
def part_types(server: Server, name: str, place: str, count: int) -> None:
    """Each part of the {0} has the Content-Type application/dicom"""
    for part in parts(server.get(getattr(server.main, place), DICOM)):
        if part.media_type != "application/dicom":
            raise Fault(part.media_type or "no Content-Type")


@check("8.6.1", rows=LEVELS)
def locations(server: Server, name: str, place: str, count: int) -> None:
    """Each part of the {0} has a Content-Location"""
    for part in parts(server.get(getattr(server.main, place), DICOM)):
        if not part.headers.get("content-location"):
            raise Fault("there is none")


@check("8.7.3.4")
def default_syntax(server: Server) -> None:
    """Without a transfer-syntax, instances come in Explicit VR Little Endian"""
    for part in parts(server.get(server.main.study_path, DICOM)):
        if decode(part.data).file_meta.TransferSyntaxUID != EXPLICIT:
            raise Fault("in another")


@check("8.7.1")
def quoted_type(server: Server) -> None:
    """The Content-Type of the answer names the type of its parts, quoted, and the boundary"""
    header = server.get(server.main.path, DICOM).headers.get("Content-Type", "")
    if parameters(header).get("type") != "application/dicom" or 'type="' not in header:
        raise Fault(header)


UNCOMPRESSED = [("implicit",), ("big-endian",), ("deflated",)]


@check("8.7.3.4", "conditional", rows=UNCOMPRESSED)
def converted(server: Server, sample: str) -> None:
    """What was stored as {0} comes in Explicit VR Little Endian, with its pixels"""
    first = server.stored(sample).first
    ds = decode(only_part(server.get(first.path, DICOM)).data)
    if ds.file_meta.TransferSyntaxUID != EXPLICIT:
        raise Fault(str(ds.file_meta.TransferSyntaxUID))
    if ds.PixelData != grey16(1):
        raise Fault("other pixels")


@check("8.7.3.4", "conditional", rows=[("implicit", "1.2.840.10008.1.2"),
                                       ("big-endian", "1.2.840.10008.1.2.2")])  # fmt: skip
def never_as_stored(server: Server, sample: str, syntax: str) -> None:
    """What was stored as {0} is not returned so, even for transfer-syntax=*"""
    first = server.stored(sample).first
    part = only_part(server.get(first.path, f"{DICOM}; transfer-syntax=*"))
    if decode(part.data).file_meta.TransferSyntaxUID == syntax:
        raise Fault("it is")


@check("8.7.3.4", rows=[("implicit", "1.2.840.10008.1.2"), ("big-endian", "1.2.840.10008.1.2.2"),
                        ("mpeg", "1.2.840.10008.1.2.4.100"), ("unknown", "1.2.3.4.5")])  # fmt: skip
def refused_syntax(server: Server, name: str, syntax: str) -> None:
    """A transfer syntax that cannot be given is refused with 406: {0}"""
    answer = server.get(server.main.path, f"{DICOM}; transfer-syntax={syntax}")
    expect_status(answer, 406)


SPELLINGS = [
    ("unquoted", "multipart/related; type=application/dicom"),
    ("quoted-star", 'multipart/related; type="application/dicom"; transfer-syntax="*"'),
    ("star", "multipart/related; type=application/dicom; transfer-syntax=*"),
    ("explicit", f'multipart/related; type="application/dicom"; transfer-syntax={EXPLICIT}'),
    ("quoted", f'multipart/related; type="application/dicom"; transfer-syntax="{EXPLICIT}"'),
    ("syntax-first", f'multipart/related; transfer-syntax={EXPLICIT}; type="application/dicom"'),
    ("upper-case", 'Multipart/Related; Type="Application/Dicom"'),
    ("no-spaces", 'multipart/related;type="application/dicom";transfer-syntax=*'),
    ("boundary", 'multipart/related; type="application/dicom"; boundary=x'),
    ("anything", "*/*"),
    ("any-parts", 'multipart/related; type="*/*"'),
    ("multipart-only", "multipart/related"),
    ("any-multipart", "multipart/*"),
    ("list", f'image/heic, {OCTETS};q=0.1, multipart/related; type="application/dicom";q=0.9'),
    ("odd-members", f"this is nothing, {DICOM}, ;;, ="),
]


@check("8.7.5", rows=SPELLINGS)
def accepted(server: Server, name: str, accept: str) -> None:
    """The Accept header is understood as it is meant: {1}"""
    part = only_part(server.get(server.main.path, accept))
    if decode(part.data).SOPInstanceUID != server.main.uid:
        raise Fault("another instance")


@check("8.7.5", "interoperability")
def no_accept(server: Server) -> None:
    """Any client: a request without an Accept header is answered in the default type"""
    decode(only_part(server.get(server.main.path, None)).data)


@check("8.7.8.1", rows=[("html", "text/html"), ("refused", f"{DICOM};q=0, text/html"),
                        ("unknown", "application/x-unknown"),
                        ("unknown-parts", 'multipart/related; type="text/plain"')])  # fmt: skip
def not_acceptable(server: Server, name: str, accept: str) -> None:
    """A study is refused with 406 when no type fits: {0}"""
    expect_status(server.get(server.main.study_path, accept), 406)


@check("8.7.7")
def quality(server: Server) -> None:
    """Of two types the one with the higher q is chosen"""
    accept = f"{DICOM};q=0.2, {OCTETS};q=0.8"
    found = parts(server.get(server.main.path, accept))
    if any(part.media_type != "application/octet-stream" for part in found):
        raise Fault("the other is")


@check("10.4.4", "optional")
def single_part(server: Server) -> None:
    """An instance is retrieved as a single application/dicom"""
    answer = server.get(server.main.path, "application/dicom")
    expect_status(answer, 200)
    if content_type(answer) != "application/dicom":
        raise Fault(content_type(answer))
    if decode(answer.content).SOPInstanceUID != server.main.uid:
        raise Fault("another instance")


@check("10.4.4", rows=[("study", "study_path"), ("series", "series_path")])
def single_part_of_many(server: Server, name: str, place: str) -> None:
    """The {0} cannot be a single application/dicom, and is refused with 406"""
    expect_status(server.get(getattr(server.main, place), "application/dicom"), 406)


@check("10.4.4", rows=LEVELS)
def octet_streams(server: Server, name: str, place: str, count: int) -> None:
    """The {0} as multipart application/octet-stream is its bulk data"""
    found = parts(server.get(getattr(server.main, place), OCTETS))
    pixels = [i.sent.PixelData for i in server.stored("main").instances
              if getattr(i, place) == getattr(server.main, place)]  # fmt: skip
    if any(part.media_type != "application/octet-stream" for part in found):
        raise Fault("a part has another type")
    if sorted(part.data for part in found) != sorted(pixels):
        raise Fault("other bytes")


@check("8.3.3.1")
def accept_parameter(server: Server) -> None:
    """The query parameter accept chooses the type"""
    value = "multipart/related;type=%22application/octet-stream%22"
    found = parts(server.get(f"{server.main.path}?accept={value}", "*/*"))
    if found[0].media_type != "application/octet-stream":
        raise Fault(media_type(found[0].headers.get("content-type", "")))


@check("10.4.3.1", rows=[("study", "/studies/1.2.3.4.5"),
                         ("series", "/studies/1.2.3.4.5/series/1.2.3.4.6"),
                         ("instance", "/studies/1.2.3.4.5/series/1.2.3.4.6/instances/1.2.3.4.7"),
                         ])  # fmt: skip
def not_found(server: Server, name: str, path: str) -> None:
    """The {0} that is not there is answered with 404"""
    expect_status(server.get(path, DICOM), 404)


@check("10.4.3.1")
def wrong_place(server: Server) -> None:
    """An instance is not found in a series or study that it is not of"""
    first, other = server.main, server.stored("multi-frame").first
    expect_status(server.get(f"{first.series_path}/instances/{other.uid}", DICOM), 404)
    path = f"/studies/{other.study}/series/{first.series}/instances/{first.uid}"
    expect_status(server.get(path, DICOM), 404)


@check("10.4.3.1", rows=[("letters", "not-a-uid"), ("dots", "1..2"), ("long", "1." * 40 + "1"),
                         ("encoded", "1.2%2F3"), ("space", "1.2%20")])  # fmt: skip
def malformed_uid(server: Server, name: str, uid: str) -> None:
    """A UID that is none is answered with 404 or 400: {0}"""
    expect_status(server.get(f"/studies/{uid}", DICOM), 400, 404)


KINDS = ("report", "presentation-state", "key-object", "document", "waveform", "segmentation",
         "multi-frame", "colour", "every-vr")  # fmt: skip


@check("10.4.1.1.1", "conditional", rows=[(kind,) for kind in KINDS])
def kinds(server: Server, sample: str) -> None:
    """An instance of another kind is retrieved as well: {0}"""
    first = server.stored(sample).first
    ds = decode(only_part(server.get(first.path, DICOM)).data)
    if (ds.SOPInstanceUID, ds.SOPClassUID) != (first.uid, first.sent.SOPClassUID):
        raise Fault("another instance")


@check("10.4.3.3.1")
def same_as_metadata(server: Server) -> None:
    """The file has the UIDs and values that the metadata name"""
    first = server.main
    ds = decode(only_part(server.get(first.path, DICOM)).data)
    for tag, keyword in (("0020000D", "StudyInstanceUID"), ("0020000E", "SeriesInstanceUID"),
                         ("00100010", "PatientName"), ("00080020", "StudyDate")):  # fmt: skip
        if str(first.value(tag) or "") != str(ds.get(keyword, "") or ""):
            raise Fault(f"another {keyword}")


@check("10.4.1.1.1", "conditional")
def names_decoded(server: Server) -> None:
    """The file's character set is the one in which its text is written"""
    first = server.stored("unicode").first
    ds = decode(only_part(server.get(first.path, DICOM)).data)
    kept = first.value("00100010")
    if not kept:
        raise NotApplicable("the server keeps no name of what was stored")
    if str(ds.PatientName).split("=")[0] != kept:
        raise Fault("another name")
