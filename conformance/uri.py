"""Checks of WADO-URI.

Standard: PS3.18 9 (URI Service): 9.1.2 (parameters), 9.4 (DICOM instance), 9.5 (rendered instance).
Invariants: the service is looked for at the root, below it and beside it; where there is none,
nothing else of this suite applies.
"""

from typing import Final
from urllib.parse import urlencode

import requests

from conformance.encoding import decode
from conformance.errors import Fault, NotApplicable
from conformance.pictures import kind_of, png, size_of
from conformance.reading import EXPLICIT, content_type, expect_status
from conformance.sample import SIZE, grey16
from conformance.sample_compressed import NAMES
from conformance.sample_images import FRAMES
from conformance.server import Instance, Server
from conformance.suite import check

_PLACE: Final = "the WADO-URI service"


def base(server: Server) -> str:
    """Return where the service is.

    Raises:
        NotApplicable: at none of the usual places.
    """
    if _PLACE not in server.remembered:
        parent = server.root.rpartition("/")[0]
        places = (f"{server.root}/wado", server.root, f"{parent}/wado")
        query = _query({**names(server.main), "contentType": "application/dicom"})
        good = [p for p in places if server.get(f"{p}?{query}").status_code == 200]
        server.remembered[_PLACE] = good[0] if good else ""
    if not server.remembered[_PLACE]:
        raise NotApplicable("no WADO-URI service was found")
    return str(server.remembered[_PLACE])


def _query(parameters: dict[str, str]) -> str:
    # Whether a server decodes what need not be encoded is not what is asked here.
    return urlencode(parameters, safe="/,*")


def names(instance: Instance) -> dict[str, str]:
    """Return the parameters that every request needs."""
    return {
        "requestType": "WADO",
        "studyUID": instance.study,
        "seriesUID": instance.series,
        "objectUID": instance.uid,
    }


def ask(
    server: Server, parameters: dict[str, str] | None = None, accept: str | None = "*/*", *,
    sample: str = "main", **more: str,
) -> requests.Response:  # fmt: skip
    """Request the first instance of a sample."""
    named = names(server.stored(sample).first) if parameters is None else parameters
    return server.get(f"{base(server)}?{_query({**named, **more})}", accept)


@check("9.1", "optional")
def offered(server: Server) -> None:
    """There is a WADO-URI service"""
    try:
        base(server)
    except NotApplicable as reason:
        raise Fault(str(reason)) from None


@check("9.4", "conditional")
def instance(server: Server) -> None:
    """contentType=application/dicom gives the instance as a single file"""
    answer = ask(server, contentType="application/dicom")
    expect_status(answer, 200)
    if content_type(answer) != "application/dicom":
        raise Fault(content_type(answer))
    if decode(answer.content).SOPInstanceUID != server.main.uid:
        raise Fault("another instance")


@check("9.4.1.2", "conditional", rows=[("main",), ("implicit",), ("big-endian",), ("rle",)])
def default_syntax(server: Server, sample: str) -> None:
    """Without transferSyntax an instance comes in Explicit VR Little Endian: {0}"""
    ds = decode(ask(server, sample=sample, contentType="application/dicom").content)
    if ds.file_meta.TransferSyntaxUID != EXPLICIT:
        raise Fault(str(ds.file_meta.TransferSyntaxUID))
    if ds.PixelData != grey16(3 if sample == "rle" else 1):
        raise Fault("other pixels")


@check("9.4.1.2", "conditional", rows=[("explicit", "main", EXPLICIT), ("rle", "rle", NAMES["rle"]),
                                       ("jpeg-2000", "jpeg-2000", NAMES["jpeg-2000"])])  # fmt: skip
def syntax(server: Server, name: str, sample: str, uid: str) -> None:
    """transferSyntax chooses the syntax of the instance: {0}"""
    answer = ask(server, sample=sample, contentType="application/dicom", transferSyntax=uid)
    expect_status(answer, 200)
    found = str(decode(answer.content).file_meta.TransferSyntaxUID)
    if found != uid:
        raise Fault(found)


