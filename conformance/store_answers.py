"""Checks of Store: what is answered, and what comes of instances that cannot be stored.

Standard: PS3.18 10.5.3 (status codes, payload), Annex I (Store Instances Response Module).
"""

import json

import requests

from conformance.encoding import encode
from conformance.errors import Fault, NotApplicable
from conformance.multipart import BOUNDARY, media_type, written
from conformance.sample import main, one_slice
from conformance.sample_objects import key_object, presentation_state, report
from conformance.search import count
from conformance.server import DICOM_JSON, Server, items_of, place_of
from conformance.storing import (
    REFERENCED,
    expect_refused,
    expect_stored,
    failures,
    file,
    stored_count,
)
from conformance.suite import check
from conformance.wire import Connection
from conformance.xml_model import read

GARBAGE = b"This is no DICOM file, but some text that is long enough to hold a preamble." * 5


def mixed(server: Server) -> requests.Response:
    """Store a good and a bad part."""
    answer = server.post(written([file(), GARBAGE]))
    expect_refused(answer, 202)
    return answer


@check("10.5.3.1")
def all_stored(server: Server) -> None:
    """When all instances are stored, the status is 200, or 202 with a warning for each"""
    answer = server.post(written([file(), file()]))
    expect_refused(answer, 200, 202)
    warned = ["00081196" in item for item in items_of(answer)]
    if answer.status_code == 202 and not all(warned):
        raise Fault("status 202 without a Warning Reason")


@check("10.5.3.3")
def json_type(server: Server) -> None:
    """The answer in JSON has the type application/dicom+json"""
    answer = server.post(written([file()]))
    found = media_type(answer.headers.get("Content-Type", ""))
    if found != DICOM_JSON:
        raise Fault(found or "no Content-Type")


@check("10.5.3.3")
def one_object(server: Server) -> None:
    """The answer is one data set, by itself or as the only one of an array"""
    module = json.loads(server.post(written([file()])).content)
    if isinstance(module, list) and len(module) != 1:
        raise Fault(f"an array of {len(module)}")
    if not isinstance(module, list | dict):
        raise Fault("it is not")


XML = [
    ("accept", "application/dicom+xml"),
    ("list", "application/dicom+xml;q=1, application/dicom+json;q=0.5"),
]


@check("10.5.3.3", rows=XML)
def xml(server: Server, _: str, accept: str) -> None:
    """The answer comes as application/dicom+xml when that is asked for: {0}"""
    answer = server.post(written([file()]), accept=accept)
    expect_refused(answer, 200, 202)
    if media_type(answer.headers.get("Content-Type", "")) != "application/dicom+xml":
        raise Fault(answer.headers.get("Content-Type", "no Content-Type"))
    module = read(answer.content)
    if len(module.get(REFERENCED, {}).get("Value", [])) != 1:
        raise Fault("no item in the Referenced SOP Sequence")


@check("10.5.3.3", "interoperability")
def default_type(server: Server) -> None:
    """dicomweb-client (Python): Accept: */* is answered in JSON"""
    answer = server.post(written([file()]), accept="*/*")
    if media_type(answer.headers.get("Content-Type", "")) != DICOM_JSON:
        raise Fault(answer.headers.get("Content-Type", "no Content-Type"))


@check("10.5.3.1")
def not_acceptable(server: Server) -> None:
    """An answer that can only be given as image/png is not given as such"""
    answer = server.post(written([file()]), accept="image/png")
    if media_type(answer.headers.get("Content-Type", "")) == "image/png":
        raise Fault("an image")
    expect_refused(answer, 200, 202, 406)


ITEM = [
    ("class", "00081150", "Referenced SOP Class UID"),
    ("instance", "00081155", "Referenced SOP Instance UID"),
    ("url", "00081190", "Retrieve URL"),
]


@check("I.2", rows=ITEM)
def item(server: Server, _: str, tag: str, name: str) -> None:
    """Each stored instance has its {2} in the answer"""
    answer = server.post(written([file()]))
    for each in items_of(answer):
        if not each.get(tag, {}).get("Value"):
            raise Fault(f"no {name}")
    if not items_of(answer):
        raise Fault("no item")


