"""Checks of Search: the six resources and what their results hold.

Standard: PS3.18 10.6.1.1 (resources), 10.6.3 (answers; Tables 10.6.3-3 to 10.6.3-5).
Invariants: required attributes are asked for as the tables have them: those that must be there even
when empty, and those that must have a value.
"""

from typing import Final

from conformance.errors import Fault, NotApplicable
from conformance.multipart import media_type, parts
from conformance.sample import SLICES
from conformance.search import results, uids
from conformance.server import DICOM_JSON, Server
from conformance.suite import check
from conformance.xml_model import read

XML: Final = 'multipart/related; type="application/dicom+xml"'
STUDY: Final = {
    "00080020": "Study Date",
    "00080030": "Study Time",
    "00080050": "Accession Number",
    "00080061": "Modalities in Study",
    "00080090": "Referring Physician's Name",
    "00081190": "Retrieve URL",
    "00100010": "Patient's Name",
    "00100020": "Patient ID",
    "00100030": "Patient's Birth Date",
    "00100040": "Patient's Sex",
    "0020000D": "Study Instance UID",
    "00200010": "Study ID",
    "00201206": "Number of Study Related Series",
    "00201208": "Number of Study Related Instances",
}
SERIES: Final = {
    "00080060": "Modality",
    "00081190": "Retrieve URL",
    "0020000E": "Series Instance UID",
    "00200011": "Series Number",
    "00201209": "Number of Series Related Instances",
}
# Conditional: "if known", which they are when the instance's own metadata have them.
SERIES_KNOWN: Final = {
    "0008103E": "Series Description",
    "00400244": "Performed Procedure Step Start Date",
    "00400245": "Performed Procedure Step Start Time",
    "00400275": "Request Attributes Sequence",
}
INSTANCE: Final = {
    "00080016": "SOP Class UID",
    "00080018": "SOP Instance UID",
    "00081190": "Retrieve URL",
    "00200013": "Instance Number",
}
INSTANCE_KNOWN: Final = {
    "00280010": "Rows",
    "00280011": "Columns",
    "00280100": "Bits Allocated",
}
RESOURCES: Final = {
    "/studies": STUDY,
    "/studies/{}/series": SERIES,
    "/series": STUDY | SERIES,
    "/studies/{}/series/{}/instances": INSTANCE,
    "/studies/{}/instances": SERIES | INSTANCE,
    "/instances": STUDY | SERIES | INSTANCE,
}
COUNTS: Final = {
    "/studies": 1,
    "/studies/{}/series": 2,
    "/series": 2,
    "/studies/{}/series/{}/instances": SLICES,
    "/studies/{}/instances": SLICES + 1,
    "/instances": SLICES + 1,
}
WITH_VALUE: Final = {"00081190", "0020000D", "0020000E", "00080018", "00080016", "00080060"}


def path_of(server: Server, resource: str) -> str:
    """Return a resource of the main study, ready for further keys."""
    first = server.main
    path = resource.format(first.study, first.series)
    return f"{path}?StudyInstanceUID={first.study}"


@check("10.6.1.1", rows=[(resource,) for resource in RESOURCES])
def resource(server: Server, resource: str) -> None:
    """{0} finds exactly what was stored"""
    found = results(server, path_of(server, resource))
    if len(found) != COUNTS[resource]:
        raise Fault(f"{len(found)} results, not {COUNTS[resource]}")


@check("10.6.3.3", rows=[
    (f"{resource} {tag}", resource, tag, name)
    for resource, attributes in RESOURCES.items() for tag, name in attributes.items()
])  # fmt: skip
def attribute(server: Server, _: str, resource: str, tag: str, name: str) -> None:
    """Results of {1} have {3}, even when it is empty"""
    found = results(server, path_of(server, resource))
    if not found:
        raise Fault("no results")
    for each in found:
        if tag not in each:
            raise Fault("it is missing")
        if tag in WITH_VALUE and not each[tag].get("Value"):
            raise Fault("it has no value")


@check("10.6.3.3", "conditional", rows=[
    (f"{resource} {tag}", resource, tag, name)
    for resource, attributes in (("/studies/{}/series", SERIES_KNOWN),
                                 ("/studies/{}/series/{}/instances", INSTANCE_KNOWN))
    for tag, name in attributes.items()
])  # fmt: skip
def known_attribute(server: Server, _: str, resource: str, tag: str, name: str) -> None:
    """Results of {1} have {3} with its value, when the instance has one"""
    first = server.main
    kept = first.metadata.get(tag, {}).get("Value")
    if not kept:
        raise NotApplicable(f"the server keeps no {name} of what was stored")
    found = results(server, f"{path_of(server, resource)}&SeriesInstanceUID={first.series}")
    if not found:
        raise Fault("no results")
    if not found[0].get(tag, {}).get("Value"):
        raise Fault("it has no value")
    if tag != "00400275" and str(found[0][tag]["Value"][0]) != str(kept[0]):
        raise Fault("it has another value than the instance")