@check("9.4.1.2", "interoperability")
def star(server: Server) -> None:
    """dcmjs: transferSyntax=* gives the instance as it is stored"""
    answer = ask(server, sample="rle", contentType="application/dicom", transferSyntax="*")
    expect_status(answer, 200)
    decode(answer.content)


@check("9.4.3", "conditional")
def no_such_syntax(server: Server) -> None:
    """A transferSyntax that cannot be given is refused with 406 or 400"""
    answer = ask(server, contentType="application/dicom", transferSyntax="1.2.3.4")
    expect_status(answer, 400, 406)


@check("9.5", "conditional")
def default_type(server: Server) -> None:
    """Without contentType a single-frame image is rendered as JPEG"""
    answer = ask(server)
    expect_status(answer, 200)
    if kind_of(answer.content) != "image/jpeg":
        raise Fault(content_type(answer))


@check("9.5", "conditional", rows=[("image/jpeg",), ("image/png",), ("image/gif",)])
def rendered(server: Server, media_type: str) -> None:
    """contentType={0} renders the image so"""
    answer = ask(server, accept="*/*", contentType=media_type)
    expect_status(answer, 200)
    if kind_of(answer.content) != media_type:
        raise Fault(content_type(answer))


@check("9.1.2", "conditional")
def list_of_types(server: Server) -> None:
    """contentType may be a list, of which the first that fits is given"""
    answer = ask(server, contentType="text/html,image/png")
    expect_status(answer, 200)
    if kind_of(answer.content) != "image/png":
        raise Fault(content_type(answer))


@check("9.4.3", "conditional")
def no_such_type(server: Server) -> None:
    """A contentType that cannot be given is refused with 406 or 400"""
    expect_status(ask(server, contentType="image/x-nothing"), 400, 406)


NEEDED = [("requestType",), ("studyUID",), ("seriesUID",), ("objectUID",)]


@check("9.1.2", "conditional", rows=NEEDED)
def missing(server: Server, name: str) -> None:
    """A request without {0} is refused with 400"""
    parameters = {key: v for key, v in names(server.main).items() if key != name}
    wanted = (400, 404) if name == "requestType" else (400,)
    expect_status(ask(server, parameters), *wanted)


@check("9.1.2", "conditional", rows=NEEDED[1:])
def empty(server: Server, name: str) -> None:
    """A request with an empty {0} is refused with 400 or 404"""
    expect_status(ask(server, names(server.main) | {name: ""}), 400, 404)


@check("9.1.2", "conditional")
def other_request(server: Server) -> None:
    """A requestType other than WADO is refused with 400"""
    expect_status(ask(server, names(server.main) | {"requestType": "OTHER"}), 400)


@check("9.4.3", "conditional", rows=NEEDED[1:])
def not_found(server: Server, name: str) -> None:
    """An unknown {0} is answered with 404"""
    parameters = names(server.main) | {name: "1.2.3.4.5", "contentType": "application/dicom"}
    expect_status(ask(server, parameters), 404)


@check("9.5.2.1", "conditional", rows=[(str(number),) for number in (1, FRAMES)])
def frame(server: Server, number: str) -> None:
    """frameNumber={0} renders that frame"""
    answer = ask(server, sample="multi-frame", frameNumber=number, contentType="image/png")
    expect_status(answer, 200)
    path = f"{server.stored('multi-frame').first.path}/frames/{number}/rendered"
    if png(answer.content).rows != png(server.get(path, "image/png").content).rows:
        raise Fault("another picture than /rendered gives")


@check("9.5.2.1", "conditional", rows=[("0",), ("6",), ("x",), ("-1",), ("1.5",)])
def wrong_frame(server: Server, number: str) -> None:
    """frameNumber={0} of five frames is refused with 400 or 404"""
    answer = ask(server, sample="multi-frame", frameNumber=number, contentType="image/jpeg")
    expect_status(answer, 400, 404)