@check("I.2")
def sop_class(server: Server) -> None:
    """The Referenced SOP Class UID is that of the instance"""
    ds = one_slice()
    [found] = items_of(server.post(written([file(ds)])))
    if found["00081150"]["Value"] != [ds.SOPClassUID]:
        raise Fault(str(found["00081150"]["Value"]))


@check("I.2")
def study_url(server: Server) -> None:
    """The answer has the Retrieve URL of the study when all instances are of one"""
    answer = server.post(written([encode(ds) for ds in main()]))
    module = answer.json()
    module = module[0] if isinstance(module, list) else module
    [url] = module["00081190"]["Value"]
    study, _, _ = place_of(items_of(answer)[0])
    if not url.rstrip("/").endswith(f"/studies/{study}"):
        raise Fault("it is not the study's")


@check("I.2")
def urls_lead_somewhere(server: Server) -> None:
    """Retrieve URLs are absolute, and lead to the instance"""
    [found] = items_of(server.post(written([file()])))
    url = found["00081190"]["Value"][0]
    if not url.startswith(("http://", "https://")):
        raise Fault("not absolute")
    accept = 'multipart/related; type="application/dicom"'
    status = server.get(url, accept).status_code
    if status != 200:
        raise Fault(f"status {status}")


@check("I.2")
def same_uid(server: Server) -> None:
    """The instance of the Retrieve URL is that of the Referenced SOP Instance UID"""
    [found] = items_of(server.post(written([file()])))
    if place_of(found)[2] != found["00081155"]["Value"][0]:
        raise Fault("another UID")


@check("I.2")
def warning_reason(server: Server) -> None:
    """An instance whose UID the server changed has the Warning Reason B000 (coercion)"""
    ds = one_slice()
    [found] = items_of(server.post(written([file(ds)])))
    if found["00081155"]["Value"][0] == ds.SOPInstanceUID:
        raise NotApplicable("the server keeps the UIDs")
    if found.get("00081196", {}).get("Value") != [0xB000]:
        raise Fault("no such reason")


@check("I.2", "interoperability")
def order(server: Server) -> None:
    """Any client that maps UIDs: stored instances are named in the order of the request"""
    study, classes = one_slice().StudyInstanceUID, []
    files = []
    for number, modality in enumerate(("CT", "MR", "MR", "CT", "MR", "CT", "CT"), 1):
        ds = one_slice(study=study, number=number, modality=modality)
        classes.append(ds.SOPClassUID)
        files.append(file(ds))
    found = items_of(server.post(written(files)))
    if [each["00081150"]["Value"][0] for each in found] != classes:
        raise Fault("in another order")


@check("10.5.2")
def again(server: Server) -> None:
    """Storing an instance again succeeds"""
    body = written([file()])
    first, second = server.post(body), server.post(body)
    expect_refused(first, 200, 202)
    expect_refused(second, 200, 202)


@check("10.5.2")
def again_is_one(server: Server) -> None:
    """An instance that was stored twice is there once"""
    body = written([file()])
    for _ in range(2):
        answer = server.post(body)
    study, series, _ = place_of(items_of(answer)[0])
    found = count(server, f"/studies/{study}/series/{series}/instances")
    if found != 1:
        raise Fault(f"{found} instances")


@check("10.5.2")
def twice_in_one_request(server: Server) -> None:
    """The same instance twice in one request is one instance"""
    body = file()
    answer = server.post(written([body, body]))
    expect_refused(answer, 200, 202)
    study, series, _ = place_of(items_of(answer)[0])
    found = count(server, f"/studies/{study}/series/{series}/instances")
    if found != 1:
        raise Fault(f"{found} instances")


@check("10.5.3.1")
def mixed_status(server: Server) -> None:
    """A good and a bad part are answered with 202"""
    mixed(server)


