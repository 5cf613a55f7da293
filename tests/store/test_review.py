"""Held for review: no way past it for anybody but the owner; what the owner decides."""

import ast
import json
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from pydicom.dataset import FileDataset
from pydicom.uid import UID, UltrasoundMultiFrameImageStorage
from sqlalchemy import ColumnElement, select, true, update

from dicomweb import create_blueprint
from dimse.contexts import supported_contexts
from store import schema
from store.access import Caller, NothingScope, OwnerScope, Scope, visible
from store.errors import NoSuchSeries, Outdated
from store.review import Review, SeriesReview, State
from store.search import Level, Match, Query, search
from tests.store.conftest import OWNER, Store
from tests.support.datasets import ct_slice, ct_stack
from viewer.studies import find_study, page_of_studies

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning:pydicom")

ROOT = Path(__file__).parents[2]
PACKAGES = ("deid", "store", "accounts", "cases", "dicomweb", "dimse", "viewer", "server")
MODALITIES, SOP_CLASSES, STUDY_UID = 0x00080061, 0x00080062, 0x0020000D
NOW = datetime(2026, 5, 12, 14, 30, tzinfo=UTC)
SECOND_SERIES = "1.2.826.0.1.3680043.8.498.1.3"
SECOND_STUDY = {"study": "1.2.826.0.1.3680043.8.498.2", "series": "1.2.826.0.1.3680043.8.498.2.1"}


@dataclass(frozen=True)
class Everything:
    """A scope that has every series there is, for the eyes of some account or of a stranger."""

    owner_id: int | None

    def condition(self) -> ColumnElement[bool]:
        return true()


OTHERS = [Everything(None), Everything(8)]
OWNERS = [OwnerScope(OWNER), Everything(OWNER)]


def ultrasound(number: int = 1, **place: str) -> FileDataset:
    """An image of two frames that somebody must look at."""
    ds = ct_slice(number, frames=2, **place)  # type: ignore[arg-type]
    ds.Modality, ds.SeriesDescription, ds.StudyDescription = "US", "ABDOMEN", "US ABDOMEN"
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = UID(UltrasoundMultiFrameImageStorage)
    # Longer than what metadata hold themselves, so that it has a place of its own.
    ds.RedPaletteColorLookupTableData = bytes(range(256)) * 2
    return ds


@dataclass(frozen=True)
class Held:
    """A study of a free and a held series, and one of a held series alone."""

    mixed: str
    alone: str
    free_series: str
    hidden: tuple[str, ...]

    def is_told_by(self, text: str | bytes) -> bool:
        """Whether the UID of anything held is in the text."""
        said = text.encode() if isinstance(text, str) else text
        return any(uid.encode() in said for uid in self.hidden)


@pytest.fixture(params=["held", "left-out"])
def held(request: pytest.FixtureRequest, store: Store) -> Held:
    first, _ = store.put(*ct_stack(2))
    [beside] = store.put(ultrasound(1, series=SECOND_SERIES))
    [alone] = store.put(ultrasound(2, **SECOND_STUDY))
    if request.param == "left-out":
        for each in (beside, alone):
            place = each.study_instance_uid, each.series_instance_uid
            review(store).decide(OWNER, *place, "leave-out", by=OWNER)
    hidden = [beside.series_instance_uid, beside.sop_instance_uid]
    hidden += [alone.study_instance_uid, alone.series_instance_uid, alone.sop_instance_uid]
    return Held(
        mixed=first.study_instance_uid,
        alone=alone.study_instance_uid,
        free_series=first.series_instance_uid,
        hidden=tuple(hidden),
    )


def review(store: Store) -> Review:
    return Review(store.database, lambda: NOW)


