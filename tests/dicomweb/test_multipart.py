"""Multipart bodies, however they are cut into reads."""

from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomweb.errors import BrokenBody
from dicomweb.multipart import MAX_HEADER_BYTES, boundary_for, closing, opening, read_parts

ParsedPart = tuple[dict[str, str], bytes]


def _cut(body: bytes, step: int) -> Iterator[bytes]:
    return (body[at : at + step] for at in range(0, len(body), step))


def _read(body: bytes, boundary: str = "b", step: int = 1 << 16) -> list[ParsedPart]:
    parts = read_parts(_cut(body, step), boundary)
    return [(part.headers, b"".join(part.content)) for part in parts]


def _body(contents: list[bytes], boundary: str = "b") -> bytes:
    parts = b"".join(b"--%s\r\nA: 1\r\n\r\n%s\r\n" % (boundary.encode(), c) for c in contents)
    return parts + b"--%s--\r\n" % boundary.encode()


# Contents that look as much like delimiters as they may without being one.
_TRICKY = st.lists(
    st.sampled_from([b"\r", b"\n", b"-", b"--", b"b", b"\r\n--", b"\r\n--bx", b"\r\n--c", b"\0"]),
    max_size=12,
).map(b"".join)


def _holds_a_delimiter(content: bytes) -> bool:
    padded = b"\r\n" + content + b"\r\n"
    return b"\r\n--b\r\n" in padded or b"\r\n--b--" in padded


@settings(deadline=None, max_examples=300)
@given(st.lists(_TRICKY, min_size=1, max_size=4), st.integers(1, 40))
def test_any_content_is_read_in_steps_of_any_size(contents: list[bytes], step: int) -> None:
    contents = [content for content in contents if not _holds_a_delimiter(content)] or [b""]

    parts = _read(_body(contents), step=step)

    assert [content for _, content in parts] == contents
    assert all(headers == {"a": "1"} for headers, _ in parts)


@pytest.mark.parametrize("step", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize(
    "body",
    [
        b"--b\r\nA: 1\r\n\r\nxyz\r\n--b--",
        b"\r\n--b\r\nA: 1\r\n\r\nxyz\r\n--b--\r\n",
        b"preamble\r\nof two lines\r\n--b\r\nA: 1\r\n\r\nxyz\r\n--b--\r\nepilogue --b",
        b"--b \t \r\na:1\r\n\r\nxyz\r\n--b--",
        b"--bogus\r\n--b\r\nA: 1\r\n\r\nxyz\r\n--b--",
        b"--b\r\nA:\r\n 1\r\n\r\nxyz\r\n--b--",
    ],
)
def test_framing_is_read_leniently(body: bytes, step: int) -> None:
    assert _read(body, step=step) == [({"a": "1"}, b"xyz")]


@pytest.mark.parametrize("step", [1, 5, 1000])
def test_parts_may_lack_headers_and_content(step: int) -> None:
    body = b"--b\r\n\r\nx\r\n--b\r\n\r\n\r\n--b\r\nA: 1\r\n\r\n--b\r\n\r\ny\r\n--b--"

    assert _read(body, step=step) == [({}, b"x"), ({}, b""), ({"a": "1"}, b""), ({}, b"y")]


@pytest.mark.parametrize("step", [1, 1000])
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"no delimiter",
        b"--c\r\n\r\nx\r\n--c--",
        b"--b\r\n\r\nx",
        b"--b\r\n\r\nx\r\n--b",
        b"--b\r\n\r\nx\r\n--b\r\n",
        b"--b\r\n\r\nx\r\n--b-",
        b"--b\r\nA: 1",
        b"--b",
    ],
)
def test_body_without_its_closing_boundary_is_broken(body: bytes, step: int) -> None:
    with pytest.raises(BrokenBody):
        _read(body, step=step)


def test_endless_header_is_refused() -> None:
    with pytest.raises(BrokenBody, match="header"):
        _read(b"--b\r\nA: " + b"x" * (2 * MAX_HEADER_BYTES + 100_000), step=1000)


def test_too_many_parts_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dicomweb.multipart.MAX_PARTS", 3)

    assert len(_read(_body([b"x"] * 3))) == 3
    with pytest.raises(BrokenBody, match="parts"):
        _read(_body([b"x"] * 4))


def test_content_that_is_not_used_is_passed_over() -> None:
    headers = [part.headers for part in read_parts(_cut(_body([b"x" * 999] * 3), 10), "b")]

    assert headers == [{"a": "1"}] * 3


def test_content_comes_while_the_body_is_still_coming() -> None:
    taken = 0

    def chunks() -> Iterator[bytes]:
        nonlocal taken
        yield b"--b\r\n\r\n"
        for _ in range(100):
            taken += 1
            yield b"x" * 1000
        yield b"\r\n--b--"

    part = next(read_parts(chunks(), "b"))
    largest = 0
    for piece in part.content:
        largest = max(largest, len(piece))
        assert taken > 0
    assert largest <= 1000 + len(b"\r\n--b")


@pytest.mark.parametrize("boundary", ["'()+_,-./:=?", "x" * 70, "with space in it"])
def test_every_boundary_character_is_taken(boundary: str) -> None:
    assert _read(_body([b"1", b"2"], boundary), boundary) == [
        ({"a": "1"}, b"1"),
        ({"a": "1"}, b"2"),
    ]


def test_what_is_written_can_be_read() -> None:
    boundary = boundary_for("tag")
    body = b"".join(
        [
            opening(boundary, "image/jp2; transfer-syntax=1.2", "http://h/1", 3, first=True),
            b"one",
            opening(boundary, "image/jp2; transfer-syntax=1.2", "http://h/2", None, first=False),
            b"two",
            closing(boundary),
        ]
    )
    common = {"content-type": "image/jp2; transfer-syntax=1.2"}

    assert _read(body, boundary) == [
        ({**common, "content-location": "http://h/1", "content-length": "3"}, b"one"),
        ({**common, "content-location": "http://h/2"}, b"two"),
    ]
    assert boundary_for("tag") == boundary != boundary_for("tag", "tag")
