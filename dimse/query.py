"""C-FIND: answers queries from the index, within what the caller may see.

Standard: PS3.4 C.4.1 (C-FIND) with Table C.4-1 (statuses), C.2.2 (matching), C.3 (models), C.6
(keys of each level).
Invariants: what is found is looked up by pages, so that memory does not depend on how much there
is, and in one scope of the caller's after the other, so that what comes first does not wait for
the rest; a C-CANCEL is looked for before each result; nothing of an identifier is logged or
answered in a comment.
Not here: how values match (`store.search`), reading and writing identifiers (`dimse.identifiers`),
what is asked by them (`dimse.query_keys`).
"""

import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from dimse import commands, query_statuses, statuses
from dimse.errors import DimseError
from dimse.exchange import Exchange
from dimse.identifiers import Unfit, Writer, read_identifier
from dimse.models import FIND
from dimse.query_keys import (
    AVAILABILITY,
    COUNTED_ABOVE,
    LEVEL,
    PATIENT_ID,
    RELATED_TO_PATIENT,
    RETRIEVE_AE_TITLE,
    Asked,
    asked_in,
)
from dimse.statuses import Status, status_of
from dimse.storage import place_of
from store.access import Scope
from store.db import Database
from store.errors import NotSearchable, SearchTooBroad
from store.search import Match, Query, search
from store.search_patients import Related, patient_ids, related_to
from store.search_rules import Rules

__all__ = ["QueryService", "refuse"]

logger = logging.getLogger(__name__)

PAGE: Final = 500
MOST_PATIENTS: Final = 50_000

_LEVELS: Final = {"STUDY": "study", "SERIES": "series", "IMAGE": "instance"}
Attributes = Mapping[str, Any]


class QueryService:
    """Answers C-FIND requests.

    Args:
        database: the index.
        ae_title: from where what is found can be retrieved: our own.
    """

    def __init__(self, database: Database, ae_title: str) -> None:
        self._database = database
        self._ae_title = ae_title

    def __call__(self, exchange: Exchange) -> None:
        """Answer a request: pending for each match, then how it ended."""
        try:
            self._answer(exchange)
        except Unfit as unfit:
            refuse(exchange, unfit)
        except NotSearchable:
            exchange.respond(query_statuses.UNFIT_VALUE)
        except SearchTooBroad:
            exchange.respond(query_statuses.TOO_BROAD)
        except DimseError:
            raise
        except Exception as error:
            exchange.respond(_failure(error))

    def _answer(self, exchange: Exchange) -> None:
        scopes = exchange.caller.scopes
        model = FIND.get(exchange.abstract_syntax)
        if not scopes:
            raise Unfit(query_statuses.QUERIES_NOT_ALLOWED)
        if model is None or exchange.request.sop_class_uid != exchange.abstract_syntax:
            raise Unfit(query_statuses.OTHER_QUERY_CLASS)
        asked = asked_in(read_identifier(exchange), model, exchange.extended)
        status = (
            query_statuses.FOUND if asked.is_supported else query_statuses.FOUND_WITHOUT_SOME_KEYS
        )
        writer = Writer(exchange.transfer_syntax)
        for found in _Search(self._database, scopes, asked).results():
            if exchange.is_cancelled():
                exchange.respond(query_statuses.CANCELLED)
                return
            exchange.respond(status, identifier=writer.data_set(self._result(asked, found)))
        exchange.respond(query_statuses.COMPLETE)

    def _result(self, asked: Asked, found: Attributes) -> Attributes:
        """What is answered of a match: what was asked for, and what is always answered."""
        result: dict[str, Any] = {
            f"{LEVEL:08X}": {"vr": "CS", "Value": [asked.level]},
            f"{RETRIEVE_AE_TITLE:08X}": {"vr": "AE", "Value": [self._ae_title]},
            f"{AVAILABILITY:08X}": {"vr": "CS", "Value": ["ONLINE"]},
        }
        for name, vr in asked.returned.items():
            result.setdefault(name, found.get(name) or {"vr": vr})
        return result