@pytest.mark.parametrize("level", ["study", "series", "instance"])
@pytest.mark.parametrize("scope", OTHERS)
def test_no_search_finds_what_is_held(store: Store, held: Held, scope: Scope, level: Level) -> None:
    matches: Sequence[tuple[Match, ...]] = [
        (),
        (Match(STUDY_UID, held.mixed),),
        (Match(STUDY_UID, held.alone),),
        (Match(MODALITIES, "US"),),
        (Match(SOP_CLASSES, UltrasoundMultiFrameImageStorage),),
    ]
    for some in matches:
        page = search(store.database, scope, Query(level, some))
        assert not held.is_told_by(json.dumps(page.results))
        assert "ABDOMEN" not in json.dumps(page.results)
        # That something is held in a study of which they see the rest is not told, either.
        assert page.results == [] or some in (matches[0], matches[1])
        found = search(store.database, OwnerScope(OWNER), Query(level, some))
        assert held.is_told_by(json.dumps(found.results)) or some == matches[1]


@pytest.mark.parametrize("scope", OTHERS)
def test_counts_are_of_what_may_be_seen(store: Store, held: Held, scope: Scope) -> None:
    [study] = search(store.database, scope, Query("study")).results
    assert study["00201206"]["Value"] == [1]
    assert study["00201208"]["Value"] == [2]
    assert study["00080061"]["Value"] == ["CT"]
    for level, number in (("study", 0), ("series", 0), ("instance", 1)):
        page = search(store.database, scope, Query(level, limit=1))  # type: ignore[arg-type]
        assert (len(page.results), page.remaining) == (1, number)
    assert search(store.database, scope, Query("study", limit=0)).remaining == 1
    assert search(store.database, scope, Query("study", offset=1)).results == []


@pytest.mark.parametrize("scope", OWNERS)
def test_the_owner_finds_and_counts_all(store: Store, held: Held, scope: Scope) -> None:
    alone, mixed = search(store.database, scope, Query("study")).results
    assert mixed["00201206"]["Value"] == [2]
    assert mixed["00201208"]["Value"] == [3]
    assert mixed["00080061"]["Value"] == ["CT", "US"]
    assert alone["0020000D"]["Value"] == [held.alone]
    assert len(store.archive.instances(scope, held.mixed)) == 3
    assert page_of_studies(store.database, scope, 1, NOW).total == 2


@pytest.mark.parametrize("scope", OTHERS)
@pytest.mark.promise("F8")
def test_nothing_held_is_retrieved(store: Store, held: Held, scope: Scope) -> None:
    for ref in store.archive.instances(OwnerScope(OWNER), held.alone):
        place = ref.study_instance_uid, ref.series_instance_uid, ref.sop_instance_uid
        for depth in (1, 2, 3):
            assert store.archive.instances(scope, *place[:depth]) == []
    refs = store.archive.instances(scope, held.mixed)
    assert {ref.series_instance_uid for ref in refs} == {held.free_series}
    assert not held.is_told_by(b"".join(store.archive.metadata(refs)))


@pytest.mark.parametrize("scope", OTHERS)
def test_the_list_of_studies_does_not_show_what_is_held(
    store: Store, held: Held, scope: Scope
) -> None:
    page = page_of_studies(store.database, scope, 1, NOW)
    assert page.total == 1
    [entry] = page.entries
    assert (entry.uid, entry.series, entry.images) == (held.mixed, 1, 2)
    assert entry.pictured == held.free_series
    assert find_study(store.database, scope, held.alone, NOW) is None
    assert not held.is_told_by(repr(page))


class FakeGate:
    """Everybody has the scope of the test."""

    def __init__(self) -> None:
        self.scope: Scope = NothingScope()

    def reader(self, caller: Caller) -> Scope | None:
        return self.scope

    def renewed(self, scope: Scope) -> Scope:
        return scope

    def storer(self, caller: Caller) -> int | None:
        return None

    def remover(self, caller: Caller) -> Scope | None:
        return None


Ask = Callable[[Scope], tuple[Flask, FlaskClient]]


@pytest.fixture
def ask(store: Store) -> Ask:
    gate, app = FakeGate(), Flask(__name__)
    app.register_blueprint(
        create_blueprint(
            store.archive, store.ingest, gate, database=store.database, max_body_bytes=1 << 20
        )
    )

    def ask(scope: Scope) -> tuple[Flask, FlaskClient]:
        gate.scope = scope
        return app, app.test_client()

    return ask


