"""The client from PyPI, `dicomweb-client`, does all that it can do against the real server."""

import warnings
from collections.abc import Callable, Iterator
from copy import deepcopy
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from dicomweb_client import DICOMwebClient
from numpy.typing import NDArray
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID
from requests import HTTPError

from tests.clients.sent import Stored, client_of, frames_of, read, stored, values_of, windowed
from tests.support.datasets import PLANTED, ct_slice, ct_stack
from tests.support.server import OWNER, RunningServer, free_port, running_server

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
]

EXPLICIT = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"
JPEG = "1.2.840.10008.1.2.4.50"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_2000 = "1.2.840.10008.1.2.4.90"

FILES = {
    "liver": "series/ct-3slice-liver",
    "wrist": "series/mr-wrist-coronal",
    "cine": "kinds/us/examples_ybr_color.dcm",
    "palette": "kinds/us/examples_palette.dcm",
    "ecg": "kinds/waveforms/waveform_ecg.dcm",
    "seg": "kinds/seg/liver.dcm",
    "report": "kinds/sr/sr_document_with_multiple_groups.dcm",
}


PALETTE = ("00281201", "00281202", "00281203")
BINARY = ("SQ", "OB", "OW", "OF", "OD", "UN")


@dataclass(frozen=True)
class Kept:
    """What was sent, and where each of it is."""

    sent: list[Dataset]
    at: list[Stored]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    # The client says the host's name without its port, so addresses cannot be made of what it says.
    port = free_port()
    settings = {"READINGROOM_PUBLIC_BASE": f"http://127.0.0.1:{port}"}
    running = RunningServer(tmp_path_factory.mktemp("server"), settings, http_port=port)
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def client(server: RunningServer) -> DICOMwebClient:
    return client_of(server)


@pytest.fixture(scope="module")
def kept(client: DICOMwebClient, shared_data: Path) -> dict[str, Kept]:
    """The files that most tests read, stored with one request for each name."""
    found = {}
    for name, place in FILES.items():
        path = shared_data / place
        sent: list[Dataset] = [
            read(file) for file in (sorted(path.iterdir()) if path.is_dir() else [path])
        ]
        found[name] = Kept(sent, stored(client, sent))
    return found


def pixels_match(sent: Dataset, came: Dataset) -> bool:
    return np.array_equal(values_of(sent), values_of(came))


def uid(result: dict[str, Any], tag: str) -> str:
    value: str = result[tag]["Value"][0]
    return value


# Storing


def test_an_instance_is_stored_and_comes_back_without_its_identity(
    client: DICOMwebClient,
) -> None:
    sent = ct_slice()
    where = stored(client, [sent])[0]
    came = client.retrieve_instance(where.study, where.series, where.instance)
    assert pixels_match(sent, came)
    assert (came.SOPInstanceUID, came.StudyInstanceUID) == (where.instance, where.study)
    assert not any(text in str(came) for text in PLANTED)
    assert stored(client, [sent]) == [where]


def test_instances_of_one_request_are_answered_in_order(client: DICOMwebClient) -> None:
    sent = ct_stack(5, study="1.2.826.0.1.3680043.8.498.5", series="1.2.826.0.1.3680043.8.498.5.1")
    at = stored(client, sent)
    assert len({where.study for where in at}) == len({where.series for where in at}) == 1
    for ds, where in zip(sent, at, strict=True):
        came = client.retrieve_instance(where.study, where.series, where.instance)
        assert came.InstanceNumber == ds.InstanceNumber


def test_a_large_request_in_chunks_is_stored(server: RunningServer) -> None:
    study = "1.2.826.0.1.3680043.8.498.7"
    sent = ct_stack(8, study=study, series=f"{study}.1", size=512)
    client = client_of(server, chunk_size=100_000)
    for ds, where in zip(sent, stored(client, sent), strict=True):
        assert pixels_match(ds, client.retrieve_instance(where.study, where.series, where.instance))


