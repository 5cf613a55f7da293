"""Checks of Retrieve: metadata.

Standard: PS3.18 10.4.1.1.2, 10.4.3.3.2, 10.4.4, Annex F, PS3.19 A.1.
Not here: the rules of the JSON model (`conformance.json_model`).
"""

from conformance.errors import Fault
from conformance.model import walk
from conformance.multipart import parts
from conformance.reading import JSON, XML, content_type, expect_status, octets
from conformance.sample import SLICES
from conformance.server import Server
from conformance.suite import check
from conformance.xml_model import read

LEVELS = [("study", "study_path", SLICES + 1), ("series", "series_path", SLICES),
          ("instance", "path", 1)]  # fmt: skip
PIXELS = "7FE00010"


@check("10.4.1.1.2", rows=LEVELS)
def in_json(server: Server, name: str, place: str, count: int) -> None:
    """Metadata of the {0} come in JSON, one object for each instance"""
    found = server.json(f"{getattr(server.main, place)}/metadata")
    if len(found) != count:
        raise Fault(f"{len(found)} objects, not {count}")


@check("10.4.1.1.2", rows=LEVELS)
def in_xml(server: Server, name: str, place: str, count: int) -> None:
    """Metadata of the {0} come in XML, one part for each instance"""
    found = parts(server.get(f"{getattr(server.main, place)}/metadata", XML))
    if len(found) != count:
        raise Fault(f"{len(found)} parts, not {count}")
    if any(part.media_type != "application/dicom+xml" for part in found):
        raise Fault("a part has another type")


@check("10.4.4", rows=LEVELS)
def json_type(server: Server, name: str, place: str, count: int) -> None:
    """Metadata of the {0} have exactly the Content-Type application/dicom+json"""
    answer = server.get(f"{getattr(server.main, place)}/metadata", JSON)
    if answer.headers.get("Content-Type") != JSON:
        raise Fault(answer.headers.get("Content-Type", "there is none"))


DEFAULTS = [
    ("anything", "*/*"),
    ("json-wildcard", "application/*"),
    ("list", "text/html, application/dicom+json;q=0.9, */*;q=0.1"),
    ("xml-refused", f"{XML};q=0, application/dicom+json"),
    ("parameter", "application/dicom+json; transfer-syntax=*"),
]


@check("8.7.5", rows=DEFAULTS)
def accepted(server: Server, name: str, accept: str) -> None:
    """Metadata come in JSON for Accept: {1}"""
    answer = server.get(f"{server.main.path}/metadata", accept)
    expect_status(answer, 200)
    if content_type(answer) != JSON:
        raise Fault(content_type(answer))


@check("8.7.5", "interoperability")
def plain_json(server: Server) -> None:
    """dicomweb-client (Python): application/json is taken for application/dicom+json"""
    answer = server.get(f"{server.main.path}/metadata", "application/json")
    expect_status(answer, 200)
    answer.json()


@check("8.7.5", "interoperability")
def no_accept(server: Server) -> None:
    """Any client: metadata without an Accept header come in JSON"""
    answer = server.get(f"{server.main.path}/metadata", None)
    expect_status(answer, 200)
    if content_type(answer) != JSON:
        raise Fault(content_type(answer))


@check("8.7.7")
def quality(server: Server) -> None:
    """Of JSON and XML the one with the higher q is chosen"""
    answer = server.get(f"{server.main.path}/metadata", f"{JSON};q=0.5, {XML}")
    expect_status(answer, 200)
    parts(answer)


@check("8.3.3.1", rows=[("json", "application/dicom%2Bjson", JSON),
                        ("xml", "multipart/related;type=%22application/dicom%2Bxml%22",
                         "multipart/related")])  # fmt: skip
def accept_parameter(server: Server, name: str, value: str, wanted: str) -> None:
    """The query parameter accept chooses the type: {0}"""
    answer = server.get(f"{server.main.path}/metadata?accept={value}", "*/*")
    expect_status(answer, 200)
    if content_type(answer) != wanted:
        raise Fault(content_type(answer))


@check("8.7.8.1", rows=[("html", "text/html"), ("image", "image/png")])
def not_acceptable(server: Server, name: str, accept: str) -> None:
    """Metadata are refused with 406 when no type fits: {1}"""
    expect_status(server.get(f"{server.main.path}/metadata", accept), 406)


@check("10.4.3.1", rows=[("study", "/studies/1.2.3.4.5/metadata"),
                         ("series", "/studies/1.2.3.4.5/series/1.2.3/metadata"),
                         ("instance", "/studies/1.2.3.4/series/1.2.3/instances/1.2/metadata"),
                         ])  # fmt: skip
def not_found(server: Server, name: str, path: str) -> None:
    """Metadata of the {0} that is not there are answered with 404"""
    expect_status(server.get(path, JSON), 404)