def paths(app: Flask, values: dict[str, str]) -> Iterator[str]:
    """Each address that answers to GET, so that a new one is never forgotten here."""
    urls = app.url_map.bind("localhost")
    for rule in app.url_map.iter_rules():
        if "GET" in (rule.methods or {"GET"}) and "_rest" not in rule.arguments:
            if rule.arguments == {"filename"}:
                continue
            yield urls.build(rule.endpoint, {name: values[name] for name in rule.arguments})


def places(store: Store, study: str) -> Iterator[dict[str, str]]:
    """What fills the addresses of each instance of a study."""
    for ref in store.archive.instances(OwnerScope(OWNER), study):
        place = {"study": ref.study_instance_uid, "series": ref.series_instance_uid}
        for bulk in ("7FE00010", "00281201"):
            yield {**place, "instance": ref.sop_instance_uid, "frames": "1", "path": bulk}


@pytest.mark.parametrize("scope", OTHERS)
def test_no_address_of_dicomweb_gives_what_is_held(
    store: Store, held: Held, ask: Ask, scope: Scope
) -> None:
    app, client = ask(scope)
    asked = 0
    for study in (held.mixed, held.alone):
        for values in places(store, study):
            for path in paths(app, values):
                asked += 1
                response = client.get(path)
                assert not held.is_told_by(response.data), path
                assert not held.is_told_by(repr(response.headers)), path
                if held.is_told_by(path) and "?" not in path:
                    nothing = response.status_code == 404 or response.get_json() in (None, [])
                    assert nothing, (path, response.status_code)
    assert asked >= 8 * 15


def test_every_address_of_dicomweb_gives_it_to_its_owner(
    store: Store, held: Held, ask: Ask
) -> None:
    app, client = ask(OwnerScope(OWNER))
    for values in places(store, held.alone):
        for path in paths(app, values):
            if path in ("/dicomweb/", "/dicomweb/wado"):
                continue
            response = client.get(path)
            assert response.status_code == 200, path
            assert len(response.data) > 2, path


@pytest.mark.parametrize("decision", ["attest", "mask"])
def test_what_is_attested_or_masked_is_open_to_others(
    store: Store, ask: Ask, decision: str
) -> None:
    [received] = store.put(ultrasound())
    place = received.study_instance_uid, received.series_instance_uid
    assert store.archive.instances(OTHERS[0], *place) == []
    if decision == "attest":
        review(store).decide(OWNER, *place, "attest", by=OWNER)
    else:
        with store.database.write() as connection:
            connection.execute(update(schema.series).values(review_state="masked"))
    _, client = ask(OTHERS[0])
    path = f"/dicomweb/studies/{place[0]}/series/{place[1]}"
    assert client.get(f"{path}/metadata").status_code == 200
    review(store).decide(OWNER, *place, "hold", by=OWNER)
    assert client.get(f"{path}/metadata").status_code == 404


def test_no_state_but_the_open_ones_is_shown(store: Store) -> None:
    [received] = store.put(ct_slice())
    shown = {}
    for state in [*State, "something that nobody knows yet"]:
        with store.database.write() as connection:
            connection.execute(update(schema.series).values(review_state=str(state)))
        refs = store.archive.instances(OTHERS[0], received.study_instance_uid)
        shown[str(state)] = bool(refs)
    assert [state for state, is_shown in shown.items() if is_shown] == [
        "free",
        "attested",
        "masked",
    ]


def test_dimse_has_no_way_to_read() -> None:
    storage = "1.2.840.10008.5.1.4.1.1."
    services = {str(context.abstract_syntax) for context in supported_contexts()}
    # Query, retrieve, and whatever else is a service of its own.
    assert not any(uid.startswith("1.2.840.10008.5.1.4.1.2.") for uid in services)
    others = {uid for uid in services if not uid.startswith(storage)}
    names = {UID(uid).name for uid in others if uid != "1.2.840.10008.1.1"}
    assert all("Storage" in name for name in names), names


