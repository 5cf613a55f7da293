"""The client from npm, `dicomweb-client`, on which OHIF and other viewers stand, run by Node.js."""

import base64
import json
import subprocess
from io import BytesIO
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset

from tests.clients.sent import Stored, address_of, frames_of, read, values_of, windowed
from tests.support.server import RunningServer

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.filterwarnings("ignore::UserWarning:pydicom"),
]

HERE = Path(__file__).parent
WITH_NODE = HERE.parents[1] / "scripts" / "with-node"
EXPLICIT = "1.2.840.10008.1.2.1"
JPEG = "1.2.840.10008.1.2.4.50"
JPEG_LS = "1.2.840.10008.1.2.4.80"
JPEG_2000 = "1.2.840.10008.1.2.4.90"

Call = tuple[str, dict[str, Any]]


def called(server: RunningServer, *calls: Call) -> list[dict[str, Any]]:
    """What the client gives for each call."""
    asked = {"root": server.root, "token": server.token, "calls": calls}
    done = subprocess.run(
        [WITH_NODE, "node", HERE / "js_client.mjs"],
        input=json.dumps(asked),
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    results: list[dict[str, Any]] = json.loads(done.stdout)
    return results


def given(server: RunningServer, *calls: Call) -> list[Any]:
    """The results of calls that all succeed."""
    answers = called(server, *calls)
    assert [answer for answer in answers if "error" in answer] == []
    return [answer["result"] for answer in answers]


def unpacked(result: dict[str, str]) -> bytes:
    return base64.b64decode(result["base64"])


def at(where: Stored, **more: object) -> dict[str, Any]:
    """The options that say which instance is meant."""
    return {
        "studyInstanceUID": where.study,
        "seriesInstanceUID": where.series,
        "sopInstanceUID": where.instance,
        **more,
    }


@pytest.fixture(scope="module")
def stored(server: RunningServer, shared_data: Path) -> dict[str, tuple[Dataset, Stored]]:
    """Files that the client has stored, with one request for all."""
    files = {
        "wrist": shared_data / "series" / "mr-wrist-coronal" / "I01.dcm",
        "second": shared_data / "series" / "mr-wrist-coronal" / "I02.dcm",
        "cine": shared_data / "kinds" / "us" / "examples_ybr_color.dcm",
        "ecg": shared_data / "kinds" / "waveforms" / "waveform_ecg.dcm",
    }
    datasets = [{"file": str(path)} for path in files.values()]
    answer = given(server, ("storeInstances", {"datasets": datasets}))[0]
    told = Dataset.from_json(answer)
    assert "FailedSOPSequence" not in told
    items = zip(files.items(), told.ReferencedSOPSequence, strict=True)
    return {name: (read(path), address_of(item)) for (name, path), item in items}


def test_studies_series_and_instances_are_found(
    server: RunningServer, stored: dict[str, tuple[Dataset, Stored]]
) -> None:
    where = stored["wrist"][1]
    study = {"studyInstanceUID": where.study}
    every, some, none, series, instances = given(
        server,
        ("searchForStudies", {}),
        ("searchForStudies", {"queryParams": {"ModalitiesInStudy": "MR", "limit": 5}}),
        ("searchForStudies", {"queryParams": {"AccessionNumber": "nothing has this"}}),
        ("searchForSeries", {**study, "queryParams": {"Modality": "MR"}}),
        ("searchForInstances", {**study, "seriesInstanceUID": where.series}),
    )
    assert len(every) == 3
    assert [one["0020000D"]["Value"] for one in some] == [[where.study]]
    assert none == []
    assert [one["0020000E"]["Value"] for one in series] == [[where.series]]
    assert {one["00080018"]["Value"][0] for one in instances} == {
        stored["wrist"][1].instance,
        stored["second"][1].instance,
    }


def test_metadata_of_study_series_and_instance(
    server: RunningServer, stored: dict[str, tuple[Dataset, Stored]]
) -> None:
    sent, where = stored["wrist"]
    study, series, instance = given(
        server,
        ("retrieveStudyMetadata", at(where)),
        ("retrieveSeriesMetadata", at(where)),
        ("retrieveInstanceMetadata", at(where)),
    )
    told_of = {where.instance for _, where in (stored["wrist"], stored["second"])}
    for level in (study, series):
        assert {one["00080018"]["Value"][0] for one in level} == told_of
        assert len(level) == 2
    # This client gives the one data set of an instance as it is, or the array around it.
    told = Dataset.from_json(instance[0] if isinstance(instance, list) else instance)
    assert (told.Rows, told.Columns) == (sent.Rows, sent.Columns)
    assert told.ImagePositionPatient == sent.ImagePositionPatient
    assert told.SOPInstanceUID == where.instance


def test_instances_series_and_studies_come_as_files(
    server: RunningServer, stored: dict[str, tuple[Dataset, Stored]]
) -> None:
    sent, where = stored["wrist"]
    cine, cine_at = stored["cine"]
    # With a media type this client refuses by itself ("application/ is not supported").
    instance, lossy, series, study = given(
        server,
        ("retrieveInstance", at(where)),
        ("retrieveInstance", at(cine_at)),
        ("retrieveSeries", at(where)),
        ("retrieveStudy", at(where)),
    )
    came = pydicom.dcmread(BytesIO(unpacked(instance)))
    assert np.array_equal(values_of(came), values_of(sent))
    kept = pydicom.dcmread(BytesIO(unpacked(lossy)))
    difference = np.abs(values_of(kept).astype(int) - values_of(cine).astype(int))
    assert difference.mean() < 1.5
    both = {where.instance: ds for ds, where in (stored["wrist"], stored["second"])}
    for files in (series, study):
        found = [pydicom.dcmread(BytesIO(unpacked(file))) for file in files]
        assert sorted(ds.SOPInstanceUID for ds in found) == sorted(both)
        for ds in found:
            assert np.array_equal(values_of(ds), values_of(both[ds.SOPInstanceUID]))


def test_frames_come_native_and_compressed(
    server: RunningServer, stored: dict[str, tuple[Dataset, Stored]]
) -> None:
    sent, where = stored["wrist"]
    cine_sent, cine = stored["cine"]

    def frames(place: Stored, numbers: list[int], *types: tuple[str, str]) -> Call:
        media = [{"mediaType": kind, "transferSyntaxUID": syntax} for kind, syntax in types]
        options = at(place, frameNumbers=numbers, **({"mediaTypes": media} if media else {}))
        return ("retrieveInstanceFrames", options)

    native, asked, jpeg, either, other = given(
        server,
        frames(where, [1]),
        frames(where, [1], ("application/octet-stream", EXPLICIT)),
        frames(cine, [2, 30], ("image/jpeg", JPEG)),
        # As the pathology viewers ask: whatever it is kept in.
        frames(
            cine,
            [1],
            ("application/octet-stream", EXPLICIT),
            ("image/jpeg", JPEG),
            ("image/jls", JPEG_LS),
            ("image/jp2", JPEG_2000),
        ),
        frames(where, [1], ("image/jls", JPEG_LS), ("image/jp2", JPEG_2000)),
    )
    assert [unpacked(frame) for frame in native] == [sent.PixelData]
    assert native == asked
    kept = frames_of(cine_sent)
    assert [unpacked(frame) for frame in jpeg] == [kept[1], kept[29]]
    assert [unpacked(frame) for frame in either] == [kept[0]]
    assert len(other) == 1
    assert len(unpacked(other[0])) < len(sent.PixelData)
    samples = imagecodecs.jpegls_decode(unpacked(other[0]))
    assert np.array_equal(samples.view(sent.pixel_array.dtype), sent.pixel_array)


def test_rendered_pictures_and_thumbnails_open(
    server: RunningServer, stored: dict[str, tuple[Dataset, Stored]]
) -> None:
    sent, where = stored["wrist"]
    png = {"mediaTypes": [{"mediaType": "image/png"}]}
    jpeg = {"mediaTypes": [{"mediaType": "image/jpeg"}]}
    results = given(
        server,
        ("retrieveInstanceRendered", at(where, **png)),
        ("retrieveInstanceRendered", at(where, **jpeg, queryParams={"viewport": "64,64"})),
        ("retrieveInstanceThumbnail", at(where, **jpeg)),
        ("retrieveInstanceFramesRendered", at(where, frameNumbers=[1], **jpeg)),
        ("retrieveInstanceFramesThumbnail", at(where, frameNumbers=[1], **jpeg)),
    )
    pictures = [
        Image.open(BytesIO(unpacked(result[0] if isinstance(result, list) else result)))
        for result in results
    ]
    assert [picture.format for picture in pictures] == ["PNG", *["JPEG"] * 4]
    assert pictures[0].size == (sent.Columns, sent.Rows)
    assert max(pictures[1].size) == 64
    wanted = Image.fromarray(windowed(sent).astype("u1"))
    for picture in pictures:
        shown = np.asarray(picture.convert("L")).astype(int)
        # A smaller one may be made small in another way.
        most = 4 if picture.size == wanted.size else 8
        assert np.abs(shown - np.asarray(wanted.resize(picture.size))).mean() < most


def test_bulk_data_comes_whole_and_in_parts(
    server: RunningServer, stored: dict[str, tuple[Dataset, Stored]]
) -> None:
    sent, where = stored["ecg"]
    metadata = given(server, ("retrieveInstanceMetadata", at(where)))[0]
    metadata = metadata[0] if isinstance(metadata, list) else metadata
    address = metadata["54000100"]["Value"][0]["54001010"]["BulkDataURI"]
    octets = [{"mediaType": "application/octet-stream"}]
    whole, again = given(
        server,
        ("retrieveBulkData", {"BulkDataURI": address}),
        ("retrieveBulkData", {"BulkDataURI": address, "mediaTypes": octets}),
    )
    wave = sent.WaveformSequence[0].WaveformData
    assert [unpacked(part) for part in whole] == [unpacked(part) for part in again] == [wave]


def test_refusals_have_their_status(
    server: RunningServer, stored: dict[str, tuple[Dataset, Stored]]
) -> None:
    where = stored["wrist"][1]
    nowhere = Stored(where.study, where.series, "2.25.1")
    gone, no_frame = called(
        server,
        ("retrieveInstance", at(nowhere)),
        ("retrieveInstanceFrames", at(where, frameNumbers=[9])),
    )
    assert gone["status"] == 404
    assert no_frame["status"] == 404
