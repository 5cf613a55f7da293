"""C-GET, and what C-MOVE has in common with it: what is sent, and what is told of it."""

import ssl
from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.uid import (
    JPEG2000,
    UID,
    CTImageStorage,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    MRImageStorage,
    RLELossless,
    generate_uid,
)
from pynetdicom import evt
from sqlalchemy import select

from dimse import Secure, fetching_keys
from dimse.sending import Destination
from dimse.tls import acceptor_context
from store.access import OwnerScope, SeriesScope
from store.blobs import Blobs
from store.schema import series
from tests.dimse import instances
from tests.dimse.certificates import Authority
from tests.dimse.fetched import (
    GET,
    PATIENT_GET,
    PLAIN,
    destination,
    get,
    identifier,
    move,
    stored,
    uid_of,
)
from tests.dimse.served import HOME, OWNER, Served, association, serving
from tests.dimse.test_listener import tool
from tests.dimse.test_memory import FRAMES, LIMIT, MEGABYTE, forget_peak, multi_frame, peak_of

pytestmark = pytest.mark.integration


def test_c_get_sends_each_level(served: Served) -> None:
    found = stored(served)
    study, ct = found[0][0], found[0][1]
    everything = [uid for _, _, uid, _ in found]
    fetched = get(served, identifier("STUDY", StudyInstanceUID=study))
    assert fetched.uids == everything
    assert (fetched.status, fetched.failed) == (0x0000, [])
    of_series = [uid for _, of, uid, _ in found if of == ct]
    asked = identifier("SERIES", StudyInstanceUID=study, SeriesInstanceUID=ct)
    assert get(served, asked).uids == of_series
    some = [everything[1], everything[5]]
    asked = identifier(
        "IMAGE", StudyInstanceUID=study, SeriesInstanceUID=ct, SOPInstanceUID=everything[1]
    )
    assert get(served, asked).uids == some[:1]
    # A UID names one thing, with or without those above it.
    assert get(served, identifier("IMAGE", SOPInstanceUID=some)).uids == some
    asked = identifier("PATIENT", PatientID="0")
    assert get(served, asked, model=PATIENT_GET).uids == everything


def test_what_is_sent_is_what_is_stored(served: Served) -> None:
    study, _, uid, _ = stored(served)[0]
    fetched = get(served, identifier("STUDY", StudyInstanceUID=study))
    (ref,) = served.archive.instances(OwnerScope(OWNER), study, sop_instance_uid=uid)
    kept = pydicom.dcmread(pydicom.filebase.DicomBytesIO(b"".join(served.archive.read(ref))))
    sent = fetched.data_sets[0]
    del sent.file_meta
    assert {e.tag: e.value for e in sent} == {e.tag: e.value for e in kept}
    assert sent.PatientName != instances.PLANTED_NAME


def test_each_sub_operation_is_told(served: Served) -> None:
    study = stored(served)[0][0]
    fetched = get(served, identifier("STUDY", StudyInstanceUID=study))
    pending = [(6 - done, done, 0, 0) for done in range(1, 6)]
    assert fetched.counts == [*pending, (None, 6, 0, 0)]
    assert [status.Status for status, _ in fetched.responses] == [0xFF00] * 5 + [0x0000]


@pytest.mark.parametrize("by", ["get", "move"])
def test_what_a_peer_does_not_take_is_told(served: Served, by: str) -> None:
    found = stored(served)
    refused = {found[1][2]: 0xC000, found[4][2]: 0xC123}
    warned = {found[2][2]: 0xB007}

    def handler(event: evt.Event) -> int:
        return (refused | warned).get(uid_of(event), 0x0000)

    asked = identifier("STUDY", StudyInstanceUID=found[0][0])
    if by == "get":
        fetched = get(served, asked, handler=handler)
    else:
        with destination(served, handler):
            fetched = move(served, asked)
    assert fetched.status == 0xB000
    assert fetched.counts[-1] == (None, 3, 2, 1)
    assert sorted(fetched.failed) == sorted(refused)


@pytest.mark.parametrize("by", ["get", "move"])
def test_when_nothing_is_taken_all_failed(served: Served, by: str) -> None:
    found = stored(served)
    asked = identifier("STUDY", StudyInstanceUID=found[0][0])
    if by == "get":
        fetched = get(served, asked, handler=lambda event: 0xC000)
    else:
        with destination(served, lambda event: 0xC000):
            fetched = move(served, asked)
    assert (fetched.status, fetched.counts[-1]) == (0xA702, (None, 0, 6, 0))
    assert sorted(fetched.failed) == sorted(uid for _, _, uid, _ in found)


