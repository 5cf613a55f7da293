"""Every error of the packages below has an answer, and none tells what it should not."""

from collections.abc import Iterator

import pytest

import deid.errors
import store.errors
from dicomweb.errors import OUTCOMES, UNEXPECTED, DicomwebError, outcome_of, sentence_of


def _tree(root: type[Exception]) -> Iterator[type[Exception]]:
    yield root
    for kind in root.__subclasses__():
        yield from _tree(kind)


_ROOTS = (deid.errors.DeidError, store.errors.StoreError, DicomwebError)
_ALL = [kind for root in _ROOTS for kind in _tree(root) if not kind.__module__.startswith("tests")]


@pytest.mark.parametrize("kind", _ALL, ids=lambda kind: kind.__name__)
def test_every_error_has_a_row(kind: type[Exception]) -> None:
    assert kind in OUTCOMES


@pytest.mark.parametrize("kind", list(OUTCOMES), ids=lambda kind: kind.__name__)
def test_rows_are_answers(kind: type[Exception]) -> None:
    outcome = OUTCOMES[kind]

    assert 400 <= outcome.status < 600
    assert outcome.failure_reason in range(0x0100, 0x10000)
    if issubclass(kind, DicomwebError):
        assert not outcome.sentence
    else:
        assert outcome.sentence.endswith(".")


def test_text_of_a_lower_error_is_never_told() -> None:
    error = store.errors.StoreError("SECRETNAME")

    assert "SECRETNAME" not in sentence_of(error, outcome_of(error))


def test_unknown_subclass_is_answered_like_its_parent() -> None:
    class Newer(store.errors.StoreFull):
        pass

    assert outcome_of(Newer()) is OUTCOMES[store.errors.StoreFull]
    assert outcome_of(ValueError("x")) is UNEXPECTED
