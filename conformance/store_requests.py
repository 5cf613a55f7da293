"""Checks of Store: requests in all their forms.

Standard: PS3.18 10.5.1 (request), 10.5.4 (media types), 8.6.1.2 and 8.7.1 (multipart), RFC 2046,
RFC 9110 (content coding, Expect), RFC 9112 (chunked).
"""

import gzip

from conformance.errors import Fault
from conformance.multipart import BOUNDARY, written
from conformance.sample import one_slice
from conformance.server import DICOM_JSON, RELATED, Server, items_of
from conformance.storing import accepted, expect_refused, expect_stored, file
from conformance.suite import check
from conformance.wire import Connection

CASES = "'()+_,-./:=? x"


@check("10.5.4")
def multipart_dicom(server: Server) -> None:
    """multipart/related; type="application/dicom" is stored"""
    expect_stored(server, server.post(written([file()])))


@check("10.5.1.1")
def into_study(server: Server) -> None:
    """POST to /studies/{study} stores an instance of that study"""
    ds = server.main.sent
    answer = server.post(written([file(ds)]), path=f"/studies/{ds.StudyInstanceUID}")
    expect_stored(server, answer)


@check("8.7.1", rows=[("both-quoted", '"application/dicom"', '"{}"'),
                      ("type-unquoted", "application/dicom", '"{}"'),
                      ("boundary-unquoted", '"application/dicom"', "{}"),
                      ("none-quoted", "application/dicom", "{}")])  # fmt: skip
def quotes(server: Server, _: str, type_: str, boundary: str) -> None:
    """Parameters are understood with and without quotes: {0}"""
    named = boundary.format(BOUNDARY)
    content_type = f"multipart/related; type={type_}; boundary={named}"
    expect_stored(server, server.post(written([file()]), content_type))


@check("8.7.1")
def parameters_in_any_order(server: Server) -> None:
    """The boundary may stand before the type"""
    content_type = f'multipart/related; boundary={BOUNDARY}; type="application/dicom"'
    expect_stored(server, server.post(written([file()]), content_type))


@check("8.7.1")
def media_type_case(server: Server) -> None:
    """Media types and names of parameters are understood in any case"""
    content_type = f'Multipart/Related; TYPE="Application/DICOM"; Boundary={BOUNDARY}'
    expect_stored(server, server.post(written([file()]), content_type))


@check("RFC 2046 5.1.1", rows=[(f"{number}", mark) for number, mark in enumerate(CASES, 1)])
def boundary_characters(server: Server, _: str, mark: str) -> None:
    """A quoted boundary may hold “{1}”"""
    boundary = f"b{mark}oundary"
    content_type = f'multipart/related; type="application/dicom"; boundary="{boundary}"'
    expect_stored(server, server.post(written([file()], boundary=boundary), content_type))


@check("RFC 2046 5.1.1")
def long_boundary(server: Server) -> None:
    """A boundary may have 70 characters"""
    boundary = "b" * 70
    content_type = f'multipart/related; type="application/dicom"; boundary="{boundary}"'
    expect_stored(server, server.post(written([file()], boundary=boundary), content_type))


@check("RFC 2046 5.1.1")
def preamble(server: Server) -> None:
    """Text before the first boundary is ignored"""
    body = written([file()], before=b"This is a message in parts.\r\n")
    expect_stored(server, server.post(body))


@check("RFC 2046 5.1.1")
def line_break_first(server: Server) -> None:
    """A body may begin with a line break before its first boundary"""
    expect_stored(server, server.post(written([file()], before=b"\r\n")))


@check("RFC 2046 5.1.1")
def epilogue(server: Server) -> None:
    """Text after the closing boundary is ignored"""
    expect_stored(server, server.post(written([file()], after=b"The end.\r\n")))


@check("RFC 2046 5.1.1")
def no_final_line_break(server: Server) -> None:
    """No line break is needed after the closing boundary"""
    expect_stored(server, server.post(written([file()]).rstrip(b"\r\n")))


@check("RFC 2046 5.1.1")
def padded_boundary(server: Server) -> None:
    """Spaces may follow a boundary in its line"""
    line = f"--{BOUNDARY}".encode()
    body = written([file()]).replace(line + b"\r\n", line + b"  \r\n", 1)
    expect_stored(server, server.post(body))


FIELDS = [
    ("lower", "content-type: {}"),
    ("upper", "CONTENT-TYPE: {}"),
    ("no-space", "Content-Type:{}"),
    ("several", "Content-ID: <1@suite>\r\nContent-Type: {}\r\nX-Own: 1"),
    ("location", "Content-Type: {}\r\nContent-Location: /x/1"),
    ("version-after", "Content-Type: {}\r\nMIME-Version: 1.0"),
]