def test_a_study_is_stored_at_its_own_address(
    client: DICOMwebClient, kept: dict[str, Kept]
) -> None:
    more = ct_slice(study="1.2.826.0.1.3680043.8.498.6")
    answer = client.store_instances([more], study_instance_uid=more.StudyInstanceUID)
    assert len(answer.ReferencedSOPSequence) == 1
    with pytest.raises(HTTPError) as refused:
        client.store_instances([more], study_instance_uid=kept["liver"].sent[0].StudyInstanceUID)
    assert refused.value.response.status_code == 409


# Searching


def test_studies_are_found_by_what_they_are(client: DICOMwebClient, kept: dict[str, Kept]) -> None:
    wrist = kept["wrist"].at[0].study
    every = client.search_for_studies()
    assert {where.study for some in kept.values() for where in some.at} <= {
        uid(result, "0020000D") for result in every
    }

    def found(**filters: str) -> set[str]:
        results = client.search_for_studies(search_filters=filters)
        return {uid(result, "0020000D") for result in results}

    assert found(ModalitiesInStudy="MR") == {wrist}
    assert found(StudyInstanceUID=wrist) == {wrist}
    assert wrist in found(StudyDescription="*WRIST*")
    assert found(StudyDescription="*NOSUCHTHING*") == set()
    result = next(result for result in every if uid(result, "0020000D") == wrist)
    date = uid(result, "00080020")
    assert wrist in found(StudyDate=f"{date}-{date}")
    day_before = datetime.strptime(date, "%Y%m%d").replace(tzinfo=UTC) - timedelta(days=1)
    assert wrist not in found(StudyDate=f"-{day_before:%Y%m%d}")
    assert result["00201208"]["Value"] == [16]
    assert found(PatientName="*") >= {wrist}


def test_names_are_matched_fuzzily(client: DICOMwebClient, kept: dict[str, Kept]) -> None:
    name = client.search_for_studies(limit=1)[0]["00100010"]["Value"][0]["Alphabetic"]
    begun = name.split("^")[0][:5].lower()
    results = client.search_for_studies(fuzzymatching=True, search_filters={"PatientName": begun})
    assert len(results) >= len(FILES) - 2
    assert client.search_for_studies(search_filters={"PatientName": begun}) == []


def test_fields_that_are_asked_for_are_there(client: DICOMwebClient, kept: dict[str, Kept]) -> None:
    where = kept["cine"].at[0]

    def found(*fields: str) -> dict[str, Any]:
        return client.search_for_instances(where.study, where.series, fields=fields)[0]

    plain, everything = found(), found("all")
    more = found("PhotometricInterpretation", "00280006")
    assert "00280004" not in plain
    assert (uid(more, "00280004"), more["00280006"]["Value"]) == ("YBR_FULL_422", [0])
    assert everything.keys() > more.keys()
    assert plain["00280008"]["Value"] == [30]


def test_series_and_instances_are_found_in_their_study_and_everywhere(
    client: DICOMwebClient, kept: dict[str, Kept]
) -> None:
    liver = kept["liver"].at[0]
    series = client.search_for_series(liver.study, search_filters={"Modality": "SEG"})
    assert [uid(one, "0020000E") for one in series] == [kept["seg"].at[0].series]
    assert len(client.search_for_series(liver.study)) == 2
    assert liver.series in {
        uid(one, "0020000E") for one in client.search_for_series(search_filters={"Modality": "CT"})
    }
    instances = client.search_for_instances(liver.study, liver.series)
    assert {uid(one, "00080018") for one in instances} == {
        where.instance for where in kept["liver"].at
    }
    second = client.search_for_instances(
        liver.study, search_filters={"SOPInstanceUID": liver.instance}
    )
    assert [uid(one, "0020000E") for one in second] == [liver.series]
    assert client.search_for_instances(search_filters={"SOPInstanceUID": "1.2.3.4"}) == []


def test_pages_hold_everything_once(client: DICOMwebClient, kept: dict[str, Kept]) -> None:
    wrist = kept["wrist"]
    study = wrist.at[0].study
    pages = client.search_for_instances(study, limit=3, get_remaining=True)
    assert len(pages) == 16
    assert {uid(one, "00080018") for one in pages} == {where.instance for where in wrist.at}
    part = client.search_for_instances(study, limit=4, offset=14)
    assert [uid(one, "00080018") for one in part] == [uid(one, "00080018") for one in pages[14:]]
    assert client.search_for_instances(study, limit=4, offset=16) == []
    everything = client.search_for_studies(limit=2, get_remaining=True)
    assert len({uid(one, "0020000D") for one in everything}) == len(everything)
    assert len(everything) == len(client.search_for_studies(limit=1000))


