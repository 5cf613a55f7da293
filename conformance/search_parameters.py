"""Checks of Search: includefield, limit, offset, the matching switches, and wrong values.

Standard: PS3.18 8.3.4.2 (fuzzymatching), 8.3.4.3 (includefield), 8.3.4.4 (limit, offset),
8.3.4.5 and 8.3.4.6 (empty and multiple values), 8.3.1 and 8.3.2 (wrong and unknown parameters).
"""

import re

from conformance.errors import Fault, NotApplicable
from conformance.sample import SLICES
from conformance.search import count, expect_400, is_warned, known, results, uids, warning
from conformance.server import DICOM_JSON, Server
from conformance.suite import check

NOT_REQUIRED = [
    ("studies", "/studies?StudyInstanceUID={0}&", "StudyDescription", "00081030"),
    ("series", "/studies/{0}/series?SeriesInstanceUID={1}&", "BodyPartExamined", "00180015"),
    ("instances", "/studies/{0}/series/{1}/instances?", "SliceThickness", "00180050"),
    ("image-type", "/studies/{0}/series/{1}/instances?", "ImageType", "00080008"),
]
FORMS = ["includefield={keyword}", "includefield={tag}", "includefield=all"]
INCLUDED = [(f"{row[0]} {form[13:]}", *row, form) for row in NOT_REQUIRED for form in FORMS]


def included(server: Server, path: str, tag: str) -> None:
    """Fail unless all results have an attribute that the instance has."""
    first = server.main
    if not first.metadata.get(tag, {}).get("Value"):
        raise NotApplicable("the server keeps no such value of what was stored")
    found = results(server, path.format(first.study, first.series))
    if not found:
        raise Fault("nothing is found")
    if any(not each.get(tag, {}).get("Value") for each in found):
        raise Fault("it is not included")


@check("8.3.4.3", rows=INCLUDED)
def include(
    server: Server, _: str, level: str, path: str, keyword: str, tag: str, form: str
) -> None:
    """{5} brings {3} of {1}"""
    included(server, path + form.format(keyword=keyword, tag=tag), tag)


SEVERAL = [
    ("comma", "includefield=SliceThickness,ImageType"),
    ("encoded-comma", "includefield=SliceThickness%2CImageType"),
    ("repeated", "includefield=SliceThickness&includefield=ImageType"),
    ("mixed", "includefield=00180050,ImageType"),
    ("with-unknown", "includefield=NoSuchThing,SliceThickness,ImageType"),
]


@check("8.3.4.3", rows=SEVERAL)
def include_several(server: Server, name: str, query: str) -> None:
    """Several attributes are included: {0}"""
    path = "/studies/{0}/series/{1}/instances?" + query
    for tag in ("00180050", "00080008"):
        included(server, path, tag)


@check("8.3.4.3")
def include_in_sequence(server: Server) -> None:
    """A sequence is included with its items"""
    path = "/studies/{0}/series/{1}/instances?includefield=AnatomicRegionSequence"
    included(server, path, "00082218")


@check("8.3.4.3")
def include_other_level(server: Server) -> None:
    """includefield for an attribute of another level is no error"""
    first = server.main
    path = f"/studies?StudyInstanceUID={first.study}&includefield=00080060,SOPInstanceUID"
    if count(server, path) != 1:
        raise Fault("not one result")


@check("8.3.4.3")
def nothing_else(server: Server) -> None:
    """Without includefield, results are not everything that is known"""
    first = server.main
    found = results(server, f"{first.series_path}/instances")
    if "7FE00010" in found[0] or len(found[0]) >= len(first.metadata):
        raise Fault(f"{len(found[0])} attributes")


PAGES = [("/studies/{0}/series/{1}/instances", "00080018", SLICES),
         ("/studies/{0}/instances", "00080018", SLICES + 1),
         ("/studies/{0}/series", "0020000E", 2)]  # fmt: skip


def _paged(server: Server, path: str) -> str:
    return path.format(server.main.study, server.main.series)


@check("8.3.4.4", rows=PAGES)
def limit(server: Server, path: str, tag: str, total: int) -> None:
    """limit=1 gives one result of {0}"""
    found = count(server, f"{_paged(server, path)}?limit=1")
    if found != 1:
        raise Fault(f"{found} results")


@check("8.3.4.4", rows=PAGES)
def offset(server: Server, path: str, tag: str, total: int) -> None:
    """offset=1 leaves out the first result of {0}"""
    base = _paged(server, path)
    if uids(results(server, f"{base}?offset=1"), tag) != uids(results(server, base), tag)[1:]:
        raise Fault("other results")


@check("8.3.4.4", rows=PAGES)
def pages(server: Server, path: str, tag: str, total: int) -> None:
    """Pages of one result cover {0}, each result once"""
    base, seen = _paged(server, path), []
    for number in range(total):
        seen += uids(results(server, f"{base}?limit=1&offset={number}"), tag)
    if len(seen) != total or set(seen) != set(uids(results(server, base), tag)):
        raise Fault("not each result once")


@check("8.3.4.4", rows=PAGES)
def past_the_end(server: Server, path: str, tag: str, total: int) -> None:
    """An offset past the results of {0} is answered with 204"""
    status = server.get(f"{_paged(server, path)}?offset={total}", DICOM_JSON).status_code
    if status != 204:
        raise Fault(f"status {status}")


@check("8.3.4.4")
def large_limit(server: Server) -> None:
    """A limit larger than the results is no error"""
    path = f"{server.main.series_path}/instances?limit=100000"
    if count(server, path) != SLICES:
        raise Fault("other results")