@check("10.5.2")
def mixed_stores(server: Server) -> None:
    """The good part of a request with a bad one is stored"""
    answer = server.post(written([GARBAGE, file()]))
    expect_stored(server, answer)


@check("I.2")
def mixed_reports(server: Server) -> None:
    """The bad part is in the Failed SOP Sequence or the Other Failures Sequence"""
    found = failures(mixed(server))
    if len(found) != 1:
        raise Fault(f"{len(found)} failures")


@check("I.2")
def mixed_reason(server: Server) -> None:
    """Each failure has a Failure Reason"""
    found = failures(mixed(server))
    if not found:
        raise Fault("no failure is named")
    if any(not each.get("00081197", {}).get("Value") for each in found):
        raise Fault("a failure has none")


@check("10.5.3.1", rows=[("text", GARBAGE), ("nothing", b""), ("zeros", b"\0" * 3000)])
def garbage(server: Server, _: str, content: bytes) -> None:
    """A request with nothing but a part that is no DICOM file is refused: {0}"""
    expect_refused(server.post(written([content])), 400, 409)


@check("10.5.3.1", rows=[("header", 200), ("pixels", 2500), ("preamble", 140)])
def cut_instance(server: Server, _: str, length: int) -> None:
    """An instance that is cut off is refused: in its {0}"""
    expect_refused(server.post(written([file()[:length]])), 400, 409)


@check("10.5.3.1", rows=[("SOPInstanceUID",), ("SOPClassUID",), ("StudyInstanceUID",),
                         ("SeriesInstanceUID",)])  # fmt: skip
def without(server: Server, keyword: str) -> None:
    """An instance without {0} is refused with 409 or 400"""
    ds = one_slice()
    del ds[keyword]
    expect_refused(server.post(written([file(ds)])), 400, 409)


@check("10.5.3.1")
def invalid_uid(server: Server) -> None:
    """An instance with a UID that is none is stored or refused, without an error of the server"""
    ds = one_slice()
    data = file(ds).replace(ds.StudyInstanceUID[:12].encode(), b"not-a-number")
    expect_refused(server.post(written([data])), 200, 202, 400, 409)


@check("10.5.3.1")
def wrong_study(server: Server) -> None:
    """An instance of another study than the path's is refused with 409"""
    answer = server.post(written([file()]), path="/studies/1.2.3.4.5.6.7.8.9")
    expect_refused(answer, 409)


@check("I.2")
def wrong_study_reported(server: Server) -> None:
    """The refusal of another study names the instance and a reason"""
    answer = server.post(written([file()]), path="/studies/1.2.3.4.5.6.7.8.9")
    found = failures(answer)
    if len(found) != 1 or not found[0].get("00081197", {}).get("Value"):
        raise Fault("no failure with a reason")


@check("10.5.3.1")
def some_of_wrong_study(server: Server) -> None:
    """Of two instances sent to the study of one, this one is stored, with 202"""
    ds = one_slice()
    path = f"/studies/{ds.StudyInstanceUID}"
    answer = server.post(written([file(ds), file()]), path=path)
    expect_refused(answer, 202)
    if (stored_count(answer), len(failures(answer))) != (1, 1):
        raise Fault("not one stored and one failure")


@check("10.5.3.1", rows=[("text", "text/plain"), ("form", "multipart/form-data; boundary=x"),
                         ("mixed", f"multipart/mixed; boundary={BOUNDARY}"),
                         ("unknown-parts",
                          f'multipart/related; type="text/plain"; boundary={BOUNDARY}'),
                         ("pdf", "application/pdf")])  # fmt: skip
def unsupported_type(server: Server, _: str, content_type: str) -> None:
    """A body of a type that is not for storing is refused with 415: {1}"""
    expect_refused(server.post(written([file()], "text/plain"), content_type), 415)


@check("10.5.3.1")
def no_type(server: Server) -> None:
    """A body without a Content-Type is refused"""
    body = written([file()])
    with Connection(server) as connection:
        connection.head("POST", "/studies", [f"Content-Length: {len(body)}"])
        connection.send(body)
        expect_refused(connection.reply("POST"), 400, 415)