# Retrieving


def test_a_study_and_its_series_come_whole(client: DICOMwebClient, kept: dict[str, Kept]) -> None:
    liver, seg = kept["liver"], kept["seg"]
    sent = {
        where.instance: ds
        for where, ds in zip(liver.at + seg.at, liver.sent + seg.sent, strict=True)
    }
    study = client.retrieve_study(liver.at[0].study)
    assert {ds.SOPInstanceUID for ds in study} == sent.keys()
    assert all(pixels_match(sent[ds.SOPInstanceUID], ds) for ds in study)
    series = client.retrieve_series(liver.at[0].study, liver.at[0].series)
    assert {ds.SOPInstanceUID for ds in series} == {where.instance for where in liver.at}
    piecemeal = list(client.iter_series(liver.at[0].study, liver.at[0].series))
    assert [ds.SOPInstanceUID for ds in piecemeal] == [ds.SOPInstanceUID for ds in series]
    assert len(list(client.iter_study(liver.at[0].study))) == 4


@pytest.mark.parametrize("syntax", [EXPLICIT, RLE, JPEG_LS, JPEG_2000, "*"])
def test_an_instance_comes_in_the_syntax_that_is_asked_for(
    syntax: str, client: DICOMwebClient, kept: dict[str, Kept]
) -> None:
    where, sent = kept["wrist"].at[0], kept["wrist"].sent[0]
    came = client.retrieve_instance(
        where.study,
        where.series,
        where.instance,
        media_types=(("application/dicom", syntax),),
    )
    assert came.file_meta.TransferSyntaxUID == (EXPLICIT if syntax == "*" else syntax)
    assert pixels_match(sent, came)


def test_a_compressed_instance_comes_as_it_is_kept_and_decoded(
    client: DICOMwebClient, kept: dict[str, Kept]
) -> None:
    where, sent = kept["cine"].at[0], kept["cine"].sent[0]
    ask = (where.study, where.series, where.instance)
    same = client.retrieve_instance(*ask, media_types=(("application/dicom", "*"),))
    assert same.file_meta.TransferSyntaxUID == JPEG
    assert pixels_match(sent, same)
    native = client.retrieve_instance(*ask, media_types=(("application/dicom", EXPLICIT),))
    assert native.file_meta.TransferSyntaxUID == EXPLICIT
    difference = np.abs(values_of(native).astype(int) - values_of(sent).astype(int))
    assert difference.mean() < 1.5


def test_metadata_is_what_the_instance_holds(client: DICOMwebClient, kept: dict[str, Kept]) -> None:
    for name in FILES:
        where = kept[name].at[0]
        metadata = client.retrieve_instance_metadata(where.study, where.series, where.instance)
        told = Dataset.from_json(metadata, bulk_data_uri_handler=lambda _uri: b"")
        came = client.retrieve_instance(where.study, where.series, where.instance)
        assert {e.tag for e in told} == {e.tag for e in came if e.tag.element != 0}
        for element in told:
            # JSON is in UTF-8, and says so (PS3.18 F.2.2).
            apart = element.keyword == "SpecificCharacterSet" or element.VR in BINARY
            if not apart:
                assert element.value == came[element.tag].value, element.tag
    wrist = kept["wrist"].at[0]
    assert len(client.retrieve_series_metadata(wrist.study, wrist.series)) == 16
    assert len(client.retrieve_study_metadata(wrist.study)) == 16


def rle_decoded(frame: bytes, like: Dataset) -> NDArray[Any]:
    """A frame that describes itself no more than this syntax does, in the words of an image."""
    ds = deepcopy(like)
    ds.PixelData = encapsulate([frame])
    ds["PixelData"].VR = "OB"
    ds.file_meta.TransferSyntaxUID = UID(RLE)
    samples: NDArray[Any] = ds.pixel_array
    return samples


