"""Checks of Search: each attribute that a search must match on.

Standard: PS3.18 10.6.1.2.3 (Tables 10.6.1-5 and following), 8.3.4.1 (Attribute Matching).
Invariants: values are those that the server keeps; a key for which it keeps none is checked only
for what it must not find.
"""

from typing import Final

from conformance.errors import Fault, NotApplicable
from conformance.search import count, known
from conformance.server import Server
from conformance.suite import check

# resource, keyword, tag, a well-formed value that nothing has
STUDY: Final = [
    ("StudyDate", "00080020", "18000101"),
    ("StudyTime", "00080030", "010203"),
    ("AccessionNumber", "00080050", "NO-SUCH"),
    ("ModalitiesInStudy", "00080061", "XYZ"),
    ("ReferringPhysicianName", "00080090", "Nobody"),
    ("PatientName", "00100010", "Nobody"),
    ("PatientID", "00100020", "NO-SUCH"),
    ("StudyInstanceUID", "0020000D", "1.2.3.4.5"),
    ("StudyID", "00200010", "NO-SUCH"),
]
SERIES: Final = [
    ("Modality", "00080060", "XYZ"),
    ("SeriesInstanceUID", "0020000E", "1.2.3.4.5"),
    ("SeriesNumber", "00200011", "977"),
    ("PerformedProcedureStepStartDate", "00400244", "18000101"),
    ("PerformedProcedureStepStartTime", "00400245", "010203"),
]
REQUEST: Final = [
    ("ScheduledProcedureStepID", "00400009", "NO-SUCH"),
    ("RequestedProcedureID", "00401001", "NO-SUCH"),
]
INSTANCE: Final = [
    ("SOPClassUID", "00080016", "1.2.3.4.5"),
    ("SOPInstanceUID", "00080018", "1.2.3.4.5"),
    ("InstanceNumber", "00200013", "977"),
]
EXTRA: Final = [
    ("StudyDescription", "00081030", "NO-SUCH"),
    ("PatientBirthDate", "00100030", "18000101"),
    ("PatientSex", "00100040", "F"),
]
BY_RESOURCE: Final = [
    *(("/studies", *key) for key in STUDY),
    *(("/studies/{}/series", *key) for key in SERIES),
    *(("/series", *key) for key in STUDY + SERIES),
    *(("/studies/{}/series/{}/instances", *key) for key in INSTANCE),
    *(("/studies/{}/instances", *key) for key in SERIES + INSTANCE),
    *(("/instances", *key) for key in STUDY + SERIES + INSTANCE),
]
KEYS: Final = [(f"{row[0]} {row[1]}", *row) for row in BY_RESOURCE]
UNIQUE: Final = [(keyword, tag) for keyword, tag, _ in STUDY + SERIES + INSTANCE]


def path_of(server: Server, resource: str) -> str:
    """Return a resource of the main study, ready for a key."""
    first = server.main
    own = "" if "{}" in resource else f"StudyInstanceUID={first.study}&"
    return f"{resource.format(first.study, first.series)}?{own}"


def value_of(server: Server, keyword: str, tag: str) -> str:
    """Return what the first instance has, for a URL."""
    return "CT" if keyword == "ModalitiesInStudy" else known(server.main, tag, keyword)


@check("10.6.1.2.3", rows=KEYS)
def found(server: Server, _: str, resource: str, keyword: str, tag: str, other: str) -> None:
    """{1} finds by {2}"""
    value = value_of(server, keyword, tag)
    if not count(server, f"{path_of(server, resource)}{keyword}={value}"):
        raise Fault("nothing is found")


@check("10.6.1.2.3", rows=KEYS)
def excluded(server: Server, _: str, resource: str, keyword: str, tag: str, other: str) -> None:
    """{1} does not find what has another {2}"""
    path = path_of(server, resource)
    if keyword == "StudyInstanceUID":
        path = path.partition("?")[0] + "?"
    if not count(server, path_of(server, resource)):
        raise Fault("nothing is found even without the key")
    if count(server, f"{path}{keyword}={other}"):
        raise Fault("it is found")