def test_an_owners_own_condition_has_no_alternatives() -> None:
    assert str(visible(OwnerScope(OWNER))) == "series.owner_id = :owner_id_1"


def modules() -> Iterator[tuple[str, ast.Module]]:
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "node_modules" not in path.parts:
                yield path.relative_to(ROOT).as_posix(), ast.parse(path.read_text("utf-8"))


def test_only_access_asks_a_scope_for_its_condition() -> None:
    asking = {
        name
        for name, tree in modules()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "condition"
    }
    assert asking == {"store/access.py"}


# They say what a scope holds; `visible` is added to it.
SCOPES = {"cases/access.py", "cases/share_access.py"}
# They work on what is one owner's, for that owner, and ask for it by the owner.
OF_ONE_OWNER = {
    "cases/contents.py",
    "cases/export.py",
    "cases/leaving.py",
    "cases/privacy.py",
    "cases/storage.py",
    "cases/using.py",
    "viewer/study_states.py",
}
# They keep the archive in order, and show nobody anything of it.
UPKEEP = {
    "cases/hiding.py",
    "cases/placing.py",
    "cases/private_series.py",
    "cases/report_pictures.py",
    "cases/retention.py",
    "server/app.py",
    "server/restore.py",
    "server/snapshot.py",
}


def test_whoever_outside_the_store_reads_its_tables_looks_through_visible() -> None:
    blind = set()
    for name, tree in modules():
        # The migrations change the tables.
        if name.startswith(("store/", "server/migrations/")):
            continue
        froms = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        tables = {a.name for node in froms if node.module == "store.schema" for a in node.names} & {
            "study",
            "series",
            "instance",
        }
        looks = {a.name for node in froms if node.module == "store.access" for a in node.names}
        if tables and "visible" not in looks:
            blind.add(name)
    assert blind <= SCOPES | OF_ONE_OWNER | UPKEEP
    for name in OF_ONE_OWNER & blind:
        assert "owner_id" in (ROOT / name).read_text("utf-8"), name


def only(store: Store, study: str) -> SeriesReview:
    [found] = review(store).series(OWNER, study)
    return found


def test_the_owner_is_told_what_is_held_and_why(store: Store) -> None:
    burned = ultrasound(2, series=SECOND_SERIES)
    burned.BurnedInAnnotation = "YES"
    received, *_ = store.put(*ct_stack(2), ultrasound(1, series=SECOND_SERIES), burned)
    found = review(store).series(OWNER, received.study_instance_uid)
    assert [each.modality for each in found] == ["CT", "US"]
    free, held = found
    assert (free.state, free.reasons, free.instances) == ("free", (), 2)
    assert free.description == "AXIAL HEAD"
    assert (held.state, held.number, held.instances) == ("held", 2, 2)
    assert held.reasons == ("burned-in-annotation", "modality")
    assert held.reviewed_at is None
    assert review(store).series(8, received.study_instance_uid) == []


@pytest.mark.parametrize(
    ("before", "decision", "after"),
    [
        ("held", "attest", "attested"),
        ("held", "leave-out", "left-out"),
        ("held", "hold", "held"),
        ("attested", "hold", "held"),
        ("attested", "leave-out", "left-out"),
        ("left-out", "attest", "left-out"),
        ("left-out", "hold", "held"),
        ("masked", "attest", "masked"),
        ("masked", "hold", "held"),
    ],
)
@pytest.mark.promise("F8", "F57")
def test_what_an_owner_decides(store: Store, before: str, decision: str, after: str) -> None:
    [received] = store.put(ultrasound())
    with store.database.write() as connection:
        connection.execute(update(schema.series).values(review_state=before))
    place = received.study_instance_uid, received.series_instance_uid
    decided = review(store).decide(OWNER, *place, decision, by=3)  # type: ignore[arg-type]
    assert decided == only(store, received.study_instance_uid)
    assert decided.state == after
    with store.database.read() as connection:
        row = connection.execute(select(schema.series)).one()
    if before == after:
        assert (row.reviewed_by, decided.reviewed_at) == (None, None)
    else:
        assert (row.reviewed_by, decided.reviewed_at) == (3, NOW)


