"""The lists are those of the standard, as pydicom has them."""

from pydicom.sr.codedict import codes

from cases.vocabulary import (
    BODY_PART_CODES,
    BODY_PARTS,
    MODALITIES,
    body_part_words,
    modality_words,
)

# Annex L has them, and CID 4031 has not.
ORGANS = (
    "ADRENAL AORTA BRAIN FACE KIDNEY LIVER LUNG OVARY PHARYNX RADIUS RADIUSULNA SCROTUM SPLEEN"
    " TESTIS THYMUS THYROID TIBIA TIBIAFIBULA TONGUE ULNA UTERUS"
)


def test_modalities_are_those_of_cid_29_and_other() -> None:
    assert set(MODALITIES) == {code.value for code in codes.cid29.concepts.values()} | {"OT"}


def test_body_parts_have_the_codes_of_cid_4031() -> None:
    known = {code.value for code in codes.cid4031.concepts.values()}
    assert {term for term, code in BODY_PART_CODES.items() if code not in known} == set(
        ORGANS.split()
    )
    assert len(set(BODY_PART_CODES.values())) == len(BODY_PART_CODES)


def test_organs_have_the_codes_of_other_groups() -> None:
    known = {code.value for code in codes.SCT.concepts.values()}
    assert {term for term in ORGANS.split() if BODY_PART_CODES[term] not in known} == set()


def test_body_parts_are_in_the_order_of_their_words() -> None:
    assert list(BODY_PARTS.values()) == sorted(BODY_PARTS.values())
    assert set(BODY_PARTS) == set(BODY_PART_CODES)
    # A defined term is a CS (PS3.5 6.2).
    assert all(len(term) <= 16 and term.isupper() for term in BODY_PARTS)


def test_words_for_nothing_and_for_what_is_not_in_a_list() -> None:
    assert (modality_words("MR"), body_part_words("WRIST")) == ("Magnetic resonance", "Wrist")
    assert (modality_words(""), body_part_words("")) == ("", "")
    assert (modality_words("XX"), body_part_words("XX")) == ("XX", "XX")