@check("10.6.3.3.3", "conditional")
def number_of_frames(server: Server) -> None:
    """Results of instances have Number of Frames for a multi-frame image"""
    first = server.stored("multi-frame").first
    found = results(server, f"{first.series_path}/instances")
    if [str(value) for value in found[0].get("00280008", {}).get("Value", [])] != ["5"]:
        raise Fault("it is not 5")


@check("10.6.3.3.1")
def study_values(server: Server) -> None:
    """What a study result says of patient and study is what its instances say"""
    first = server.main
    [found] = results(server, path_of(server, "/studies"))
    for tag in ("00080020", "00080030", "00100010", "00100020", "00100040", "0020000D"):
        if found.get(tag, {}).get("Value") != first.metadata.get(tag, {}).get("Value"):
            raise Fault(f"{tag} is another")


@check("10.6.3.3.1")
def modalities(server: Server) -> None:
    """Modalities in Study lists all modalities of the study"""
    [found] = results(server, path_of(server, "/studies"))
    if sorted(found["00080061"]["Value"]) != ["CT", "MR"]:
        raise Fault(str(found["00080061"]))


@check("10.6.3.3.1")
def modalities_although_matched(server: Server) -> None:
    """Modalities in Study lists all modalities, also when the search was for one"""
    [found] = results(server, f"{path_of(server, '/studies')}&ModalitiesInStudy=MR")
    if sorted(found["00080061"]["Value"]) != ["CT", "MR"]:
        raise Fault(str(found["00080061"]))


NUMBERS = [
    ("00201206", "/studies", "Number of Study Related Series", 2),
    ("00201208", "/studies", "Number of Study Related Instances", SLICES + 1),
    ("00201209", "/studies/{}/series", "Number of Series Related Instances", SLICES),
]


@check("10.6.3.3", rows=NUMBERS)
def counted(server: Server, tag: str, resource: str, name: str, number: int) -> None:
    """{2} is right"""
    found = results(server, f"{path_of(server, resource)}&SeriesInstanceUID={server.main.series}"
                    if "series" in resource else path_of(server, resource))  # fmt: skip
    if found[0][tag]["Value"] != [number]:
        raise Fault(f"{found[0][tag]['Value']}, not {number}")


@check("10.6.3.3", rows=[("/studies", "0020000D"), ("/studies/{}/series", "0020000E"),
                         ("/studies/{}/series/{}/instances", "00080018")])  # fmt: skip
def retrieve_url(server: Server, resource: str, tag: str) -> None:
    """Retrieve URLs of {0} are absolute, and name the result"""
    for each in results(server, path_of(server, resource)):
        url = each["00081190"]["Value"][0]
        if not url.startswith(("http://", "https://")):
            raise Fault("not absolute")
        if not url.rstrip("/").endswith(each[tag]["Value"][0]):
            raise Fault("of something else")


@check("10.6.3.3", rows=[("/studies",), ("/studies/{}/series",),
                         ("/studies/{}/series/{}/instances",)])  # fmt: skip
def retrieve_url_leads(server: Server, resource: str) -> None:
    """The Retrieve URL of a result of {0} can be retrieved"""
    found = results(server, path_of(server, resource))
    url = found[0]["00081190"]["Value"][0]
    status = server.get(url, 'multipart/related; type="application/dicom"').status_code
    if status != 200:
        raise Fault(f"status {status}")


@check("10.6.3.3", rows=[(resource,) for resource in RESOURCES])
def json_type(server: Server, resource: str) -> None:
    """Results of {0} come as application/dicom+json, without parameters"""
    answer = server.get(path_of(server, resource), DICOM_JSON)
    if answer.headers.get("Content-Type") != DICOM_JSON:
        raise Fault(answer.headers.get("Content-Type", "no Content-Type"))


@check("10.6.4", rows=[(resource,) for resource in RESOURCES])
def xml(server: Server, resource: str) -> None:
    """Results of {0} come in XML, one part for each, when that is asked for"""
    found = parts(server.get(path_of(server, resource), XML))
    if len(found) != COUNTS[resource]:
        raise Fault(f"{len(found)} parts, not {COUNTS[resource]}")
    if any(part.media_type != "application/dicom+xml" for part in found):
        raise Fault("a part is not application/dicom+xml")


@check("10.6.4")
def xml_values(server: Server) -> None:
    """Results in XML hold what those in JSON hold"""
    path = path_of(server, "/studies")
    [as_json] = results(server, path)
    [as_xml] = [read(part.data) for part in parts(server.get(path, XML))]
    if sorted(as_xml) != sorted(as_json):
        raise Fault("other attributes")
    for tag in ("0020000D", "00080061", "00080020"):
        if as_xml[tag].get("Value") != as_json[tag].get("Value"):
            raise Fault(f"{tag} is another")
    names = [each["00100010"]["Value"][0]["Alphabetic"] for each in (as_xml, as_json)]
    if names[0].rstrip("^") != names[1].rstrip("^"):
        raise Fault("00100010 is another")