@check("8.3.4.4")
def warned(server: Server) -> None:
    """When there are more results, a Warning 299 says so"""
    if not is_warned(server, f"{server.main.series_path}/instances?limit=1"):
        raise Fault("no Warning 299")


@check("8.3.4.4")
def warned_number(server: Server) -> None:
    """The Warning of more results names how many there are"""
    said = warning(server, f"{server.main.series_path}/instances?limit=1")
    if not re.search(rf"There are {SLICES - 1} additional results that can be requested", said):
        raise Fault(said or "no Warning")


@check("8.3.4.4")
def not_warned(server: Server) -> None:
    """When there are no more results, no Warning says so"""
    said = warning(server, f"{server.main.series_path}/instances?limit={SLICES}")
    if "additional results" in said:
        raise Fault("there is one")


WRONG = [
    "limit=many",
    "limit=-1",
    "limit=1.5",
    "offset=-1",
    "offset=first",
    "StudyDate=yesterday",
    "StudyDate=20241301",
    "StudyDate=2024022",
    "StudyDate=20240101-2024013",
    "StudyTime=noon",
    "StudyTime=256060",
    "fuzzymatching=perhaps",
    "StudyInstanceUID=not-a-uid",
    "SeriesNumber=one",
]


@check("8.3.2", rows=[(query, query) for query in WRONG])
def wrong(server: Server, _: str, query: str) -> None:
    """A value that is not of its form is answered with 400: {1}"""
    path = "/series" if query.startswith("SeriesNumber") else "/studies"
    expect_400(server, f"{path}?{query}")


@check("8.3.1", rows=[("unknown", "colour=blue"), ("empty", "colour="), ("bare", "colour"),
                      ("private", "x-own=1"), ("upper", "LIMITED=1")])  # fmt: skip
def ignored(server: Server, name: str, query: str) -> None:
    """A parameter that is not known is ignored: {1}"""
    found = count(server, f"/studies?StudyInstanceUID={server.main.study}&{query}")
    if found != 1:
        raise Fault(f"{found} results")


@check("8.3.1", rows=[("%", "%ZZ"), ("NUL", "a%00b"), ("UTF-8", "%FF%FE"), ("long", "x" * 3000)])
def odd(server: Server, name: str, value: str) -> None:
    """A value that cannot be meant is no error of the server: {0}"""
    status = server.get(f"/studies?PatientID={value}", DICOM_JSON).status_code
    if status not in (200, 204, 400, 414):
        raise Fault(f"status {status}")


def switch(server: Server, name: str, query: str, excluded: str) -> None:
    """Fail unless a switch does its work, or a Warning 299 says that it does nothing."""
    path = f"/studies?StudyInstanceUID={server.main.study}&{query}&{name}=true"
    if is_warned(server, path):
        return
    if not count(server, path):
        raise Fault("neither does it match, nor is there a Warning 299")
    if count(server, f"/studies?StudyInstanceUID={server.main.study}&{excluded}&{name}=true"):
        raise Fault("neither does it exclude, nor is there a Warning 299")


@check("8.3.4.2")
def fuzzy(server: Server) -> None:
    """fuzzymatching=true matches names loosely, or a Warning 299 says that it does not"""
    name = known(server.main, "00100010", "Patient's Name")
    switch(server, "fuzzymatching", f"PatientName={name[:4]}", "PatientName=Zzyzx")


@check("8.3.4.2", rows=[("false",), ("true",)])
def fuzzy_whole(server: Server, value: str) -> None:
    """A whole name is found with fuzzymatching={0}"""
    name = known(server.main, "00100010", "Patient's Name")
    path = f"/studies?StudyInstanceUID={server.main.study}&PatientName={name}"
    if not count(server, f"{path}&fuzzymatching={value}"):
        raise Fault("it is not found")


@check("8.3.4.5")
def empty_values(server: Server) -> None:
    """emptyvaluematching=true finds empty values, or a Warning 299 says that it does not"""
    first = server.stored("odd-values").first
    path = f"/studies?StudyInstanceUID={first.study}&emptyvaluematching=true"
    if is_warned(server, path):
        return
    empty = [tag for tag in ("00080050", "00080090", "00100020", "00200010")
             if first.value(tag) in (None, "")]  # fmt: skip
    if not empty:
        raise NotApplicable("the server keeps no empty value of what was stored")
    if not count(server, f'{path}&{empty[0]}=""') and not count(server, f"{path}&{empty[0]}="):
        raise Fault("an empty value is not found")
    if count(server, f'{path}&StudyDate=""'):
        raise Fault("a value that is there is found as an empty one")


@check("8.3.4.6")
def multiple_values(server: Server) -> None:
    """multiplevaluematching=true matches any of a list, or a Warning 299 says that it does not"""
    base = f"/studies/{server.main.study}/series?multiplevaluematching=true"
    if is_warned(server, f"{base}&Modality=CT,MR"):
        return
    if count(server, f"{base}&Modality=CT,MR") != 2:
        raise Fault("neither does it match both, nor is there a Warning 299")
    if count(server, f"{base}&Modality=US,XA"):
        raise Fault("neither does it exclude, nor is there a Warning 299")


@check("10.6.1.2", "optional")
def timezone(server: Server) -> None:
    """A Timezone Offset From UTC among the keys is no error"""
    path = f"/studies?StudyInstanceUID={server.main.study}&TimezoneOffsetFromUTC=%2B0000"
    if server.get(path, DICOM_JSON).status_code not in (200, 204):
        raise Fault("it is")