DECODERS: dict[str, tuple[str, Callable[[bytes, Dataset], NDArray[Any]]]] = {
    RLE: ("image/dicom-rle", rle_decoded),
    JPEG_LS: ("image/jls", lambda frame, _: imagecodecs.jpegls_decode(frame)),
    JPEG_2000: ("image/jp2", lambda frame, _: imagecodecs.jpeg2k_decode(frame)),
    "1.2.840.10008.1.2.4.70": ("image/jpeg", lambda frame, _: imagecodecs.ljpeg_decode(frame)),
}


@pytest.mark.parametrize("syntax", DECODERS)
def test_frames_come_in_the_syntax_that_is_asked_for(
    syntax: str, client: DICOMwebClient, kept: dict[str, Kept]
) -> None:
    where, sent = kept["liver"].at[1], kept["liver"].sent[1]
    media_type, decode = DECODERS[syntax]
    frames = client.retrieve_instance_frames(
        where.study, where.series, where.instance, [1], media_types=((media_type, syntax),)
    )
    assert len(frames) == 1
    samples = sent.pixel_array
    assert len(frames[0]) < samples.nbytes
    assert np.array_equal(decode(frames[0], sent).view(samples.dtype), samples)


def test_frames_come_uncompressed_by_default(client: DICOMwebClient, kept: dict[str, Kept]) -> None:
    where, sent = kept["wrist"].at[3], kept["wrist"].sent[3]
    ask = (where.study, where.series, where.instance, [1])
    for media_types in (
        None,
        (("application/octet-stream", EXPLICIT),),
        ("application/octet-stream",),
    ):
        frames = client.retrieve_instance_frames(*ask, media_types=media_types)
        assert frames == [sent.PixelData]
    assert list(client.iter_instance_frames(*ask)) == [sent.PixelData]


def test_several_frames_come_in_order(client: DICOMwebClient, kept: dict[str, Kept]) -> None:
    where, sent = kept["cine"].at[0], kept["cine"].sent[0]
    ask = (where.study, where.series, where.instance)
    frames = client.retrieve_instance_frames(*ask, [2, 7, 30], media_types=(("image/jpeg", JPEG),))
    assert frames == [frames_of(sent)[number - 1] for number in (2, 7, 30)]
    with pytest.raises(HTTPError) as refused:
        client.retrieve_instance_frames(*ask, [31], media_types=(("image/jpeg", JPEG),))
    assert refused.value.response.status_code == 404


@pytest.mark.parametrize("kind", ["jpeg", "png", "gif"])
def test_rendered_pictures_open(kind: str, client: DICOMwebClient, kept: dict[str, Kept]) -> None:
    where, sent = kept["wrist"].at[5], kept["wrist"].sent[5]
    ask = (where.study, where.series, where.instance)
    picture = Image.open(
        BytesIO(client.retrieve_instance_rendered(*ask, media_types=(f"image/{kind}",)))
    )
    assert (picture.format, picture.size) == (kind.upper(), (sent.Columns, sent.Rows))
    difference = np.asarray(picture.convert("L")).astype(int) - windowed(sent)
    assert np.abs(difference).mean() < 2
    small = client.retrieve_instance_frames_rendered(
        *ask, [1], media_types=(f"image/{kind}",), params={"viewport": "64,64"}
    )
    assert max(Image.open(BytesIO(small)).size) == 64


def test_a_rendered_series_and_a_window(client: DICOMwebClient, kept: dict[str, Kept]) -> None:
    where = kept["liver"].at[0]
    series = client.retrieve_series_rendered(where.study, where.series, media_types=("image/jpeg",))
    assert Image.open(BytesIO(series)).size == (512, 512)

    def mean(window: str) -> float:
        picture = client.retrieve_instance_rendered(
            where.study,
            where.series,
            where.instance,
            media_types=("image/png",),
            params={"window": window},
        )
        return float(np.asarray(Image.open(BytesIO(picture)).convert("L")).mean())

    assert mean("3000,100,linear") < 5 < 200 < mean("-3000,100,linear")


