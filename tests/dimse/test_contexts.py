"""What is accepted: every storage SOP class in every transfer syntax that can be de-identified."""

import pytest
from pydicom._uid_dict import UID_dictionary
from pydicom.uid import UID
from pynetdicom import AllStoragePresentationContexts
from pynetdicom.presentation import build_context, negotiate_as_acceptor

from deid.encoding import encoding_of
from dimse.contexts import (
    LEFT_OUT,
    STORAGE_SOP_CLASSES,
    TRANSFER_SYNTAXES,
    VERIFICATION,
    supported_contexts,
)


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


def test_every_transfer_syntax_of_the_standard_is_accepted_or_left_out_for_a_reason() -> None:
    assert len(set(TRANSFER_SYNTAXES)) == len(TRANSFER_SYNTAXES)
    registry = {uid for uid, row in UID_dictionary.items() if row[1] == "Transfer Syntax"}
    assert {*TRANSFER_SYNTAXES, *LEFT_OUT} == registry
    assert not set(LEFT_OUT) & set(TRANSFER_SYNTAXES)


def test_private_classes_are_accepted_when_they_are_named() -> None:
    private = "1.3.12.2.1107.5.9.1"
    proposal = build_context(private, ["1.2.840.10008.1.2.4.50"])
    proposal.context_id = 1
    (agreed,), _ = negotiate_as_acceptor([proposal], supported_contexts())
    assert agreed.result == 0x03
    (agreed,), _ = negotiate_as_acceptor([proposal], supported_contexts(private=[private]))
    assert (agreed.result, agreed.transfer_syntax) == (0x00, ["1.2.840.10008.1.2.4.50"])


def test_the_requestor_may_be_the_provider_of_storage_and_of_nothing_else() -> None:
    ct, find = "1.2.840.10008.5.1.4.1.1.2", "1.2.840.10008.5.1.4.1.2.2.1"
    proposals = [build_context(ct), build_context(find)]
    for number, proposal in enumerate(proposals):
        proposal.context_id = 2 * number + 1
    roles: dict[UID, tuple[bool | None, bool | None]] = {
        UID(uid): (False, True) for uid in (ct, find)
    }
    agreed, answered = negotiate_as_acceptor(proposals, supported_contexts([find]), roles)
    assert [context.result for context in agreed] == [0x00, 0x00]
    assert [context.as_scu for context in agreed] == [True, False]
    assert [(str(role.sop_class_uid), role.scp_role) for role in answered] == [(ct, True)]
    # Who asks for no role gets the usual one.
    agreed, answered = negotiate_as_acceptor(proposals, supported_contexts([find]))
    assert [(context.as_scu, context.as_scp) for context in agreed] == [(False, True)] * 2
    assert answered == []


@pytest.mark.parametrize("syntax", TRANSFER_SYNTAXES)
def test_every_transfer_syntax_accepted_can_be_de_identified(syntax: str) -> None:
    assert encoding_of(syntax).little is (syntax != "1.2.840.10008.1.2.2")


def test_each_class_is_listed_once_and_verification_is_among_them() -> None:
    abstract = [str(context.abstract_syntax) for context in supported_contexts()]
    assert len(set(abstract)) == len(abstract) == len(STORAGE_SOP_CLASSES) + 1
    assert VERIFICATION in abstract
