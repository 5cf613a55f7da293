"""Checks of the Store transaction.

Standard: PS3.18 10.5 (Store), Annex I (Store Instances Response Module).
"""

from conformance.sample import BOUNDARY, encode, multipart, series
from conformance.suite import Server, check

RELATED = f'multipart/related; type="application/dicom"; boundary={BOUNDARY}'


@check("10.5.3.1")
def stores(server: Server) -> None:
    """A request with three instances is answered with 200 and names them in order"""
    slices = series()
    answer = server.post("/studies", multipart([encode(ds) for ds in slices]), RELATED)
    assert answer.status_code == 200, f"status {answer.status_code}"
    items = answer.json()["00081199"]["Value"]
    assert len(items) == len(slices), f"{len(items)} of {len(slices)} are named"
    server.instances = [item["00081155"]["Value"][0] for item in items]
    server.slices = [ds.PixelData for ds in slices]
    parts = items[0]["00081190"]["Value"][0].split("/")
    server.study, server.series = (
        parts[parts.index("studies") + 1],
        parts[parts.index("series") + 1],
    )


@check("10.5.3.2")
def stores_again(server: Server) -> None:
    """Storing an instance again succeeds and adds nothing"""
    ds = series()[0]
    body = multipart([encode(ds)])
    first, second = (server.post("/studies", body, RELATED) for _ in range(2))
    assert (first.status_code, second.status_code) == (200, 200), "not accepted twice"
    items = [answer.json()["00081199"]["Value"][0] for answer in (first, second)]
    assert items[0]["00081155"] == items[1]["00081155"], "it got another UID"


@check("10.5.3.1")
def refuses_garbage(server: Server) -> None:
    """A request in which nothing can be stored is answered with 409"""
    answer = server.post("/studies", multipart([b"not a DICOM file"]), RELATED)
    assert answer.status_code == 409, f"status {answer.status_code}"


@check("10.5.3.1")
def stores_the_good_part(server: Server) -> None:
    """A request of good and bad parts is answered with 202, and reports both"""
    good = encode(series()[0])
    answer = server.post("/studies", multipart([good, b"not a DICOM file"]), RELATED)
    assert answer.status_code == 202, f"status {answer.status_code}"
    body = answer.json()
    assert len(body["00081199"]["Value"]) == 1, "the good part is not named"
    assert {"00081198", "0008119A"} & body.keys(), "the bad part is not reported"


@check("8.6.1")
def refuses_without_boundary(server: Server) -> None:
    """A body without its closing boundary is answered with 400"""
    body = multipart([encode(series()[0])])[:-40]
    answer = server.post("/studies", body, RELATED)
    assert answer.status_code == 400, f"status {answer.status_code}"


@check("10.5.2")
def refuses_other_types(server: Server) -> None:
    """A media type that cannot be stored is answered with 415"""
    answer = server.post("/studies", b"text", "text/plain")
    assert answer.status_code == 415, f"status {answer.status_code}"