def bulk_uris(attributes: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for tag, element in attributes.items():
        if "BulkDataURI" in element:
            yield tag, element["BulkDataURI"]
        for item in element.get("Value", []) if element["vr"] == "SQ" else []:
            yield from bulk_uris(item)


def test_bulk_data_comes_by_its_address_from_inside_sequences_too(
    client: DICOMwebClient, kept: dict[str, Kept]
) -> None:
    where, sent = kept["ecg"].at[0], kept["ecg"].sent[0]
    metadata = client.retrieve_instance_metadata(where.study, where.series, where.instance)
    addresses = [address for tag, address in bulk_uris(metadata) if tag == "54001010"]
    waves = [group.WaveformData for group in sent.WaveformSequence]
    assert len(addresses) == len(waves) == 2
    for address, wave in zip(addresses, waves, strict=True):
        for media_types in (None, ("application/octet-stream",)):
            assert client.retrieve_bulkdata(address, media_types=media_types) == [wave]
        assert b"".join(client.iter_bulkdata(address)) == wave
    palette = kept["palette"]
    where = palette.at[0]
    metadata = client.retrieve_instance_metadata(where.study, where.series, where.instance)
    addresses_of = dict(bulk_uris(metadata))
    assert addresses_of.keys() == {"7FE00010", *PALETTE}
    for tag in PALETTE:
        assert client.retrieve_bulkdata(addresses_of[tag]) == [palette.sent[0][tag].value]


def test_a_range_of_bulk_data_is_that_range(
    server: RunningServer, client: DICOMwebClient, kept: dict[str, Kept]
) -> None:
    where, sent = kept["ecg"].at[0], kept["ecg"].sent[0]
    wave = sent.WaveformSequence[0].WaveformData
    metadata = client.retrieve_instance_metadata(where.study, where.series, where.instance)
    address = next(address for tag, address in bulk_uris(metadata) if tag == "54001010")
    ask = {"Accept": "application/octet-stream", "Range": "bytes=100-299"}
    part = server.session().get(address, headers=ask, timeout=60)
    assert (part.status_code, part.content) == (206, wave[100:300])
    assert part.headers["Content-Range"] == f"bytes 100-299/{len(wave)}"
    # The client asks for an answer in parts, and only a single part can be a range: it gets all.
    parts = client.retrieve_bulkdata(
        address, media_types=("application/octet-stream",), byte_range=(100, 299)
    )
    assert parts == [wave]


def test_pixel_data_comes_by_its_address(client: DICOMwebClient, kept: dict[str, Kept]) -> None:
    where, sent = kept["wrist"].at[0], kept["wrist"].sent[0]
    metadata = client.retrieve_instance_metadata(where.study, where.series, where.instance)
    address = metadata["7FE00010"]["BulkDataURI"]
    assert client.retrieve_bulkdata(address) == [sent.PixelData]


# Deleting


def test_what_is_deleted_is_gone(tmp_path: Path) -> None:
    with running_server(tmp_path / "server") as server:
        token = server.command("token", "create", "--account", OWNER)
        client = client_of(server, token=token)
        study = "1.2.826.0.1.3680043.8.498.9"
        first = stored(client, ct_stack(3, study=study, series=f"{study}.1"))
        second = stored(client, ct_stack(2, study=study, series=f"{study}.2"))
        client.delete_instance(first[0].study, first[0].series, first[0].instance)
        left = client.search_for_instances(first[0].study, first[0].series)
        assert {uid(one, "00080018") for one in left} == {where.instance for where in first[1:]}
        with pytest.raises(HTTPError) as refused:
            client.retrieve_instance(first[0].study, first[0].series, first[0].instance)
        assert refused.value.response.status_code == 404
        client.delete_series(first[0].study, first[0].series)
        assert [uid(one, "0020000E") for one in client.search_for_series(first[0].study)] == [
            second[0].series
        ]
        client.delete_study(first[0].study)
        assert client.search_for_studies() == []


def test_a_stranger_is_told_so(server: RunningServer, kept: dict[str, Kept]) -> None:
    stranger = DICOMwebClient(server.root, headers={"Authorization": "Bearer nonsense"})
    with pytest.raises(HTTPError) as refused:
        stranger.search_for_studies()
    assert refused.value.response.status_code == 401
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert DICOMwebClient(server.root).search_for_studies() == []