@dataclass(frozen=True)
class _Search:
    """One search of the index, scope by scope and page by page."""

    database: Database
    scopes: tuple[Scope, ...]
    asked: Asked

    def results(self) -> Iterator[Attributes]:
        if self.asked.level == "PATIENT":
            yield from self._patients()
            return
        results = (found for scope in self.scopes for found in self._found(scope, self._query()))
        if RELATED_TO_PATIENT.isdisjoint(self.asked.tags):
            yield from results
            return
        related: tuple[str, Attributes] | None = None
        for found in results:
            patient_id = _text(found, PATIENT_ID)
            if related is None or related[0] != patient_id:
                related = patient_id, self._related_to(patient_id)
            yield {**found, **related[1]}

    def _query(self) -> Query:
        # Of the levels above comes what is asked for; counts of a study come with all of it.
        return Query(
            _LEVELS[self.asked.level],  # type: ignore[arg-type]
            self.asked.matches,
            frozenset(self.asked.include),
            limit=PAGE,
            with_parents=not COUNTED_ABOVE.isdisjoint(self.asked.tags),
            rules=self.asked.rules,
        )

    def _found(self, scope: Scope, query: Query) -> Iterator[Attributes]:
        page = search(self.database, scope, query)
        yield from page.results
        while page.remaining:
            query = replace(query, offset=query.offset + PAGE)
            page = search(self.database, scope, query)
            yield from page.results

    def _patients(self) -> Iterator[Attributes]:
        matches, rules = self.asked.matches, self.asked.rules
        # Of whom there are studies in several scopes, the first of them tells.
        told: set[str] = set()
        for scope in self.scopes:
            found = patient_ids(self.database, scope, matches, MOST_PATIENTS + 1, rules)
            if len(found) > MOST_PATIENTS:
                raise SearchTooBroad("There are too many patients.")
            for patient_id in found:
                newest = None if patient_id in told else self._newest_of(patient_id, scope)
                if newest is None:
                    continue
                told.add(patient_id)
                if not RELATED_TO_PATIENT.isdisjoint(self.asked.tags):
                    newest = {**newest, **self._related_to(patient_id)}
                yield newest

    def _related_to(self, patient_id: str) -> Attributes:
        """Counts of what there is of a patient."""
        return _counts([related_to(self.database, scope, patient_id) for scope in self.scopes])

    def _newest_of(self, patient_id: str, scope: Scope) -> Attributes | None:
        """The newest of a patient's studies that match: it says what is answered of the patient."""
        by_id = Match(PATIENT_ID, patient_id)
        others = tuple(match for match in self.asked.matches if match.tag != PATIENT_ID)
        include = frozenset(self.asked.include)
        if not patient_id:
            # An empty value matches what is empty, and no other key is empty here.
            rules = Rules(fuzzy=self.asked.rules.fuzzy, empty=True)
            others = tuple(match for match in others if match.value)
            query = Query("study", (*others, by_id), include, limit=1, rules=rules)
        else:
            query = Query("study", (*others, by_id), include, PAGE, rules=self.asked.rules)
            if "*" not in patient_id and "?" not in patient_id:
                query = replace(query, limit=1)
        # An ID may hold what is a wildcard in a key.
        found: Iterable[Attributes] = self._found(scope, query)
        if query.limit == 1:
            found = search(self.database, scope, query).results
        return next((one for one in found if _text(one, PATIENT_ID) == patient_id), None)


def refuse(exchange: Exchange, unfit: Unfit) -> None:
    """Answer a request that cannot be served, naming the element that is in the way."""
    elements = []
    if unfit.tag is not None:
        offending = unfit.tag >> 16, unfit.tag & 0xFFFF
        elements = [(commands.OFFENDING_ELEMENT, b"".join(map(commands.number_value, offending)))]
    exchange.respond(unfit.status, elements=elements)


def _failure(error: Exception) -> Status:
    status = status_of(error)
    if status.code == statuses.OUT_OF_RESOURCES.code:
        return status
    # Only the kind and the place: the text of a foreign exception may quote a key.
    logger.error("C-FIND failed with %s at %s", type(error).__name__, place_of(error))
    return query_statuses.UNABLE


def _text(found: Attributes, tag: int) -> str:
    values = (found.get(f"{tag:08X}") or {}).get("Value") or ("",)
    return str(values[0])


def _counts(related: Sequence[Related]) -> Attributes:
    numbers = {
        0x00201200: sum(one.studies for one in related),
        0x00201202: sum(one.series for one in related),
        0x00201204: sum(one.instances for one in related),
    }
    return {f"{tag:08X}": {"vr": "IS", "Value": [number]} for tag, number in numbers.items()}
