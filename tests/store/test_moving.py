"""Films: what they show, how fast, and what becomes of streams that are none."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.encaps import generate_fragments

import store.ffmpeg
from store.encoded import Picture
from store.errors import CannotDecode, StoreBusy
from store.moving import film_of_pictures, film_of_video, milliseconds_of, still_of_video

VIDEOS = ("h264-640x480", "mpeg2-720x480")


def probed(path: Path) -> dict[str, Any]:
    """What ffprobe says of the one stream."""
    options = ["-v", "error", "-count_frames", "-show_streams", "-of", "json"]
    command = ["ffprobe", *options, str(path)]
    found = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    (stream,) = found["streams"]
    return dict(stream)


def frames_of(path: Path, width: int, height: int) -> NDArray[np.float64]:
    options = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    command = ["ffmpeg", "-v", "error", "-i", str(path), *options]
    raw = subprocess.run(command, check=True, capture_output=True).stdout
    frames = np.frombuffer(raw, np.uint8).reshape(-1, height, width, 3)
    return np.asarray(frames.mean(axis=3))


def stored(shared_data: Path, name: str) -> tuple[bytes, str]:
    ds = pydicom.dcmread(shared_data / f"kinds/video/{name}.dcm")
    fragments = list(generate_fragments(ds.PixelData))[1:]
    return b"".join(fragments), str(ds.file_meta.TransferSyntaxUID)


@pytest.mark.parametrize(
    ("attributes", "milliseconds"),
    [
        ({}, 100),
        ({"FrameTime": "40"}, 40),
        ({"CineRate": "25"}, 40),
        ({"RecommendedDisplayFrameRate": "20", "CineRate": "25"}, 50),
        ({"FrameTimeVector": ["0", "30", "50"]}, 40),
        ({"FrameTime": "0"}, 100),
        ({"FrameTime": "-5", "CineRate": "0"}, 100),
        ({"FrameTime": "0.001"}, 1000 / 60),
        ({"FrameTime": "1e6"}, 2000),
    ],
)
def test_how_long_a_frame_is_shown(attributes: dict[str, object], milliseconds: float) -> None:
    ds = Dataset()
    for keyword, value in attributes.items():
        setattr(ds, keyword, value)
    assert milliseconds_of(ds) == milliseconds


def test_a_film_shows_the_pictures_in_order_and_time(tmp_path: Path) -> None:
    levels = [20, 120, 220, 60]
    film_of_pictures((np.full((33, 47), n, np.uint8) for n in levels), 200, tmp_path / "film")

    stream = probed(tmp_path / "film")
    assert (stream["codec_name"], stream["pix_fmt"]) == ("h264", "yuv420p")
    assert (stream["width"], stream["height"]) == (48, 34)
    assert stream["avg_frame_rate"] == "5/1"
    shown = frames_of(tmp_path / "film", 48, 34).mean(axis=(1, 2))
    assert np.abs(shown - levels).max() < 3


def test_a_film_of_the_same_pictures_is_the_same_bytes(tmp_path: Path) -> None:
    def pictures() -> Iterator[Picture]:
        yield from np.random.default_rng(1).integers(0, 256, (3, 32, 32), np.uint8)

    for name in ("a", "b"):
        film_of_pictures(pictures(), 100, tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_pictures_of_other_sizes_and_colours_are_laid_onto_the_first(tmp_path: Path) -> None:
    film_of_pictures(
        iter(
            [
                np.full((32, 32), 200, np.uint8),
                np.full((64, 16, 3), 200, np.uint8),
                np.full((8, 8), 200, np.uint8),
            ]
        ),
        100,
        tmp_path / "film",
    )
    shown = frames_of(tmp_path / "film", 32, 32)
    assert shown.shape == (3, 32, 32)
    assert shown[1, 16, 16] > 150 > 50 > shown[1, 16, 2]


@pytest.mark.parametrize(("name", "frames"), [("h264-640x480", 100), ("mpeg2-720x480", 81)])
def test_stored_video_becomes_a_film_that_browsers_play(
    shared_data: Path, tmp_path: Path, name: str, frames: int
) -> None:
    stream, syntax = stored(shared_data, name)
    film_of_video(iter([stream]), syntax, tmp_path / "film")

    found = probed(tmp_path / "film")
    assert (found["codec_name"], found["width"], found["height"]) == ("h264", 640, 480)
    assert abs(int(found["nb_read_frames"]) - frames) <= 2
    film = (tmp_path / "film").read_bytes()
    assert film.index(b"moov") < film.index(b"mdat")
    assert list(tmp_path.iterdir()) == [tmp_path / "film"]


def test_h264_is_copied_and_not_encoded_again(shared_data: Path, tmp_path: Path) -> None:
    stream, syntax = stored(shared_data, "h264-640x480")
    film_of_video(iter([stream]), syntax, tmp_path / "film")
    (tmp_path / "stored").write_bytes(stream)
    sums = [
        subprocess.run(
            ["ffmpeg", "-v", "error", "-i", path, "-map", "0:v", "-c", "copy", "-f", "md5", "-"],
            check=True,
            capture_output=True,
        ).stdout
        for path in (tmp_path / "film", tmp_path / "stored")
    ]
    assert sums[0] == sums[1]


@pytest.mark.parametrize("name", VIDEOS)
def test_a_still_of_stored_video(shared_data: Path, name: str) -> None:
    stream, syntax = stored(shared_data, name)
    for seconds in (1.0, 0.0, 999.0):
        still = still_of_video(iter([stream]), syntax, seconds=seconds, size=len(stream))
        assert still.shape == (480, 640, 3)
        assert still.std() > 10


@pytest.mark.parametrize(
    "stream",
    [
        b"",
        b"no video at all, but some text that is long enough",
        b"#EXTM3U\nfile:///etc/passwd\n",
        b"\0\0\0\x18ftypisom" + bytes(1000),
        b"\x47" + bytes(4000),
        b"\0\0\1\xba" + bytes(4000),
        b"\0\0\0\1\x67" + bytes(4000),
    ],
)
def test_what_is_no_video_is_refused(stream: bytes, tmp_path: Path) -> None:
    for syntax in ("1.2.840.10008.1.2.4.102", "1.2.840.10008.1.2.4.100"):
        with pytest.raises(CannotDecode):
            film_of_video(iter([stream]), syntax, tmp_path / "film")
        with pytest.raises(CannotDecode):
            still_of_video(iter([stream]), syntax, seconds=0, size=len(stream))


def test_a_program_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    endless = ["-f", "lavfi", "-i", "testsrc", "-f", "rawvideo", "-y", "/dev/null"]
    with pytest.raises(CannotDecode):
        store.ffmpeg.run(endless, iter(()), seconds=0.5)


def test_without_the_program_there_are_no_films(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("store.ffmpeg._program", lambda: None)
    with pytest.raises(CannotDecode):
        film_of_pictures(iter([np.zeros((8, 8), np.uint8)]), 100, tmp_path / "film")


def test_only_a_few_run_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("store.ffmpeg.SECONDS_TO_WAIT", 0.01)
    taken = [store.ffmpeg._running.acquire() for _ in range(store.ffmpeg.AT_ONCE)]
    try:
        with pytest.raises(StoreBusy):
            store.ffmpeg.run(["-version"], iter(()))
    finally:
        for _ in taken:
            store.ffmpeg._running.release()