@check("8.3.4.1", rows=UNIQUE)
def by_tag(server: Server, keyword: str, tag: str) -> None:
    """{0} is understood by its tag, {1}"""
    other = next(row[2] for row in STUDY + SERIES + INSTANCE if row[0] == keyword)
    path = path_of(server, "/instances")
    if keyword != "StudyInstanceUID":
        if not count(server, path):
            raise Fault("nothing is found even without the key")
        if count(server, f"{path}{tag}={other}"):
            raise Fault("another value is found")
    value = server.main.study if keyword == "StudyInstanceUID" else None
    if value is not None and not count(server, f"/studies?{tag}={value}"):
        raise Fault("nothing is found")


def _request(server: Server, attribute: str) -> tuple[str, str]:
    first = server.main
    items = first.metadata.get("00400275", {}).get("Value") or [{}]
    value = (items[0].get(attribute, {}).get("Value") or [""])[0]
    return f"{first.study_path}/series?", str(value)


@check("10.6.1.2.3", rows=REQUEST)
def request_found(server: Server, keyword: str, tag: str, other: str) -> None:
    """Series are found by RequestAttributesSequence.{0}"""
    path, value = _request(server, tag)
    if not value:
        raise NotApplicable("the server keeps no such value of what was stored")
    if not count(server, f"{path}RequestAttributesSequence.{keyword}={value}"):
        raise Fault("nothing is found")


FORMS = [
    (f"{keyword} {name}", form.format(keyword, tag), other)
    for keyword, tag, other in REQUEST
    for name, form in (
        ("keywords", "RequestAttributesSequence.{0}"),
        ("tags", "00400275.{1}"),
        ("mixed", "00400275.{0}"),
    )
]


@check("8.3.4.1", rows=FORMS)
def request_excluded(server: Server, _: str, key: str, other: str) -> None:
    """Series with another {1} are not found"""
    path, _value = _request(server, "")
    if count(server, f"{path}{key}={other}"):
        raise Fault("they are found")


@check("10.6.1.2.3", "optional", rows=EXTRA)
def extra(server: Server, keyword: str, tag: str, other: str) -> None:
    """Studies are searched by {0}, which is no required key"""
    path = path_of(server, "/studies")
    if count(server, f"{path}{keyword}={other}"):
        raise Fault("another value is found")
    value = server.main.value(tag)
    if value and not count(server, f"{path}{keyword}={value}"):
        raise Fault("its own value is not found")


OTHERS = [
    ("series-description", "/studies/{}/series", "SeriesDescription=NO-SUCH"),
    ("body-part", "/studies/{}/series", "BodyPartExamined=NO-SUCH"),
    ("rows", "/studies/{}/instances", "Rows=977"),
    ("slice-thickness", "/studies/{}/instances", "SliceThickness=977"),
    ("sequence-code", "/studies/{}/instances", "AnatomicRegionSequence.CodeValue=NO-SUCH"),
    ("photometric", "/studies/{}/instances", "00280004=NO-SUCH"),
]


@check("10.6.1.2.3", "optional", rows=OTHERS)
def other(server: Server, _: str, resource: str, query: str) -> None:
    """Any other attribute is a key as well: {2}"""
    if not count(server, path_of(server, resource)):
        raise Fault("nothing is found even without the key")
    if count(server, f"{path_of(server, resource)}{query}"):
        raise Fault("the key is ignored")


@check("8.3.4.1")
def together(server: Server) -> None:
    """Several keys must all match"""
    path = path_of(server, "/studies")
    if count(server, f"{path}ModalitiesInStudy=CT&PatientID=NO-SUCH-PATIENT"):
        raise Fault("one of two is enough")
    if not count(server, f"{path}ModalitiesInStudy=CT&00080061=CT"):
        raise Fault("both are not")


@check("10.6.2")
def relational(server: Server) -> None:
    """/instances combines keys of study, series and instance"""
    first = server.main
    path = (f"/instances?StudyInstanceUID={first.study}&Modality=CT"
            f"&SeriesInstanceUID={first.series}&SOPInstanceUID={first.uid}")  # fmt: skip
    if count(server, path) != 1:
        raise Fault("not one result")
    if count(server, path.replace("Modality=CT", "Modality=MR")):
        raise Fault("a key of the series is ignored")