def test_a_series_without_reasons_is_left_out_and_freed_again(store: Store) -> None:
    [received] = store.put(ct_slice())
    place = received.study_instance_uid, received.series_instance_uid
    states = [
        review(store).decide(OWNER, *place, decision, by=OWNER).state
        for decision in ("attest", "leave-out", "hold", "hold")
    ]
    assert states == ["free", "left-out", "free", "free"]


def test_nobody_decides_for_another(store: Store) -> None:
    [received] = store.put(ultrasound())
    place = received.study_instance_uid, received.series_instance_uid
    for owner, series in ((8, place[1]), (OWNER, place[0])):
        with pytest.raises(NoSuchSeries):
            review(store).decide(owner, place[0], series, "attest", by=owner)
    assert only(store, place[0]).state == "held"


def test_what_came_since_the_owner_looked_is_not_attested(store: Store) -> None:
    [received] = store.put(ultrasound(1))
    place = received.study_instance_uid, received.series_instance_uid
    seen = only(store, place[0]).instances
    store.put(ultrasound(2))
    with pytest.raises(Outdated):
        review(store).decide(OWNER, *place, "attest", by=OWNER, seen=seen)
    assert only(store, place[0]).state == "held"
    assert review(store).decide(OWNER, *place, "attest", by=OWNER, seen=2).state == "attested"


def test_a_decision_waits_for_a_batch_under_way(store: Store) -> None:
    """What the batch brings was not seen, though nothing of it was visible when it was decided."""
    [received] = store.put(ultrasound(1))
    place = received.study_instance_uid, received.series_instance_uid
    with ThreadPoolExecutor(1) as pool:
        with store.database.write() as connection:
            count = schema.series.c.number_of_series_related_instances
            connection.execute(
                update(schema.series).values(number_of_series_related_instances=count + 1)
            )
            deciding = pool.submit(review(store).decide, OWNER, *place, "attest", by=OWNER, seen=1)
            with pytest.raises(TimeoutError):
                deciding.result(0.3)
        with pytest.raises(Outdated):
            deciding.result(20)
    assert only(store, place[0]).state == "held"


def test_receipts_are_the_owners_and_add_up(store: Store) -> None:
    first, second = store.put(*ct_stack(2))
    place = first.study_instance_uid, first.series_instance_uid
    one: Any = json.loads(review(store).receipt(OWNER, *place, first.sop_instance_uid) or "")
    other: Any = json.loads(review(store).receipt(OWNER, *place, second.sop_instance_uid) or "")
    assert one["actions"]
    total = review(store).receipts(OWNER, *place)
    assert (total.instances, total.without) == (2, 0)
    assert total.profiles == {(one["profile"], one["version"], one["sha256"]): 2}
    for action in one["actions"] | other["actions"]:
        both = one["actions"].get(action, 0) + other["actions"].get(action, 0)
        assert total.actions[action] == both
    assert sum(total.rules.values()) == sum([*one["rules"].values(), *other["rules"].values()])
    assert review(store).receipt(8, *place, first.sop_instance_uid) is None
    assert review(store).receipt(OWNER, *place, "2.25.1") is None
    assert review(store).receipts(8, *place).instances == 0


def test_what_was_stored_before_there_were_receipts_has_none(store: Store) -> None:
    [received] = store.put(ct_slice())
    with store.database.write() as connection:
        connection.execute(update(schema.instance).values(receipt=""))
    place = received.study_instance_uid, received.series_instance_uid
    assert review(store).receipt(OWNER, *place, received.sop_instance_uid) is None
    total = review(store).receipts(OWNER, *place)
    assert (total.instances, total.without, total.actions) == (0, 1, {})
