"""Search results for those who take gzip; those of metadata are with the metadata."""

import gzip

import pytest

from dicomweb.answers import Asked
from dicomweb.compression import gzipped, takes_gzip
from tests.dicomweb.conftest import Caller
from tests.dicomweb.samples import make_file


@pytest.mark.parametrize(
    "accept", ["application/dicom+json", "multipart/related; type=application/dicom+xml"]
)
def test_search_results(caller: Caller, accept: str) -> None:
    (path, *_) = caller.stored([make_file(number) for number in range(1, 6)])
    place = f"{path.split('/series/')[0]}/instances"
    plain = caller.get(place, Accept=accept)

    response = caller.get(place, Accept=accept, Accept_Encoding="gzip, br")

    assert len(plain.data) >= 1024
    assert response.headers["Content-Encoding"] == "gzip"
    assert "Content-Encoding" not in plain.headers
    assert gzip.decompress(response.data) == plain.data
    tags = {plain.headers["ETag"], response.headers["ETag"]}
    assert len(tags) == 2
    for answer in (plain, response):
        assert "Accept-Encoding" in answer.headers["Vary"]
    known = caller.get(
        place, Accept=accept, Accept_Encoding="gzip", If_None_Match=response.headers["ETag"]
    )
    assert known.status_code == 304


def test_short_results_are_given_as_they_are(caller: Caller) -> None:
    (path,) = caller.stored([make_file(1)])
    place = f"{path.split('/series/')[0]}/series"
    response = caller.get(place, Accept_Encoding="gzip")
    assert len(response.data) < 1024
    assert "Content-Encoding" not in response.headers


def test_equal_text_gives_equal_bytes() -> None:
    pieces = [b"a" * 1000, b"b" * 1000]
    assert b"".join(gzipped(pieces)) == b"".join(gzipped([b"".join(pieces)]))
    assert gzip.decompress(b"".join(gzipped(iter([])))) == b""


def test_who_says_nothing_takes_none() -> None:
    assert not takes_gzip(Asked("http://h"))
