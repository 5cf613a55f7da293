"""Metadata that are put together from known pieces are those that are made of the whole."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deid import Deidentified, Deidentifier, DeidError, Truncated
from deid.body import Streamed
from deid.encoding import (
    EXPLICIT_BIG,
    EXPLICIT_LITTLE,
    IMPLICIT_LITTLE,
    UNDEFINED,
    Encoding,
    encode_element,
    encode_header,
    encoding_of,
)
from store import metadata_pieces
from store.metadata import build, dumps
from store.metadata_pieces import Metadata, Pieces

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

KEY = bytes(range(32))
WANTED = frozenset({"00080060", "00081030", "00280010", "00280106", "00283000"})
EXPLICIT = encoding_of(EXPLICIT_LITTLE)
STEP = 1 << 18


def deidentified(path: Path) -> Deidentified:
    engine = Deidentifier(KEY, lambda _: None)
    with path.open("rb") as file:
        while piece := file.read(STEP):
            engine.feed(piece)
    return engine.finish()


def assert_same(pieces: Pieces, *given: Any) -> Metadata:  # noqa: ANN401 - as `build` takes them
    whole = build(*given)
    made = pieces.assemble(*given)
    assert made.text == dumps(whole)
    assert made.values == {name: whole[name] for name in WANTED & whole.keys()}
    return made


def test_real_files_have_the_same_metadata_met_or_not(shared_data: Path) -> None:
    """All of them through one memory, so that what one leaves there may spoil another."""
    pieces = Pieces(WANTED)
    seen = 0
    for path in sorted(path for path in shared_data.rglob("*") if path.is_file()):
        try:
            result = deidentified(path)
        except DeidError:
            continue
        seen += 1
        encoding = encoding_of(result.transfer_syntax)
        for instance in ("/studies/1", "/studies/1", "/studies/2"):
            parts = result.header, result.trailer, result.streamed
            assert_same(pieces, *parts, encoding, instance)
    assert seen > 100


def texts(encoding: Any) -> list[bytes]:  # noqa: ANN401 - an Encoding
    """Elements whose text depends on what stands in front of them, and some others."""

    def one(tag: int, vr: str, value: bytes) -> bytes:
        return encode_element(tag, vr, value, encoding)

    signed = one(0x00280103, "US", b"\1\1")
    inner = one(0x00081030, "LO", "Schädel".encode("latin-1"))
    item = encode_header(0xFFFEE000, "", len(inner), encoding) + inner
    signing = encode_header(0xFFFEE000, "", len(signed), encoding) + signed
    ends = encode_header(0xFFFEE0DD, "", 0, encoding)
    return [
        one(0x00080000, "UL", bytes(4)),
        one(0x00080005, "CS", b"ISO_IR 100"),
        one(0x00080005, "CS", b"ISO_IR 144"),
        one(0x00080005, "CS", b""),
        one(0x00080005, "CS", b"nonsense"),
        one(0x00080060, "CS", b"CT"),
        one(0x00081030, "LO", "Schädel".encode("latin-1")),
        one(0x00081030, "LO", b'\1"BulkDataURI":"\1'),
        one(0x00081140, "SQ", item),
        encode_header(0x00081140, "SQ", UNDEFINED, encoding) + item + ends,
        one(0x00081140, "SQ", signing),
        one(0x00280010, "US", b"\2\0"),
        signed,
        one(0x00280103, "US", bytes(2)),
        one(0x00280106, "US", b"\xff\xff"),
        one(0x00283000, "SQ", b""),
        one(0x00281201, "OW", bytes(300)),
        one(0x00091001, "LT", b"x" * 40_000),
    ]


@settings(max_examples=200, deadline=None)
@given(
    syntax=st.sampled_from([EXPLICIT_LITTLE, EXPLICIT_BIG, IMPLICIT_LITTLE]),
    series=st.lists(st.lists(st.integers(0, 17), max_size=9), min_size=2, max_size=6),
)
def test_what_an_element_depends_on_is_not_forgotten(syntax: str, series: list[list[int]]) -> None:
    encoding = encoding_of(syntax)
    elements = texts(encoding)
    pieces = Pieces(WANTED)
    # Noted the first time, remembered the second, taken from there the third.
    for numbers in series * 3:
        header = b"".join(elements[number] for number in numbers)
        assert_same(pieces, header, b"", (), encoding, "/studies/1")


def test_elements_between_and_behind_streamed_values_stand_in_order() -> None:
    header = encode_element(0x00080060, "CS", b"CT", EXPLICIT)
    trailer = encode_element(0x00420012, "LO", b"application/pdf ", EXPLICIT)
    streamed = [Streamed(0x00420011, "OB", 500, 0), Streamed(0x7FE00010, "OW", 900, 4)]
    pieces = Pieces(WANTED)
    for instance in ("/studies/1", "/studies/2"):
        made = assert_same(pieces, header, trailer, streamed, EXPLICIT, instance)
        assert f'"\x01{instance}/bulkdata/7FE00010"'.encode() in made.text
        assert list(made.values) == ["00080060"]


def test_an_element_that_ends_too_early_is_told() -> None:
    element = encode_element(0x00080060, "CS", b"CT", EXPLICIT)
    for size in range(1, len(element)):
        with pytest.raises(Truncated):
            Pieces(WANTED).assemble(element[:size], b"", (), EXPLICIT, "/studies/1")


@pytest.mark.parametrize("limit", ["MOST_ELEMENTS", "MOST_BYTES"])
def test_what_is_remembered_has_a_limit(monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    monkeypatch.setattr(metadata_pieces, limit, 100)
    pieces = Pieces(WANTED)
    for number in range(1000):
        header = encode_element(0x00280010, "US", number.to_bytes(2, "little"), EXPLICIT)
        for series in (2 * number, 2 * number + 1):
            assert_same(pieces, header, b"", (), EXPLICIT, of_series(series))
        assert 1 <= _remembered(pieces) <= 100


def test_what_is_an_instances_own_is_not_remembered() -> None:
    pieces = Pieces(WANTED)
    shared = encode_element(0x00080060, "CS", b"CT", EXPLICIT)
    for number in range(1000):
        own = encode_element(0x00080018, "UI", f"2.25.{number:05}".encode(), EXPLICIT)
        assert_same(pieces, own + shared, b"", (), EXPLICIT, of_series(number))
    assert _remembered(pieces) == 1
    assert_same(pieces, own + shared, b"", (), EXPLICIT, of_series(1000))
    assert _remembered(pieces) == 2


def test_what_is_noted_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata_pieces, "MOST_NOTED", 100)
    pieces = Pieces(WANTED)
    for number in range(1000):
        header = encode_element(0x00280010, "US", number.to_bytes(2, "little"), EXPLICIT)
        assert_same(pieces, header, b"", (), EXPLICIT, "/studies/1")
        assert 1 <= len(pieces._noted) <= 100


def variants(encoding: Encoding) -> list[list[bytes]]:
    """Elements in the order of a header, each with values that the next of its series may have."""

    def each(tag: int, vr: str, *values: bytes) -> list[bytes]:
        return [encode_element(tag, vr, value, encoding) for value in values]

    item = encode_element(0x00081150, "UI", b"1.2\0", encoding)
    framed = encode_header(0xFFFEE000, "", len(item), encoding) + item
    marked = encode_element(0x00081030, "LO", b'\1"BulkDataURI":"\1', encoding)
    return [
        each(0x00080005, "CS", b"ISO_IR 100", b"ISO_IR 192", b""),
        each(0x00080018, "UI", b"1.2.3\0", b"1.2.34", b"1.2.3.4\0"),
        [*each(0x00081030, "LO", "\u00e9 ".encode("latin-1"), "\u00e9".encode(), b""), marked],
        each(0x00081140, "SQ", framed, b""),
        each(0x00280010, "US", b"\2\0", b"\3\0"),
        each(0x00280103, "US", bytes(2), b"\1\0"),
        each(0x00280106, "US", b"\xff\xff", b"\0\0"),
        each(0x00281201, "OW", bytes(300), bytes(4)),
    ]


@settings(max_examples=200, deadline=None)
@given(
    syntax=st.sampled_from([EXPLICIT_LITTLE, EXPLICIT_BIG, IMPLICIT_LITTLE]),
    tags=st.sets(st.integers(0, 7), min_size=1),
    series=st.lists(st.lists(st.integers(0, 3), min_size=8, max_size=8), min_size=2, max_size=8),
)
def test_the_next_header_of_a_series_has_its_own_values(
    syntax: str, tags: set[int], series: list[list[int]]
) -> None:
    encoding = encoding_of(syntax)
    made = variants(encoding)
    pieces = Pieces(WANTED)
    for number, choice in enumerate(series):
        header = b"".join(made[tag][choice[tag] % len(made[tag])] for tag in sorted(tags))
        assert_same(pieces, header, b"", (), encoding, f"/studies/1/series/1/instances/{number}")


def test_elements_that_are_equal_are_not_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    pieces = Pieces(WANTED)
    shared = encode_element(0x00080060, "CS", b"CT", EXPLICIT)
    looked_up = []
    ordinary = Pieces._looked_up

    def count(self: Pieces, *given: Any) -> Any:  # noqa: ANN401 - as the method takes them
        looked_up.append(given)
        return ordinary(self, *given)

    monkeypatch.setattr(Pieces, "_looked_up", count)
    for number in range(3):
        own = encode_element(0x00080018, "UI", f"2.25.{number:05}".encode(), EXPLICIT)
        assert_same(pieces, own + shared, b"", (), EXPLICIT, of_series(1))
    assert len(looked_up) == 2 + 1 + 1


def test_the_headers_of_a_few_series_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata_pieces, "MOST_SERIES", 3)
    pieces = Pieces(WANTED)
    header = encode_element(0x00080060, "CS", b"CT", EXPLICIT)
    for number in range(10):
        assert_same(pieces, header, b"", (), EXPLICIT, of_series(number))
    assert [series for _, series in pieces._headers] == [
        of_series(number).rpartition("/instances/")[0] for number in (7, 8, 9)
    ]


def of_series(number: int) -> str:
    return f"/studies/1/series/{number}/instances/1"


def _remembered(pieces: Pieces) -> int:
    return sum(map(len, pieces._known.values()))