@check("10.4.3.3.2")
def no_pixels(server: Server) -> None:
    """Pixel data are not inside of the metadata, but named by a BulkDataURI"""
    attribute = server.main.metadata.get(PIXELS, {})
    if "InlineBinary" in attribute or "BulkDataURI" not in attribute:
        raise Fault(", ".join(attribute) or "there are none")


@check("10.4.3.3.2")
def complete(server: Server) -> None:
    """Metadata have what a viewer needs to show the image"""
    wanted = ("00080016", "00080018", "0020000D", "0020000E", "00280002", "00280004", "00280010",
              "00280011", "00280100", "00280101", "00280102", "00280103", "00280030", "00200032",
              "00200037", "00281052", "00281053", "00281050", "00281051")  # fmt: skip
    missing = [tag for tag in wanted if not server.main.metadata.get(tag, {}).get("Value")]
    if missing:
        raise Fault(f"not {', '.join(missing)}")


@check("10.4.3.3.2")
def positions(server: Server) -> None:
    """Decimal strings are the values that were sent"""
    kept = [float(value) for value in server.main.metadata["00200032"]["Value"]]
    if kept != [float(value) for value in server.main.sent.ImagePositionPatient]:
        raise Fault(str(kept))


@check("10.4.1.1.2")
def uids(server: Server) -> None:
    """Metadata of a series name each of its instances once"""
    found = server.json(f"{server.main.series_path}/metadata")
    wanted = {i.uid for i in server.stored("main").instances if i.series == server.main.series}
    if {each["00080018"]["Value"][0] for each in found} != wanted:
        raise Fault("others")


@check("10.4.3.3.2")
def same_in_xml(server: Server) -> None:
    """Metadata in XML have the attributes of those in JSON"""
    [part] = parts(server.get(f"{server.main.path}/metadata", XML))
    as_xml, as_json = read(part.data), server.main.metadata
    if sorted(as_xml) != sorted(as_json):
        raise Fault(", ".join(sorted(set(as_xml) ^ set(as_json))[:4]))


@check("10.4.3.3.2")
def same_values_in_xml(server: Server) -> None:
    """Metadata in XML have the values of those in JSON"""
    [part] = parts(server.get(f"{server.main.path}/metadata", XML))
    as_xml = read(part.data)
    for tag, attribute in server.main.metadata.items():
        if attribute["vr"] in ("PN", "SQ"):
            continue
        wanted = [str(_number(value)) for value in attribute.get("Value", [])]
        if [str(_number(value)) for value in as_xml[tag].get("Value", [])] != wanted:
            raise Fault(f"{tag} is another")


@check("10.4.3.3.2", "conditional")
def sequences_in_xml(server: Server) -> None:
    """Sequences have in XML the items that they have in JSON"""
    first = server.stored("report").first
    [part] = parts(server.get(f"{first.path}/metadata", XML))
    as_xml = [tag for tag, _ in walk(read(part.data))]
    if sorted(as_xml) != sorted(tag for tag, _ in walk(first.metadata)):
        raise Fault("they do not")


def _number(value: object) -> object:
    try:
        return float(str(value))
    except ValueError:
        return value


@check("8.6.1", "conditional")
def xml_locations(server: Server) -> None:
    """Each part of metadata in XML has a Content-Location"""
    for part in parts(server.get(f"{server.main.study_path}/metadata", XML)):
        if not part.headers.get("content-location"):
            raise Fault("there is none")


@check(
    "10.4.3.3.2", rows=[("study", "study_path"), ("series", "series_path"), ("instance", "path")]
)
def bulk_uris(server: Server, name: str, place: str) -> None:
    """BulkDataURIs of the metadata of the {0} lead to the value, from wherever they are read"""
    base = getattr(server.main, place)
    found = server.json(f"{base}/metadata")
    [own] = [each for each in found if each["00080018"]["Value"] == [server.main.uid]]
    uri = own[PIXELS]["BulkDataURI"]
    if uri.startswith("/"):
        uri = server.resolve(uri, server.main)
    elif "://" not in uri:
        uri = f"{server.root}{base}/{uri}"
    answer = server.get(uri, 'multipart/related; type="application/octet-stream"')
    if b"".join(part.data for part in parts(answer)) != octets(server, server.main.path):
        raise Fault("other bytes")


KINDS = ("report", "presentation-state", "key-object", "document", "waveform", "segmentation",
         "multi-frame", "colour", "implicit", "big-endian", "deflated", "rle")  # fmt: skip


@check("10.4.1.1.2", "conditional", rows=[(kind,) for kind in KINDS])
def kinds(server: Server, sample: str) -> None:
    """Metadata are there for instances of other kinds: {0}"""
    first = server.stored(sample).first
    if first.metadata["00080016"]["Value"] != [first.sent.SOPClassUID]:
        raise Fault("of another SOP class")
