"""The folder of kept pictures: whole or not at all, bounded, forgotten with their blobs."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from store.pictures import NoPictures, Pictures, picture_name
from store.pictures_folder import FolderPictures

KB = 1024


def name(number: int, look: str = "0a") -> str:
    return picture_name([f"20260102/{number:032x}"], look)


def never() -> bytes:
    raise AssertionError("it is kept and need not be made")


def made(content: bytes) -> Callable[[Path], None]:
    def write(path: Path) -> None:
        path.write_bytes(content)

    return write


def sizes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def pictures(tmp_path: Path) -> FolderPictures:
    return FolderPictures(tmp_path / "pictures", 1024 * KB)


def test_a_picture_is_made_once_for_all_processes(tmp_path: Path, pictures: FolderPictures) -> None:
    assert pictures.get_or_make(name(1), lambda: b"one") == b"one"
    assert pictures.get_or_make(name(1), never) == b"one"
    again = FolderPictures(tmp_path / "pictures", 1024 * KB)
    assert again.get_or_make(name(1), never) == b"one"
    assert again.get_or_make(name(1, "0b"), lambda: b"other look") == b"other look"


def test_what_making_raises_comes_out_and_leaves_nothing(pictures: FolderPictures) -> None:
    with pytest.raises(ZeroDivisionError):
        pictures.get_or_make(name(1), lambda: b"x" * (1 // 0))
    assert pictures.get_or_make(name(1), lambda: b"later") == b"later"


@pytest.mark.parametrize("kept", [0, 1, 7, 8, 100, -1])
def test_a_file_that_is_not_whole_is_none(
    tmp_path: Path, pictures: FolderPictures, kept: int
) -> None:
    pictures.get_or_make(name(1), lambda: b"x" * 200)
    (path,) = (tmp_path / "pictures").glob(f"*/{name(1)}")
    path.write_bytes(path.read_bytes()[:kept])

    assert pictures.get_or_make(name(1), lambda: b"anew") == b"anew"
    assert pictures.get_or_make(name(1), never) == b"anew"


def test_a_changed_file_is_none(tmp_path: Path, pictures: FolderPictures) -> None:
    pictures.get_or_make(name(1), lambda: b"x" * 200)
    (path,) = (tmp_path / "pictures").glob(f"*/{name(1)}")
    path.write_bytes(path.read_bytes()[:-1] + b"y")

    assert pictures.get_or_make(name(1), lambda: b"anew") == b"anew"


def test_the_folder_stays_within_its_bound_and_keeps_what_was_used_last(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    pictures = FolderPictures(folder, 100 * KB)
    for number in range(40):
        pictures.get_or_make(name(number), lambda: bytes(4 * KB))
        (path,) = folder.glob(f"*/{name(number)}")
        # A day between one and the next; the first is asked for each day.
        os.utime(path, (0, time.time() - (60 - number) * 86400))
        pictures.get_or_make(name(0), lambda: bytes(4 * KB))
        assert sizes(folder) <= 100 * KB

    assert pictures.get_or_make(name(0), never)
    assert pictures.get_or_make(name(39), never)
    assert not list(folder.glob(f"*/{name(1)}"))


def test_a_picture_that_would_push_out_the_others_is_not_kept(
    tmp_path: Path, pictures: FolderPictures
) -> None:
    assert len(pictures.get_or_make(name(1), lambda: bytes(600 * KB))) == 600 * KB
    with pictures.open_or_write(name(2), made(bytes(600 * KB))) as film:
        assert len(film.read()) == 600 * KB
    assert sizes(tmp_path) == 0


def test_what_was_made_of_a_blob_goes_with_it(tmp_path: Path, pictures: FolderPictures) -> None:
    keys = [f"20260102/{number:032x}" for number in (1, 2)]
    for names in ([keys[0]], [keys[1]], keys):
        pictures.get_or_make(picture_name(names, "0a"), lambda: b"picture")
    pictures.open_or_write(picture_name(keys[:1], "0c"), made(b"film")).close()

    pictures.drop(keys[0])
    pictures.drop("20260102/" + "f" * 32)

    assert pictures.get_or_make(picture_name(keys[1:], "0a"), never) == b"picture"
    assert [path.name for path in (tmp_path / "pictures").glob("*/*.*")] == [
        picture_name(keys[1:], "0a")
    ]


def test_a_film_is_written_once_and_read_from_its_file(pictures: FolderPictures) -> None:
    def never_written(path: Path) -> None:
        raise AssertionError("it is kept")

    for write in (made(b"film"), never_written):
        with pictures.open_or_write(name(1), write) as film:
            assert film.read() == b"film"


def test_what_a_killed_process_was_making_is_cleared_away(
    tmp_path: Path, pictures: FolderPictures
) -> None:
    program = (
        "import os, sys, signal\n"
        "from pathlib import Path\n"
        "from store.pictures_folder import FolderPictures\n"
        "def write(path):\n"
        "    path.write_bytes(bytes(1000))\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "FolderPictures(Path(sys.argv[1]), 1 << 20).open_or_write(sys.argv[2], write)\n"
    )
    folder = tmp_path / "pictures"
    subprocess.run([sys.executable, "-c", program, folder, name(1)], check=False)
    (left,) = (folder / "making").iterdir()
    assert pictures.get_or_make(name(1), lambda: b"whole") == b"whole"

    os.utime(left, (0, 0))
    pictures.sweep()

    assert not list((folder / "making").iterdir())


def test_a_folder_that_was_removed_by_hand_is_made_again(
    tmp_path: Path, pictures: FolderPictures
) -> None:
    pictures.get_or_make(name(1), lambda: b"picture")
    shutil.rmtree(tmp_path / "pictures")
    assert pictures.get_or_make(name(1), lambda: b"anew") == b"anew"
    assert pictures.get_or_make(name(1), never) == b"anew"


def test_a_picture_that_cannot_get_its_name_leaves_nothing(
    tmp_path: Path, pictures: FolderPictures
) -> None:
    pictures.get_or_make(name(1), lambda: b"picture")
    (path,) = (tmp_path / "pictures").glob(f"*/{name(1)}")
    path.unlink()
    (path / "in the way").mkdir(parents=True)

    assert pictures.get_or_make(name(1), lambda: b"anew") == b"anew"
    assert list((tmp_path / "pictures").glob("*/*.*")) == [path]


def test_a_picture_for_which_there_is_no_room_leaves_nothing(
    tmp_path: Path, pictures: FolderPictures
) -> None:
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, usual[1]))
    try:
        assert pictures.get_or_make(name(1), lambda: b"x" * 200) == b"x" * 200
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)
        signal.signal(signal.SIGXFSZ, ignored)
    assert not list((tmp_path / "pictures").glob("*/*.*"))


def test_many_at_once_give_the_whole_picture_to_each(tmp_path: Path) -> None:
    folder = tmp_path / "pictures"
    content = os.urandom(300 * KB)

    def ask(_number: int) -> bytes:
        return FolderPictures(folder, 16 * 1024 * KB).get_or_make(name(1), lambda: content)

    with ThreadPoolExecutor(8) as asking:
        assert set(asking.map(ask, range(200))) == {content}
    assert FolderPictures(folder, 16 * 1024 * KB).get_or_make(name(1), never) == content


def test_a_folder_with_room_is_not_swept_for_every_few_pictures(
    pictures: FolderPictures, monkeypatch: pytest.MonkeyPatch
) -> None:
    swept: list[int] = []
    sweep = FolderPictures.sweep

    def counted(self: FolderPictures) -> None:
        swept.append(1)
        sweep(self)

    monkeypatch.setattr(FolderPictures, "sweep", counted)
    for number in range(128):
        pictures.get_or_make(name(number), lambda: bytes(4 * KB))
    assert 1 < len(swept) <= 20


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    pictures = FolderPictures(tmp_path / "file" / "pictures", 1024)

    assert pictures.get_or_make(name(1), lambda: b"one") == b"one"
    with pictures.open_or_write(name(1), made(b"film")) as film:
        assert film.read() == b"film"
    pictures.drop("20260102/" + "0" * 32)


def test_keeping_nothing_makes_it_each_time() -> None:
    pictures: Pictures = NoPictures()
    assert [pictures.get_or_make(name(1), lambda: b"one") for _ in range(2)] == [b"one"] * 2
    with pictures.open_or_write(name(1), made(b"film")) as film:
        assert film.read() == b"film"
    pictures.drop("a/b")