def test_c_get_sends_nothing_in_what_was_not_agreed_on(served: Served) -> None:
    found = stored(served)
    asked = identifier("STUDY", StudyInstanceUID=found[0][0])
    fetched = get(served, asked, syntaxes={CTImageStorage: PLAIN})
    assert fetched.uids == [uid for *_, uid, sop_class in found if sop_class == CTImageStorage]
    assert (fetched.status, fetched.counts[-1]) == (0xB000, (None, 4, 2, 0))
    assert fetched.failed == [uid for *_, uid, sop_class in found if sop_class == MRImageStorage]


def test_c_get_sends_nothing_to_who_will_not_be_the_provider(served: Served) -> None:
    asked = identifier("STUDY", StudyInstanceUID=stored(served)[0][0])
    with association(served, (str(GET), PLAIN), (CTImageStorage, PLAIN)) as assoc:
        responses = list(assoc.send_c_get(asked, GET))
    assert responses[-1][0].Status == 0xA702


@pytest.mark.parametrize("syntax", [RLELossless, ExplicitVRLittleEndian, ImplicitVRLittleEndian])
def test_c_get_sends_in_what_the_peer_takes(served: Served, syntax: str) -> None:
    ds = instances.ct()
    plain = ds.PixelData
    ds.StudyInstanceUID = generate_uid()
    instances.part10(ds)
    ds.compress(RLELossless, generate_instance_uid=False)
    with served.ingest.batch(OWNER, "C-STORE") as batch:
        incoming = batch.receive()
        incoming.feed(instances.part10(ds, RLELossless))
        uid = incoming.finish().sop_instance_uid
        batch.commit()
    asked = identifier("IMAGE", SOPInstanceUID=uid)
    fetched = get(served, asked, syntaxes={CTImageStorage: [syntax]})
    (sent,) = fetched.data_sets
    assert sent.file_meta.TransferSyntaxUID == syntax
    assert sent.pixel_array.tobytes() == plain


def test_c_get_compresses_for_who_takes_nothing_else(served: Served) -> None:
    (uid,) = served.put(instances.ct(side=32))
    asked = identifier("IMAGE", SOPInstanceUID=uid)
    # Nobody has asked for a loss.
    fetched = get(served, asked, syntaxes={CTImageStorage: [str(JPEG2000)]})
    assert (fetched.status, fetched.data_sets) == (0xA702, [])
    fetched = get(served, asked, syntaxes={CTImageStorage: [str(JPEG2000Lossless)]})
    (sent,) = fetched.data_sets
    assert sent.file_meta.TransferSyntaxUID == JPEG2000Lossless
    assert sent.pixel_array.tobytes() == instances.ct(side=32).PixelData


def test_c_get_is_cancelled(served: Served) -> None:
    found = stored(served)
    asked = identifier("STUDY", StudyInstanceUID=found[0][0])
    fetched = get(served, asked, cancels=True)
    assert (fetched.status, fetched.counts[-1]) == (0xFE00, (5, 1, 0, 0))