@check("10.5.3.1")
def no_boundary(server: Server) -> None:
    """A multipart body without a boundary in its Content-Type is refused with 400"""
    answer = server.post(written([file()]), 'multipart/related; type="application/dicom"')
    expect_refused(answer, 400, 415)


@check("10.5.3.1")
def wrong_boundary(server: Server) -> None:
    """A body in which the boundary does not occur is refused with 400"""
    content_type = 'multipart/related; type="application/dicom"; boundary=other'
    expect_refused(server.post(written([file()]), content_type), 400)


@check("10.5.3.1", rows=[("no-parts", f"--{BOUNDARY}--\r\n".encode()), ("no-bytes", b""),
                         ("line-break", b"\r\n")])  # fmt: skip
def empty(server: Server, _: str, body: bytes) -> None:
    """A request without a single instance is refused with 400: {0}"""
    expect_refused(server.post(body), 400)


@check("10.5.3.1")
def truncated(server: Server) -> None:
    """A body without its closing boundary is not answered with 200"""
    body = written([file(), file()])
    expect_refused(server.post(body[:-800]), 202, 400, 409)


@check("10.5.3.1")
def truncated_is_not_kept(server: Server) -> None:
    """The instance that a broken body cuts off is not kept"""
    ds = one_slice()
    server.post(written([file(ds)])[:-800])
    found = count(server, f"/studies?StudyInstanceUID={ds.StudyInstanceUID}")
    later = server.post(written([file(ds)]))
    study, series, _ = place_of(items_of(later)[0])
    if found or count(server, f"/studies/{study}/series/{series}/instances") != 1:
        raise Fault("part of it is there")


BACK = {
    "report": report,
    "key-object": key_object,
    "presentation-state": presentation_state,
}


@check("10.5.1", "interoperability", rows=[(name,) for name in BACK])
def back(server: Server, name: str) -> None:
    """OHIF: the {0} is stored back into the study as the viewer sees it"""
    first = server.stored("seen").first
    [ds] = BACK[name](first.study, first.series, first.uid)
    answer = server.post(written([file(ds)]), path=first.study_path)
    expect_stored(server, answer)
    study, _, _ = place_of(items_of(answer)[0])
    if study != first.study:
        raise Fault("it went into another study")


@check("10.5.1", "interoperability")
def back_refers(server: Server) -> None:
    """OHIF: what is stored back refers to the images as the viewer sees them"""
    first = server.stored("seen").first
    [ds] = presentation_state(first.study, first.series, first.uid)
    answer = server.post(written([file(ds)]), path="/studies")
    study, series, instance = place_of(items_of(answer)[0])
    path = f"/studies/{study}/series/{series}/instances/{instance}/metadata"
    [kept] = server.json(path)
    [of_series] = kept["00081115"]["Value"]
    [of_image] = of_series["00081140"]["Value"]
    if study != first.study or of_series["0020000E"]["Value"] != [first.series]:
        raise Fault("another study or series")
    if of_image["00081155"]["Value"] != [first.uid]:
        raise Fault("another image")


@check("10.5.2")
def same_references(server: Server) -> None:
    """UIDs that are changed are changed alike in the instances that refer to them"""
    ct = one_slice()
    [state] = presentation_state(ct.StudyInstanceUID, ct.SeriesInstanceUID, ct.SOPInstanceUID)
    answer = server.post(written([file(ct), file(state)]))
    expect_stored(server, answer, 2)
    first, second = (place_of(item) for item in items_of(answer))
    path = "/studies/{}/series/{}/instances/{}/metadata".format(*second)
    [kept] = server.json(path)
    [of_series] = kept["00081115"]["Value"]
    [of_image] = of_series["00081140"]["Value"]
    if first[0] != second[0] or of_series["0020000E"]["Value"] != [first[1]]:
        raise Fault("another study or series")
    if of_image["00081155"]["Value"] != [first[2]]:
        raise Fault("another image")
