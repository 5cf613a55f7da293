"""Checks of thumbnails.

Standard: PS3.18 10.4.1.1.4, 10.4.3.3.4, 8.3.5.1.3 (viewport). All of it is optional.
"""

from conformance.errors import Fault
from conformance.pictures import kind_of, size_of
from conformance.reading import expect_status
from conformance.server import Server
from conformance.suite import check

LEVELS = [("study", "study_path", ""), ("series", "series_path", ""), ("instance", "path", ""),
          ("frame", "path", "/frames/1")]  # fmt: skip


def path_of(server: Server, place: str, frame: str) -> str:
    """Return the path of a thumbnail of the main study."""
    return f"{getattr(server.main, place)}{frame}/thumbnail"


@check("10.4.1.1.4", "optional", rows=LEVELS)
def level(server: Server, name: str, place: str, frame: str) -> None:
    """The {0} has a thumbnail"""
    answer = server.get(path_of(server, place, frame), "image/jpeg")
    expect_status(answer, 200)
    if kind_of(answer.content) != "image/jpeg":
        raise Fault("no JPEG")


@check("10.4.3.3.4", "optional", rows=LEVELS)
def default(server: Server, name: str, place: str, frame: str) -> None:
    """The thumbnail of the {0} is a single JPEG when nothing else is asked for"""
    answer = server.get(path_of(server, place, frame), "*/*")
    expect_status(answer, 200)
    if kind_of(answer.content) != "image/jpeg":
        raise Fault(answer.headers.get("Content-Type", "no Content-Type"))


@check("8.3.5.1.3", "optional")
def viewport(server: Server) -> None:
    """viewport chooses the size of a thumbnail"""
    answer = server.get(f"{server.main.path}/thumbnail?viewport=20,20", "image/jpeg")
    expect_status(answer, 200)
    if size_of(answer.content) != (20, 20):
        raise Fault("{} × {}".format(*size_of(answer.content)))


@check("8.3.5.1.3", "optional")
def shape(server: Server) -> None:
    """A thumbnail keeps the shape of the image"""
    path = f"{server.stored('wide').first.path}/thumbnail?viewport=64,64"
    answer = server.get(path, "image/jpeg")
    expect_status(answer, 200)
    if size_of(answer.content) != (64, 32):
        raise Fault("{} × {}".format(*size_of(answer.content)))


WRONG = [("region", "viewport=20,20,0,0,10,10"), ("words", "viewport=small"),
         ("zero", "viewport=0,0")]  # fmt: skip


@check("10.4.1.2", "optional", rows=WRONG)
def wrong_parameter(server: Server, name: str, query: str) -> None:
    """A parameter that a thumbnail does not take is refused with 400: {1}"""
    expect_status(server.get(f"{server.main.path}/thumbnail", "image/jpeg"), 200)
    expect_status(server.get(f"{server.main.path}/thumbnail?{query}", "image/jpeg"), 400)


KINDS = ("report", "presentation-state", "key-object", "document", "waveform", "segmentation",
         "multi-frame", "colour", "rle", "jpeg-2000")  # fmt: skip


@check("10.4.1.1.4", "optional", rows=[(kind,) for kind in KINDS])
def kinds(server: Server, sample: str) -> None:
    """An object of another kind has a thumbnail as well: {0}"""
    answer = server.get(f"{server.stored(sample).first.path}/thumbnail", "image/jpeg")
    expect_status(answer, 200)
    if kind_of(answer.content) != "image/jpeg":
        raise Fault("no JPEG")


@check("10.4.3.1", "optional")
def not_found(server: Server) -> None:
    """A thumbnail of what is not there is answered with 404"""
    expect_status(server.get(f"{server.main.path}/thumbnail", "image/jpeg"), 200)
    expect_status(server.get("/studies/1.2.3.4.5/thumbnail", "image/jpeg"), 404)


@check("8.7.8.1", "optional")
def not_acceptable(server: Server) -> None:
    """A thumbnail is refused with 406 in a type that is no picture"""
    expect_status(server.get(f"{server.main.path}/thumbnail", "text/html"), 406)
