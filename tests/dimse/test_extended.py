"""SOP Class Extended Negotiation: what is agreed on."""

import pytest
from pydicom.uid import UID

from dimse.extended import COMBINED, FUZZY, RELATIONAL, agreed, has
from dimse.models import FIND, GET, MODELS, MOVE

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"


@pytest.mark.parametrize(
    ("proposed", "answer"),
    [
        (b"\1", b"\1"),
        (b"\0", b"\0"),
        (b"\1\0\1", b"\1\0\1"),
        (b"\1\1\1\1\1", b"\1\1\1\0\0"),
        (b"\xff\2", b"\1\0"),
    ],
)
def test_options_of_queries_are_agreed_on_as_far_as_there_are(
    proposed: bytes, answer: bytes
) -> None:
    assert agreed({STUDY_ROOT_FIND: proposed}) == {STUDY_ROOT_FIND: answer}


def test_retrievals_have_one_option() -> None:
    assert agreed({STUDY_ROOT_MOVE: b"\1\1"}) == {STUDY_ROOT_MOVE: b"\1\0"}


def test_nothing_is_answered_of_what_has_no_options() -> None:
    assert agreed({"1.2.840.10008.1.1": b"\1", STUDY_ROOT_FIND: b""}) == {}


def test_an_option_that_was_not_proposed_is_not_agreed_on() -> None:
    information = agreed({STUDY_ROOT_FIND: b"\1\0"})[STUDY_ROOT_FIND]
    options = [has(information, option) for option in (RELATIONAL, COMBINED, FUZZY)]
    assert options == [True, False, False]


def test_the_models_are_those_of_the_registry() -> None:
    assert len(MODELS) == 9
    for models, operation in ((FIND, "FIND"), (MOVE, "MOVE"), (GET, "GET")):
        for uid, model in models.items():
            name = UID(uid).name
            assert operation in name.upper()
            assert model.finds == (operation == "FIND")
            assert (model.levels[0] == "PATIENT") == name.startswith("Patient")
            assert (len(model.levels) == 2) == ("Study Only" in name)