@check("8.7.5", rows=[("anything", "*/*"), ("json", "application/json"),
                      ("list", "application/dicom+xml;q=0, application/dicom+json"),
                      ("browser", "text/html, */*;q=0.8")])  # fmt: skip
def accepts(server: Server, _: str, accept: str) -> None:
    """Accept: {1} is answered in JSON"""
    answer = server.get(path_of(server, "/studies"), accept)
    if answer.status_code != 200:
        raise Fault(f"status {answer.status_code}")
    if media_type(answer.headers["Content-Type"]) not in (DICOM_JSON, "application/json"):
        raise Fault(answer.headers["Content-Type"])
    answer.json()


@check("8.7.8.1")
def not_acceptable(server: Server) -> None:
    """Results are refused with 406 in a type that cannot hold them"""
    status = server.get(path_of(server, "/studies"), "image/png").status_code
    if status != 406:
        raise Fault(f"status {status}")


@check("8.3.3.1", rows=[("json", "application/dicom+json")])
def accept_parameter(server: Server, _: str, value: str) -> None:
    """The query parameter accept chooses the type: {1}"""
    path = f"{path_of(server, '/studies')}&accept={value.replace('+', '%2B')}"
    answer = server.get(path, "*/*")
    if answer.status_code != 200 or media_type(answer.headers["Content-Type"]) != value:
        raise Fault(f"status {answer.status_code}, {answer.headers.get('Content-Type')}")


@check("10.6.3.1", rows=[("/studies", "StudyInstanceUID=1.2.3.4.5.6.7"),
                         ("/series", "SeriesInstanceUID=1.2.3.4.5.6.7"),
                         ("/instances", "SOPInstanceUID=1.2.3.4.5.6.7")])  # fmt: skip
def nothing(server: Server, resource: str, query: str) -> None:
    """A search of {0} that finds nothing is answered with 204 and no body"""
    answer = server.get(f"{resource}?{query}", DICOM_JSON)
    if answer.status_code != 204 or answer.content:
        raise Fault(f"status {answer.status_code} with {len(answer.content)} bytes")


@check("10.6.3.1", rows=[("/studies/1.2.3.4.5/series",), ("/studies/1.2.3.4.5/instances",),
                         ("/studies/1.2.3.4.5/series/1.2.3.4.6/instances",)])  # fmt: skip
def inside_nothing(server: Server, path: str) -> None:
    """A search inside of what is not there, {0}, is answered with 204 or 404"""
    status = server.get(path, DICOM_JSON).status_code
    if status not in (204, 404):
        raise Fault(f"status {status}")


@check("10.6.1.1")
def series_of_study(server: Server) -> None:
    """/studies/{study}/series has the series of this study only"""
    found = results(server, f"/studies/{server.main.study}/series")
    if {instance.series for instance in server.stored("main").instances} != set(
        uids(found, "0020000E")
    ):
        raise Fault("other series")


@check("10.6.1.1")
def instances_of_series(server: Server) -> None:
    """/studies/{study}/series/{series}/instances has the instances of this series only"""
    first = server.main
    found = results(server, f"{first.series_path}/instances")
    wanted = {i.uid for i in server.stored("main").instances if i.series == first.series}
    if wanted != set(uids(found, "00080018")):
        raise Fault("other instances")


@check("10.6.2", rows=[("/studies", "0020000D"), ("/series", "0020000E"),
                       ("/instances", "00080018")])  # fmt: skip
def order(server: Server, resource: str, tag: str) -> None:
    """Two equal searches of {0} have the same results in the same order"""
    server.stored("main")
    first, second = (uids(results(server, f"{resource}?limit=50"), tag) for _ in range(2))
    if first != second:
        raise Fault("in another order")
    if len(set(first)) != len(first):
        raise Fault("something is there twice")


@check("10.6.3.3", "interoperability")
def empty_modalities(server: Server) -> None:
    """OHIF: Modalities in Study has a value for every study, or is left out"""
    server.stored("report")
    for each in results(server, "/studies?limit=100"):
        if "00080061" in each and not each["00080061"].get("Value"):
            raise Fault("it is there without a value")


@check("10.6.3.3.1")
def level(server: Server) -> None:
    """Results of /studies have no attributes of series or instances"""
    [found] = results(server, path_of(server, "/studies"))
    below = {"00080060", "0020000E", "00080018", "00280010"} & set(found)
    if below:
        raise Fault(f"they have {', '.join(sorted(below))}")