@check("RFC 2046 5.1", rows=FIELDS)
def part_headers(server: Server, _: str, headers: str) -> None:
    """Header fields of a part are understood in any case, order and company: {0}"""
    expect_stored(server, server.post(written([file()], headers=headers)))


@check("8.7.3.5.2")
def part_with_syntax(server: Server) -> None:
    """The Content-Type of a part may name its transfer syntax"""
    part = "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"
    expect_stored(server, server.post(written([file()], part)))


@check("10.5.4")
def part_without_type(server: Server) -> None:
    """A part without a Content-Type has the type of the whole"""
    body = written([file()], headers="Content-ID: <1@suite>")
    expect_stored(server, server.post(body))


@check("10.5.1")
def several(server: Server) -> None:
    """Ten instances in one request are all stored"""
    expect_stored(server, server.post(written([file() for _ in range(10)])), 10)


@check("10.5.1")
def several_studies(server: Server) -> None:
    """One request may hold instances of several studies"""
    answer = server.post(written([file(), file()]))
    expect_stored(server, answer, 2)
    urls = {item["00081190"]["Value"][0].partition("/series/")[0] for item in items_of(answer)}
    if len(urls) != 2:
        raise Fault(f"they are in {len(urls)} study")


@check("10.5.4", "optional")
def single_part(server: Server) -> None:
    """A single instance may be sent as application/dicom without parts"""
    expect_stored(server, server.post(file(), "application/dicom"))


@check("RFC 9112 7.1")
def chunked(server: Server) -> None:
    """A request with Transfer-Encoding: chunked is stored"""
    body = written([file()])
    with Connection(server) as connection:
        fields = [f"Content-Type: {RELATED}", f"Accept: {DICOM_JSON}", "Transfer-Encoding: chunked"]
        connection.head("POST", "/studies", fields)
        for start in range(0, len(body), 1000):
            piece = body[start : start + 1000]
            connection.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        connection.send(b"0\r\n\r\n")
        reply = connection.reply("POST")
    server.note(reply.body.decode("utf-8", "replace"))
    expect_refused(reply, 200, 202)


@check("RFC 9112 7.1")
def chunked_broken(server: Server) -> None:
    """A chunked request that breaks off is not answered with success"""
    body = written([file()])
    with Connection(server) as connection:
        fields = [f"Content-Type: {RELATED}", "Transfer-Encoding: chunked", "Connection: close"]
        connection.head("POST", "/studies", fields)
        connection.send(b"%x\r\n%s" % (len(body), body[:-400]))
        connection.finish()
        try:
            reply = connection.reply("POST")
        except (Fault, OSError):
            return  # closed without an answer: nobody was told that it is stored
    server.note(reply.body.decode("utf-8", "replace"))
    if reply.status in (200, 204):
        raise Fault(f"status {reply.status}")


@check("RFC 9110 10.1.1")
def expect_continue(server: Server) -> None:
    """Expect: 100-continue is answered, and the body is then stored"""
    body = written([file()])
    with Connection(server) as connection:
        fields = [f"Content-Type: {RELATED}", f"Content-Length: {len(body)}",
                  f"Accept: {DICOM_JSON}", "Expect: 100-continue"]  # fmt: skip
        connection.head("POST", "/studies", fields)
        reply = connection.reply("POST", interim=True)
        if reply.status == 100:
            connection.send(body)
            reply = connection.reply("POST")
    server.note(reply.body.decode("utf-8", "replace"))
    expect_refused(reply, 200, 202)


@check("RFC 9110 8.4", "optional")
def compressed_request(server: Server) -> None:
    """A request with Content-Encoding: gzip is stored"""
    answer = server.post(gzip.compress(written([file()])), Content_Encoding="gzip")
    expect_stored(server, accepted(answer, "bodies in gzip"))


@check("RFC 9110 8.4")
def unknown_coding(server: Server) -> None:
    """A content coding that nobody knows is refused, not stored as it is"""
    expect_refused(server.post(written([file()]), Content_Encoding="x-none"), 400, 415)


@check("10.5.1")
def slash(server: Server) -> None:
    """Storing works with a slash at the end of the path, without a redirect"""
    expect_stored(server, server.post(written([file()]), path="/studies/"))


@check("10.5.1", "interoperability")
def large(server: Server) -> None:
    """Any client: an instance of 8 MB is stored as it is"""
    ds = one_slice()
    ds.Rows = ds.Columns = 2048
    ds.PixelData = bytes(range(256)) * (2 * 2048 * 2048 // 256)
    answer = server.post(written([file(ds)]))
    expect_stored(server, answer)