def test_what_cannot_be_read_fails_alone(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    study, _, uid, _ = stored(served)[2]
    (ref,) = served.archive.instances(OwnerScope(OWNER), study, sop_instance_uid=uid)
    blobs: Blobs = served.archive._blobs
    stream = blobs.stream

    def broken(key: str, *span: int) -> Iterator[bytes]:
        if key == ref.blob:
            raise FileNotFoundError(key)
        return stream(key, *span)

    monkeypatch.setattr(blobs, "stream", broken)
    fetched = get(served, identifier("STUDY", StudyInstanceUID=study))
    assert (fetched.status, fetched.failed) == (0xB000, [uid])
    assert fetched.counts[-1] == (None, 5, 1, 0)


def test_an_instance_that_breaks_off_ends_the_association(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = stored(served)[0][0]
    blobs: Blobs = served.archive._blobs
    stream = blobs.stream

    def broken(key: str, *span: int) -> Iterator[bytes]:
        whole = b"".join(stream(key, *span))
        yield whole[:2000]
        raise OSError("the disk broke")

    monkeypatch.setattr(blobs, "stream", broken)
    fetched = get(served, identifier("STUDY", StudyInstanceUID=study))
    # Half an instance must not look like a whole one.
    assert fetched.data_sets == []
    assert "Status" not in fetched.responses[-1][0]


@pytest.mark.parametrize("calling", ["OTHER", "STORES"])
def test_nobody_gets_what_is_not_theirs(served: Served, calling: str) -> None:
    study, of, uid, _ = stored(served)[0]
    for asked in (
        identifier("STUDY", StudyInstanceUID=study),
        identifier("SERIES", SeriesInstanceUID=of),
        identifier("IMAGE", SOPInstanceUID=uid),
    ):
        fetched = get(served, asked, calling=calling)
        assert fetched.data_sets == []
        assert fetched.status == (0x0000 if calling == "OTHER" else 0x0124)


def test_who_sees_one_series_finds_and_gets_no_other(served: Served) -> None:
    found = stored(served)
    study, mr = found[0][0], found[4][1]
    with served.database.read() as connection:
        query = select(series.c.id).where(series.c.series_instance_uid == mr)
        number = connection.execute(query).scalar_one()
    served.scopes["READER"] = SeriesScope(frozenset({number}))
    fetched = get(served, identifier("STUDY", StudyInstanceUID=study), calling="READER")
    assert fetched.uids == [uid for _, of, uid, _ in found if of == mr]
    fetched = get(served, identifier("IMAGE", SOPInstanceUID=found[0][2]), calling="READER")
    assert (fetched.status, fetched.uids) == (0x0000, [])
    asked = identifier(
        "STUDY", StudyInstanceUID="", NumberOfStudyRelatedInstances="", ModalitiesInStudy=""
    )
    model = UID("1.2.840.10008.5.1.4.1.2.2.1")
    with association(served, (model, PLAIN), calling="READER") as assoc:
        answers = [match for _, match in assoc.send_c_find(asked, model) if match]
    assert [match.NumberOfStudyRelatedInstances for match in answers] == [2]
    assert [match.ModalitiesInStudy for match in answers] == ["MR"]


def test_a_multi_frame_of_300_mb_is_sent_in_little_memory(served: Served, tmp_path: Path) -> None:
    head, _ = multi_frame("1.2.3.4.5")
    with served.ingest.batch(OWNER, "C-STORE") as batch:
        incoming = batch.receive(transfer_syntax=ExplicitVRLittleEndian)
        incoming.feed(head)
        for _ in range(FRAMES):
            incoming.feed(bytes(MEGABYTE))
        uid = incoming.finish().sop_instance_uid
        batch.commit()
    folder = tmp_path / "got"
    folder.mkdir()
    keys = ("-k", "QueryRetrieveLevel=IMAGE", "-k", f"SOPInstanceUID={uid}")
    address = ("-aet", "MINE", "-aec", HOME, "127.0.0.1", served.port)
    forget_peak()
    before = peak_of()
    tool("getscu", "-S", "+B", "-od", folder, *keys, *address)
    grown = peak_of() - before
    (path,) = folder.iterdir()
    assert path.stat().st_size > FRAMES * MEGABYTE
    assert grown < LIMIT / 2, f"resident size grew by {grown // MEGABYTE} MB"


@pytest.mark.parametrize(
    "asked",
    [
        identifier("STUDY"),
        identifier("STUDY", StudyInstanceUID=""),
        identifier("NOTHING", StudyInstanceUID="1.2"),
        identifier("PATIENT", PatientID="0"),
        identifier("IMAGE", StudyInstanceUID=["1.2", "1.3"], SOPInstanceUID="1.2"),
    ],
)
def test_what_names_nothing_is_refused(served: Served, asked: Dataset) -> None:
    assert get(served, asked).status == 0xA900
    served.destinations[OWNER, "DEST"] = Destination("DEST", "127.0.0.1", 1)
    assert move(served, asked).status == 0xA900


def test_more_than_can_be_counted_is_refused(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching_keys, "MOST_INSTANCES", 5)
    asked = identifier("STUDY", StudyInstanceUID=stored(served)[0][0])
    assert get(served, asked).status == 0xA701


def test_long_lists_of_uids_are_looked_up(served: Served) -> None:
    everything = [uid for _, _, uid, _ in stored(served)]
    unknown = [f"1.2.3.{number}" for number in range(400)]
    asked = identifier("IMAGE", SOPInstanceUID=[*unknown, *everything])
    assert get(served, asked).uids == everything


def test_c_get_works_over_tls(tmp_path: Path) -> None:
    keys = Authority(tmp_path, "authority").pair("server")
    secure = Secure(acceptor_context(keys.certificate, keys.key, None))
    client = ssl.create_default_context(cafile=tmp_path / "authority.pem")
    with serving(tmp_path, secure) as served:
        served.put(*(instances.ct(number, side=512) for number in range(1, 6)))
        asked = identifier("STUDY", StudyInstanceUID=stored(served)[0][0])
        fetched = get(served, asked, tls=client)
        assert (fetched.status, len(fetched.data_sets)) == (0x0000, 5)
        # The look for a C-CANCEL must find it in what TLS has read already, too.
        assert get(served, asked, tls=client, cancels=True).status == 0xFE00


def test_getscu_gets(served: Served, tmp_path: Path) -> None:
    found = stored(served)
    keys = ("-k", "QueryRetrieveLevel=STUDY", "-k", f"StudyInstanceUID={found[0][0]}")
    address = ("-aet", "MINE", "-aec", HOME, "127.0.0.1", served.port)
    folder = tmp_path / "got"
    folder.mkdir()
    tool("getscu", "-S", "+B", "-od", folder, *keys, *address)
    got = [pydicom.dcmread(path) for path in folder.iterdir()]
    assert sorted(ds.SOPInstanceUID for ds in got) == sorted(uid for _, _, uid, _ in found)
