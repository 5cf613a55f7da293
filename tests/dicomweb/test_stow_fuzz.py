"""No body, and no header of one, is answered with a 500, a quotation or not at all."""

import gzip
import json
import logging
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dicomweb.native_xml import to_xml
from tests.dicomweb.app import create_app
from tests.dicomweb.conftest import Caller
from tests.dicomweb.metadata_store import Part, body, bulk_part, json_part, model, xml_part
from tests.dicomweb.samples import SECRETS, make_file, make_slice

_SLICE = make_slice()
_MODEL = model(_SLICE)
_FILE = {"Content-Type": "application/dicom"}, make_file(1)
_GOOD: list[list[Part]] = [
    [_FILE],
    [_FILE, ({"content-type": "application/dicom; x=y"}, make_file(2))],
    [json_part(_MODEL), bulk_part(_SLICE.PixelData)],
    [json_part(_MODEL, model(_SLICE, "b")), bulk_part(_SLICE.PixelData, "b")],
    [xml_part(_MODEL), bulk_part(_SLICE.PixelData)],
    [json_part(_MODEL), bulk_part(b"\x89PNG\r\n\x1a\n" + bytes(40), content_type="image/png")],
    [json_part(_MODEL), bulk_part(b"\xff\xd8\xff\xc0\0\x0b\x08", content_type="image/jpeg")],
]
_TYPES = st.sampled_from(
    [
        'multipart/related; type="application/dicom"; boundary=b0undary',
        'multipart/related; type="application/dicom+json"; boundary="b0undary"',
        "multipart/related; type=application/dicom+xml; boundary=b0undary",
        "multipart/related; boundary=b0undary",
        "multipart/related; boundary=--",
        'multipart/related; boundary=""; type="*/*"',
        "multipart/related; boundary=\u00e4",
        "multipart/mixed; boundary=b0undary",
        "application/dicom",
        "application/dicom+json",
        "application/dicom+xml",
        "application/json",
        "; = ;",
    ]
)
_ENCODINGS = st.sampled_from([None] * 9 + ["gzip", "gzip", "deflate", "deflate", "identity", "br"])
_ACCEPTS = st.sampled_from(["*/*", "application/dicom+xml"] * 5 + ["text/html"])
_PIECES = st.one_of(
    st.binary(max_size=8),
    st.sampled_from(
        [
            b"\r\n--b0undary",
            b"\r\n--b0undary--",
            b"\r\n\r\n",
            b"--b0undary\r\nContent-Type: application/dicom+json\r\n\r\n[{}]",
            b'"vr":"SQ","Value":[',
            b'"BulkDataURI":"bulk/1"',
            b"null",
            b"1e999",
            b"<Value>",
            b"<![CDATA[",
            b"&a;",
            b"\xff\xff\xff\xff",
            b"SECRETNAME",
        ]
    ),
)


@st.composite
def _damaged(draw: st.DrawFn, whole: bytes) -> bytes:
    out = bytearray(whole)
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(out)))
        out[at : at + draw(st.integers(0, 20))] = draw(_PIECES)
    if draw(st.integers(0, 4)) == 0:
        del out[draw(st.integers(0, len(out))) :]
    return bytes(out)


@st.composite
def _requests(draw: st.DrawFn) -> tuple[bytes, str, dict[str, str], str]:
    parts = draw(st.sampled_from(_GOOD))
    plain = draw(
        st.one_of(
            st.just(body(parts)),
            st.just(body(parts)),
            st.permutations(parts).map(body),
            st.just(parts[0][1]),
            st.binary(max_size=60),
        )
    )
    plain = draw(_damaged(plain))
    encoding = draw(_ENCODINGS)
    if encoding == "gzip":
        plain = gzip.compress(plain, 1)
    elif encoding == "deflate":
        plain = zlib.compress(plain, 1)
    if encoding and draw(st.integers(0, 3)) == 0:
        plain = draw(_damaged(plain))
    headers = {"Accept": draw(_ACCEPTS)}
    if encoding:
        headers["Content-Encoding"] = encoding
    path = draw(st.sampled_from(["/studies", "/studies/1.2.3"]))
    kind = parts[0][0].get("Content-Type", "").partition(";")[0]
    fitting = f'multipart/related; type="{kind}"; boundary=b0undary'
    content_type = draw(st.one_of(st.just(fitting), st.just(fitting), _TYPES))
    return plain, content_type, headers, path


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    app = create_app(tmp_path_factory.mktemp("fuzz"), max_body_bytes=1 << 20)
    yield Caller(app.test_client())
    app.extensions["database"].dispose()


@settings(max_examples=120, deadline=None)
@given(_requests())
def test_every_request_is_answered(
    root: Caller, sent: tuple[bytes, str, dict[str, str], str]
) -> None:
    plain, content_type, headers, path = sent
    with _quiet():
        response = root.post(plain, content_type, path, **headers)

    assert response.status_code in (200, 202, 400, 406, 409, 411, 413, 415), response.text
    if response.headers["Content-Type"] != "application/dicom+xml":
        json.loads(response.data)
    told = response.data + str(response.headers).encode()
    assert not any(secret in told for secret in SECRETS)


_LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["SQ", "PN", "US", "OW", "DS", "AT", "UI", "bulk/1"]),
)
_ANY = st.recursive(
    _LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.one_of(
                st.text(max_size=4),
                st.sampled_from(["vr", "Value", "InlineBinary", "BulkDataURI", "00081140"]),
            ),
            inner,
            max_size=3,
        ),
    ),
    max_leaves=8,
)
_TAGS = st.one_of(
    st.sampled_from(["00280010", "00280008", "7FE00010", "00080018", "00081140", "00080005"]),
    st.integers(0, 2**32 - 1).map(lambda tag: f"{tag:08X}"),
)


@settings(max_examples=120, deadline=None)
@given(st.dictionaries(_TAGS, _ANY, max_size=3), st.booleans())
def test_every_model_is_answered(root: Caller, wrong: dict[str, object], xml: bool) -> None:
    whole = {**_MODEL, **wrong}
    if xml:
        try:
            part = {"Content-Type": "application/dicom+xml"}, to_xml(whole)
        except (AttributeError, KeyError, TypeError, ValueError):
            return
    else:
        text = json.dumps([whole]).encode()
        part = {"Content-Type": "application/dicom+json"}, text
    kind = "multipart/related; boundary=b0undary"
    with _quiet():
        response = root.post(body([part, bulk_part(_SLICE.PixelData)]), kind)

    assert response.status_code in (200, 400, 409), response.text


class _quiet:
    """Nothing is unforeseen: an instance that fails for an unknown reason would be logged."""

    def __enter__(self) -> None:
        self._seen: list[str] = []
        handler = logging.Handler()
        handler.emit = lambda record: self._seen.append(record.getMessage())  # type: ignore[method-assign]
        self._handler = handler
        logging.getLogger("readingroom.dicomweb").addHandler(handler)

    def __exit__(self, *_: object) -> None:
        logging.getLogger("readingroom.dicomweb").removeHandler(self._handler)
        assert self._seen == []
