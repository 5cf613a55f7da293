"""What is accepted: every storage SOP class in every transfer syntax that can be de-identified."""

import pytest
from pynetdicom import AllStoragePresentationContexts
from pynetdicom.presentation import build_context, negotiate_as_acceptor

from deid.encoding import encoding_of
from dimse.contexts import STORAGE_SOP_CLASSES, TRANSFER_SYNTAXES, VERIFICATION, supported_contexts


def test_every_class_that_pynetdicom_knows_is_supported() -> None:
    theirs = {str(context.abstract_syntax) for context in AllStoragePresentationContexts}
    assert theirs <= set(STORAGE_SOP_CLASSES)


def test_retired_classes_are_supported_and_other_services_are_not() -> None:
    assert "1.2.840.10008.5.1.4.1.1.6" in STORAGE_SOP_CLASSES  # Ultrasound Image (retired)
    assert "1.2.840.10008.5.1.4.1.1.5" in STORAGE_SOP_CLASSES  # Nuclear Medicine (retired)
    assert "1.2.840.10008.1.20.1" not in STORAGE_SOP_CLASSES  # Storage Commitment
    assert "1.2.840.10008.1.3.10" not in STORAGE_SOP_CLASSES  # Media Storage Directory


def test_uncompressed_wins_over_compressed_and_lossless_over_lossy() -> None:
    ct = "1.2.840.10008.5.1.4.1.1.2"
    proposal = build_context(ct, ["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.90"])
    proposal.context_id = 1
    (agreed,), _ = negotiate_as_acceptor([proposal], supported_contexts())
    assert agreed.transfer_syntax == ["1.2.840.10008.1.2.4.90"]
    proposal.add_transfer_syntax("1.2.840.10008.1.2")
    (agreed,), _ = negotiate_as_acceptor([proposal], supported_contexts())
    assert agreed.transfer_syntax == ["1.2.840.10008.1.2"]


def test_no_transfer_syntax_is_listed_twice_and_none_points_elsewhere() -> None:
    assert len(set(TRANSFER_SYNTAXES)) == len(TRANSFER_SYNTAXES)
    jpip = {"1.2.840.10008.1.2.4.94", "1.2.840.10008.1.2.4.95", "1.2.840.10008.1.2.4.204"}
    assert not jpip & set(TRANSFER_SYNTAXES)


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES)
def test_every_transfer_syntax_accepted_can_be_de_identified(syntax: str) -> None:
    assert encoding_of(syntax).little is (syntax != "1.2.840.10008.1.2.2")


def test_each_class_is_listed_once_and_verification_is_among_them() -> None:
    abstract = [str(context.abstract_syntax) for context in supported_contexts()]
    assert len(set(abstract)) == len(abstract) == len(STORAGE_SOP_CLASSES) + 1
    assert VERIFICATION in abstract