SIZES = [
    ("rows", {"rows": "16"}, (16, 16)),
    ("columns", {"columns": "20"}, (20, 20)),
    ("both", {"rows": "64", "columns": "64"}, (64, 64)),
    ("unequal", {"rows": "16", "columns": "200"}, (16, 16)),
]


@check("9.5.1.2", "conditional", rows=SIZES)
def size(server: Server, name: str, query: dict[str, str], wanted: tuple[int, int]) -> None:
    """rows and columns choose the size and keep the shape: {0}"""
    answer = ask(server, names(server.main) | query, contentType="image/png")
    expect_status(answer, 200)
    if size_of(answer.content) != wanted:
        raise Fault("{} × {}".format(*size_of(answer.content)))


@check("9.5.1.2", "conditional")
def own_size(server: Server) -> None:
    """Without rows and columns an image has its own size"""
    answer = ask(server, contentType="image/png")
    if size_of(answer.content) != (SIZE, SIZE):
        raise Fault("{} × {}".format(*size_of(answer.content)))


@check("9.5.1.2", "conditional")
def region(server: Server) -> None:
    """region chooses a part of the image, in parts of one"""
    means = []
    for value in ("0,0,0.5,1", "0.5,0,1,1"):
        answer = ask(server, sample="wide", contentType="image/png", region=value,
                     windowCenter="2048", windowWidth="4096")  # fmt: skip
        expect_status(answer, 200)
        means.append(png(answer.content).mean)
    if not means[0] > means[1] + 100:
        raise Fault(f"mean brightness {means[0]:.0f} left, {means[1]:.0f} right")


@check("9.5.1.2", "conditional")
def window(server: Server) -> None:
    """windowCenter and windowWidth change the brightness"""
    means = []
    for centre, width in (("4000", "100"), ("10", "10")):
        answer = ask(server, contentType="image/png", windowCenter=centre, windowWidth=width)
        expect_status(answer, 200)
        means.append(png(answer.content).mean)
    if not means[1] > means[0] + 100:
        raise Fault(f"mean brightness {means[0]:.0f} and {means[1]:.0f}")


WRONG = [
    ("rows", {"rows": "many"}),
    ("rows-zero", {"rows": "0"}),
    ("columns", {"columns": "-5"}),
    ("region", {"region": "0,0,2"}),
    ("window-alone", {"windowCenter": "100"}),
    ("window-word", {"windowCenter": "a", "windowWidth": "b"}),
    ("quality", {"imageQuality": "101"}),
]


@check("9.5.1.2", "conditional", rows=WRONG)
def wrong(server: Server, name: str, query: dict[str, str]) -> None:
    """A parameter that is not of its form is refused with 400: {0}"""
    expect_status(ask(server, names(server.main) | query, contentType="image/jpeg"), 400)


@check("9.5.1.2", "conditional")
def quality(server: Server) -> None:
    """imageQuality changes the size of a JPEG"""
    sizes = [len(ask(server, contentType="image/jpeg", imageQuality=q).content)
             for q in ("5", "100")]  # fmt: skip
    if not sizes[0] < sizes[1]:
        raise Fault(f"{sizes[0]} and {sizes[1]} bytes")


@check("9.1.2", "conditional")
def unknown(server: Server) -> None:
    """A parameter that is not known is ignored"""
    expect_status(ask(server, contentType="image/jpeg", colour="blue"), 200)


@check("9.4.1.2", "optional")
def anonymize(server: Server) -> None:
    """anonymize=yes gives an instance that says that its identity was removed"""
    answer = ask(server, contentType="application/dicom", anonymize="yes")
    expect_status(answer, 200)
    if decode(answer.content).get("PatientIdentityRemoved") != "YES":
        raise Fault("it does not say so")
