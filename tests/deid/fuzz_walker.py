"""Fuzz target: no bytes crash the engine, and what it accepts comes out clean and stable.

Run it with ``python -m tests.deid.fuzz_walker [options of libFuzzer] CORPUS``; ``test_fuzz`` does
so for a bounded time. The first byte of an input says what the rest is, the second how it is cut;
with ``--seeds FOLDER`` the inputs to begin with are written there.
"""

import io
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import atheris
import pydicom.data

with atheris.instrument_imports(include=["deid"]):
    from deid import Deidentifier, DeidError
    from deid.encoding import Encoding, elements, encoding_of, items
    from deid.fragments import Fragments
    from deid.segments import codestream_of

from tests.deid import frames
from tests.deid.build import BIG, IMPLICIT, LITTLE, MINIMUM, SYNTAXES, Element, Form, data_set

KEY = bytes(32)
TOKEN = b"Quxley^Zebulon"
LARGEST_SEED = 12_000
COMPRESSED = (frames.JPEG, frames.JPEG_LS, frames.JPEG_2000, frames.JPEG_XL)
PLAIN = (IMPLICIT, LITTLE, BIG)
HEADS = {syntax: data_set(MINIMUM, Form(syntax)) for syntax in SYNTAXES}


def one_input(data: bytes) -> None:
    """Do with one input what its first byte says."""
    if len(data) < 2:
        return
    kinds = (whole_file, behind_a_head, compressed_frames, walked)
    choice, cut, rest = data[0], data[1], data[2:]
    try:
        kinds[choice % len(kinds)](rest, choice // len(kinds), cut)
    except DeidError:
        return


def whole_file(data: bytes, _: int, cut: int) -> None:
    """A Part 10 file."""
    check(data, None, cut)


def behind_a_head(data: bytes, choice: int, cut: int) -> None:
    """A data set, behind the elements without which nothing is accepted."""
    syntax = SYNTAXES[choice % len(SYNTAXES)]
    check(HEADS[syntax] + data, syntax if syntax != SYNTAXES[2] else LITTLE, cut)


def compressed_frames(data: bytes, choice: int, cut: int) -> None:
    """A value of compressed pixel data."""
    syntax = COMPRESSED[choice % len(COMPRESSED)]
    written = passed(data, syntax, cut)
    assert len(written) == len(data)
    assert passed(written, syntax, 255) == written


def walked(data: bytes, choice: int, _: int) -> None:
    """A data set that is only walked."""
    walk(data, 0, len(data), encoding_of(PLAIN[choice % len(PLAIN)]), 0)


def walk(data: bytes, start: int, end: int, enc: Encoding, depth: int) -> None:
    """Visit everything; depth is bounded because sequences of undefined length are."""
    last = start
    for _, vr, first, behind in elements(data, start, end, enc):
        assert last <= first <= behind <= end
        last = behind
        if vr == "SQ" and depth < 20:
            for a, b in items(data, first, behind, enc):
                assert first <= a <= b <= behind
                walk(data, a, b, enc, depth + 1)


def check(data: bytes, syntax: str | None, cut: int) -> None:
    """Run the engine; what it accepts must be clean, readable and stable, however it is cut."""
    written = run(data, syntax, 1 << 16)
    if syntax is not None:
        assert TOKEN not in written
    assert run(data, syntax, cut + 1) == written
    assert run(written, None, 1 << 16) == written
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        ds = pydicom.dcmread(io.BytesIO(written))
    assert ds.get_item("PatientID").value.strip() == b"0"


def run(data: bytes, syntax: str | None, chunk: int) -> bytes:
    """De-identify."""
    out: list[bytes] = []
    engine = Deidentifier(KEY, out.append, transfer_syntax=syntax)
    feed_all(engine.feed, data, chunk)
    engine.finish()
    return b"".join(out)


def passed(data: bytes, syntax: str, cut: int) -> bytes:
    """Send fragments through."""
    out: list[bytes] = []
    fragments = Fragments(out.append, 0, 1 << 10, codestream_of(syntax, out.append))

    def feed(piece: bytes) -> None:
        # what would be the next element
        out.append(bytes(fragments.feed(memoryview(piece))))

    feed_all(feed, data, cut + 1)
    if not fragments.done:
        raise DeidError
    return b"".join(out)


def feed_all(feed: Callable[[bytes], object], data: bytes, chunk: int) -> None:
    """Cut data into chunks."""
    for start in range(0, len(data), chunk):
        feed(data[start : start + chunk])


def seeds() -> Iterator[bytes]:
    """Yield inputs to begin with: small files of pydicom, and everything that tests build."""
    bundled = Path(pydicom.data.__file__).parent / "test_files"
    for path in sorted(bundled.glob("*.dcm")):
        if path.stat().st_size < LARGEST_SEED:
            yield b"\0\xff" + path.read_bytes()
    inner: list[Element] = [(0x0040A123, "PN", TOKEN), (0x00081155, "UI", b"1.2.77.88")]
    extra: list[Element] = [
        (0x0040A730, "SQ", [inner, [(0x0040A043, "SQ", [inner])]]),
        (0x00400275, "SQ", [[(0x00321060, "LO", b"HEAD")]]),
        (0x00291010, "UN", b"private"),
    ]
    for number, syntax in enumerate(SYNTAXES):
        for undefined in (False, True):
            body = data_set(extra, Form(syntax, undefined))
            yield bytes((1 + 4 * number, 60)) + body
            yield bytes((3 + 4 * (number % 3), 0)) + body
    for number, frame in enumerate(
        (frames.jpeg(), frames.jpeg_ls(), frames.commented(frames.codestream()), b"")
    ):
        value = frames.encapsulated([frame, frame or frames.jpeg_xl(boxed=True)])
        yield bytes((2 + 4 * number, 90)) + value[:LARGEST_SEED]
    yield b"\x0a\x00" + frames.encapsulated([frames.jp2(frames.codestream())])


def main() -> None:
    """Write seeds, or fuzz."""
    if sys.argv[1:2] == ["--seeds"]:
        folder = Path(sys.argv[2])
        for number, seed in enumerate(seeds()):
            (folder / f"seed-{number}").write_bytes(seed)
        return
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
