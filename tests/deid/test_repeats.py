"""An instance that repeats the header of its series comes out as if nothing were remembered."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deid import DeidError, stream
from deid.repeats import Repeat, Repeats
from tests.deid.build import CT, SYNTAXES, Element, instance
from tests.deid.conftest import sample
from tests.deid.engine import Output, run

SERIES: list[Element] = [
    (0x00080005, "CS", b"ISO_IR 100"),
    (0x00080008, "CS", b"ORIGINAL\\PRIMARY\\AXIAL"),
    (0x00080020, "DA", b"20200304"),
    (0x00080050, "SH", b"ACC-12345"),
    (0x00081030, "LO", b"CT CHEST Quxley"),
    (0x00081140, "SQ", [[(0x00081150, "UI", CT.encode()), (0x00081155, "UI", b"1.2.3.9")]]),
    (0x00090010, "LO", b"ACME"),
    (0x00091001, "LO", b"Quxley"),
    (0x00180050, "DS", b"5"),
    (0x00181210, "SH", b"B30f"),
    (0x00200013, "IS", b"1"),
    (0x00200032, "DS", b"1\\2\\3"),
    (0x00200052, "UI", b"1.2.3.4.5"),
    (0x00204000, "LT", b"a note of Dr Wobble"),
    (0x00280002, "US", b"\1\0"),
    (0x00280301, "CS", b"NO"),
    (0x00400275, "SQ", [[(0x00321060, "LO", b"Wobble"), (0x00400007, "LO", b"CHEST")]]),
    (0x7FE00010, "OW", b"\1\2" * 64),
]
NAMES = st.sampled_from([b"Quxley^Zebulon", b"Wobble^Ada", b"", b"CHEST^X", b"Li^Bo"])
UIDS = st.sampled_from([b"1.2.3.4.5", b"1.2.3.4.6", b"1.2.840.10008.5.1.4.1.1.2", b""])
TEXTS = st.sampled_from([b"CT CHEST", b"Quxley", b"AX T2", b"20200304", b"", b"5 mm Wobble"])
CHANGES: dict[int, st.SearchStrategy[object]] = {
    0x00080008: st.sampled_from([b"ORIGINAL\\PRIMARY", b"DERIVED\\QUXLEY"]),
    0x00080018: st.sampled_from([b"1.2.3.4.5.1", b"1.2.3.4.5.2", b"1.2.3.4.5.33"]),
    0x00080020: st.sampled_from([b"20200305", b"nonsense", b""]),
    0x00080050: st.sampled_from([b"ACC-99999", b""]),
    0x00081030: TEXTS,
    0x00081140: st.lists(UIDS.map(lambda uid: [(0x00081155, "UI", uid)]), max_size=2),
    0x00091001: TEXTS,
    0x00100010: NAMES,
    0x00100020: st.sampled_from([b"QX-771204", b"QX-771205", b"100"]),
    0x00180050: st.sampled_from([b"2.5", b"Wobble"]),
    0x0020000D: st.sampled_from([b"1.2.826.0.1.3680043.99.1", b"1.2.3.4.7"]),
    0x00200013: st.sampled_from([b"2", b"3", b"112"]),
    0x00200032: st.sampled_from([b"1\\2\\4", b"1.5\\2.25\\-3"]),
    0x00200052: UIDS,
    0x00204000: TEXTS,
    0x00280301: st.sampled_from([b"YES", b"NO"]),
    0x00400275: TEXTS.map(lambda text: [[(0x00400007, "LO", text)], [(0x00080090, "PN", text)]]),
}


def changes() -> st.SearchStrategy[dict[int, object]]:
    """Some other values; None: the element is absent."""
    one = st.sampled_from(sorted(CHANGES)).flatmap(
        lambda tag: st.tuples(st.just(tag), st.none() | CHANGES[tag])
    )
    return st.dictionaries(st.integers(0, 3), one, max_size=4).map(lambda d: dict(d.values()))


def build(changed: dict[int, object], syntax: str, *, undefined: bool) -> bytes:
    elements = {e[0]: e for e in SERIES}
    base = {e[0]: e for e in BASIC_ELEMENTS}
    for tag, value in changed.items():
        for known in (elements, base):
            if tag in known and value is None and tag not in (0x00080018, 0x0020000D):
                del known[tag]
            elif tag in known and value is not None:
                known[tag] = (tag, known[tag][1], value)  # type: ignore[assignment]
    return instance(list(elements.values()), syntax, undefined=undefined, base=list(base.values()))


BASIC_ELEMENTS: list[Element] = [
    (0x00080018, "UI", b"1.2.826.0.1.3680043.99.3"),
    (0x00080060, "CS", b"CT"),
    (0x00100010, "PN", b"Quxley^Zebulon"),
    (0x00100020, "LO", b"QX-771204"),
    (0x0020000D, "UI", b"1.2.826.0.1.3680043.99.1"),
    (0x0020000E, "UI", b"1.2.826.0.1.3680043.99.2"),
]


class Forgetful(Repeats):
    """Recognises nothing."""

    def candidates(self, setting: object) -> list[object]:  # type: ignore[override]
        del setting
        return []


def outcome(data: bytes, chunk: int) -> tuple[object, ...]:
    try:
        output = run(data, chunk=chunk)
    except DeidError as error:
        return type(error), str(error)
    receipt = output.result.receipt.to_json()
    return output.data, receipt, replace(output.result, receipt=None)  # type: ignore[arg-type]


@settings(max_examples=150, deadline=None)
@given(
    series=st.lists(changes(), min_size=3, max_size=6),
    syntax=st.sampled_from(SYNTAXES),
    undefined=st.booleans(),
    chunk=st.sampled_from([1 << 16, 700]),
)
def test_twins(
    series: list[dict[int, object]],
    syntax: str,
    undefined: bool,
    chunk: int,
) -> None:
    files = [build(changed, syntax, undefined=undefined) for changed in ({}, {}, *series)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "_REPEATS", Forgetful())
        expected = [outcome(data, chunk) for data in files]
        patch.setattr(stream, "_REPEATS", Repeats())
        found = [outcome(data, chunk) for data in files]
    assert found == expected


@pytest.fixture
def matches(monkeypatch: pytest.MonkeyPatch) -> list[Repeat]:
    """What was recognised as a repetition."""
    found: list[Repeat] = []

    class Seen(Repeats):
        def match(self, *args: object) -> Repeat | None:
            repeat = super().match(*args)  # type: ignore[arg-type]
            if repeat is not None:
                found.append(repeat)
            return repeat

    monkeypatch.setattr(stream, "_REPEATS", Seen())
    return found


def slices(count: int) -> list[bytes]:
    return [
        build(
            {0x00080018: b"1.2.3.4.5.%d" % n, 0x00200013: b"%d" % n, 0x00200032: b"1\\2\\%d" % n},
            SYNTAXES[1],
            undefined=False,
        )
        for n in range(count)
    ]


def test_the_third_slice_is_recognised(matches: list[Repeat]) -> None:
    outputs = [run(data) for data in slices(6)]
    assert len(matches) == 4
    assert len({output.ds.SOPInstanceUID for output in outputs}) == 6
    assert [output.ds.InstanceNumber for output in outputs] == list(range(6))
    assert all(b"Quxley" not in output.data for output in outputs)


@pytest.mark.parametrize(
    ("tag", "value"),
    [
        (0x00100010, b"Wobble^Ada"),
        (0x00100020, b"QX-771205"),
        (0x00080050, b"ACC-99999"),
        (0x00280301, b"YES"),
        (0x0020000D, b"1.2.3.4.7"),
        (0x00204000, None),
    ],
)
def test_another_person_or_another_header_is_no_repetition(
    matches: list[Repeat], tag: int, value: bytes | None
) -> None:
    for data in slices(3):
        run(data)
    assert len(matches) == 1
    output = run(build({tag: value}, SYNTAXES[1], undefined=False))
    assert len(matches) == 1
    assert output.ds.PatientName == "Anonymized^^"


def test_another_key_or_profile_is_no_repetition(matches: list[Repeat]) -> None:
    for data in slices(3):
        run(data)
    assert len(matches) == 1
    other = run(slices(4)[3], key=bytes(32))
    assert len(matches) == 1
    assert other.ds.StudyInstanceUID != run(slices(4)[3]).ds.StudyInstanceUID


def test_only_the_last_series_are_remembered() -> None:
    known = Repeats()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stream, "_REPEATS", known)
        for series in range(40):
            change: dict[int, object] = {0x0020000E: b"1.2.3.%d" % series}
            for number in range(2):
                change[0x00080018] = b"1.2.3.%d.%d" % (series, number)
                run(build(change, SYNTAXES[1], undefined=False))
    assert len(known._learnt) <= 16


@pytest.mark.parametrize(
    "name", ["CT_small.dcm", "MR_small_implicit.dcm", "MR_small_bigendian.dcm", "image_dfl.dcm"]
)
def test_real_files_sent_again_come_out_the_same(matches: list[Repeat], name: str) -> None:
    data = sample(name)
    outputs: list[Output] = [run(data, chunk=size) for size in (1 << 20, 4096, 1 << 16, 333)]
    assert len(matches) == 2
    assert len({output.data for output in outputs}) == 1
