"""Cases go on with their series: masked, added to, held, and deleted."""

import os
from pathlib import Path

import pytest
from pydicom.dataset import FileDataset
from pydicom.uid import UID

from cases.access import CaseScope, PublishedScope
from cases.cases import Case, case_by_code
from cases.publishing import blockers
from cases.showing import shown
from store.access import Scope
from store.db import Database
from store.ingest import Received
from store.masks import Rectangle, mask_series
from store.removing import remove
from store.review import Review
from store.states import State
from tests.cases.rows import OWNER, Pair, add_case, add_published
from tests.store.conftest import Store, make_store
from tests.support.datasets import ct_slice

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

ULTRASOUND = "1.2.840.10008.5.1.4.1.1.6.1"


@pytest.fixture
def store(sqlite: Database, tmp_path: Path) -> Store:
    """A store for what is the same on every database."""
    return make_store(sqlite, tmp_path / "blobs", os.urandom)


def ultrasound(number: int, burned_in: str) -> FileDataset:
    ds = ct_slice(number)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID(ULTRASOUND)
    ds.Modality, ds.BurnedInAnnotation, ds.ImageType = "US", burned_in, ["ORIGINAL", "PRIMARY"]
    return ds


def pair_of(received: Received) -> Pair:
    return received.study_instance_uid, received.series_instance_uid


def attest(store: Store, pair: Pair) -> None:
    Review(store.database, store.ingest.clock).decide(OWNER, *pair, "attest", OWNER)


def mask(store: Store, pair: Pair) -> list[Received]:
    corner = [Rectangle(0, 0, 8, 3)]
    return mask_series(store.archive, store.ingest, store.scope, OWNER, *pair, corner)


def seen(store: Store, case: Case, scope: Scope) -> list[tuple[str, int, State]]:
    found = shown(store.database, scope, case.document)
    return [(one.uid, one.images, one.state) for study in found for one in study.series]


def test_a_published_case_goes_on_with_the_masked_pictures(store: Store) -> None:
    pair = pair_of(store.put(ct_slice(1), ct_slice(2))[0])
    case = add_published(store.database, pairs=[pair])
    new = mask(store, pair)
    for scope in (CaseScope(case.id), PublishedScope()):
        assert [(uid, images) for uid, images, _ in seen(store, case, scope)] == [(pair[1], 2)]
        refs = store.archive.instances(scope, *pair)
        assert {ref.sop_instance_uid for ref in refs} == {one.sop_instance_uid for one in new}
    assert not case_by_code(store.database, case.code).changed


def test_a_series_that_is_held_can_be_published_once_it_is_masked(store: Store) -> None:
    pair = pair_of(store.put(ultrasound(1, "YES"))[0])
    case = add_case(store.database, pairs=[pair])
    assert len(blockers(store.database, case)) == 1
    mask(store, pair)
    assert blockers(store.database, case) == []


def test_a_published_series_that_is_held_again_is_its_owners_alone_until_then(
    store: Store,
) -> None:
    pair = pair_of(store.put(ultrasound(1, "YES"))[0])
    attest(store, pair)
    case = add_published(store.database, pairs=[pair])
    assert seen(store, case, CaseScope(case.id)) == [(pair[1], 1, State.ATTESTED)]
    store.put(ultrasound(2, "YES"))
    assert seen(store, case, CaseScope(case.id)) == []
    assert seen(store, case, CaseScope(case.id, OWNER)) == [(pair[1], 2, State.HELD)]
    attest(store, pair)
    assert seen(store, case, PublishedScope()) == [(pair[1], 2, State.ATTESTED)]


def test_a_series_that_is_deleted_is_gone_from_its_case_and_comes_back_into_none(
    store: Store,
) -> None:
    first, second = ct_slice(1), ct_slice(1)
    second.SeriesInstanceUID = "1.2.826.0.1.77"
    second.SOPInstanceUID = second.file_meta.MediaStorageSOPInstanceUID = UID("1.2.826.0.1.77.1")
    pairs = [pair_of(received) for received in store.put(first, second)]
    case = add_published(store.database, pairs=pairs)
    remove(store.ingest, store.scope, *pairs[0])
    assert [uid for uid, *_ in seen(store, case, CaseScope(case.id))] == [pairs[1][1]]
    # Sent again it has the same UIDs, and nobody has published it since.
    assert pair_of(store.put(first)[0]) == pairs[0]
    for scope in (CaseScope(case.id), PublishedScope()):
        assert [uid for uid, *_ in seen(store, case, scope)] == [pairs[1][1]]
