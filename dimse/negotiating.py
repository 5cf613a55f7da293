"""Asks a peer for an association: the request, and what its answer means.

Standard: PS3.8 section 9.3.2 to 9.3.4 (A-ASSOCIATE-RQ, -AC, -RJ), PS3.7 D.3.3 (user information).
Invariants: pynetdicom encodes, decodes and compares what was proposed with what was accepted; what
a peer makes up that is no answer becomes `CannotReach`, never another error.
Not here: the connection (`dimse.requestor`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from pydicom.uid import UID
from pynetdicom.pdu import A_ASSOCIATE_AC, A_ASSOCIATE_RJ, A_ASSOCIATE_RQ
from pynetdicom.pdu_primitives import (
    A_ASSOCIATE,
    ImplementationClassUIDNotification,
    ImplementationVersionNameNotification,
    MaximumLengthNotification,
    SCP_SCU_RoleSelectionNegotiation,
)
from pynetdicom.presentation import PresentationContext, negotiate_as_requestor

from dimse.errors import CannotReach, Refused
from dimse.exchange import Accepted
from dimse.implementation import CLASS_UID, VERSION_NAME

__all__ = [
    "MOST_CONTEXTS",
    "Agreement",
    "Proposal",
    "agreement_of",
    "encoded",
    "no_answer",
    "refusal_of",
    "request_of",
]

#: The IDs of presentation contexts are the odd numbers from 1 to 255 (PS3.8 Table 9-13).
MOST_CONTEXTS: Final = 128
#: Peers send us responses and nothing else.
MAXIMUM_LENGTH: Final = 16384
_APPLICATION_CONTEXT: Final = UID("1.2.840.10008.3.1.1.1")

_NO_ANSWER: Final = "What answers at the peer's address does not speak DICOM."
_NO_ROOM: Final = "The peer has no room for another association at the moment."
_REJECTIONS: Final[Mapping[tuple[int, int], str]] = {
    (1, 3): "The peer does not know the AE title that calls it.",
    (1, 7): "The peer does not go by the AE title that was called.",
    (3, 1): _NO_ROOM,
    (3, 2): _NO_ROOM,
}
_TRANSIENT: Final = 2


@dataclass(frozen=True)
class Proposal:
    """A presentation context that is asked for."""

    abstract_syntax: str
    transfer_syntaxes: tuple[str, ...]


@dataclass(frozen=True)
class Agreement:
    """What a peer accepted.

    Attributes:
        contexts: the accepted presentation contexts by their IDs.
        maximum_length: the longest P-DATA-TF PDU that it takes, 0 for any.
    """

    contexts: Mapping[int, Accepted]
    maximum_length: int


def request_of(
    proposals: Sequence[Proposal], *, calling: str, called: str, provided: Iterable[str] = ()
) -> A_ASSOCIATE:
    """Ask for an association.

    Args:
        proposals: at most `MOST_CONTEXTS` of them.
        calling, called: AE titles.
        provided: SOP classes of which we will be the provider, not the user (PS3.7 D.3.3.4).
    """
    length = MaximumLengthNotification()
    length.maximum_length_received = MAXIMUM_LENGTH
    implementation = ImplementationClassUIDNotification()
    implementation.implementation_class_uid = CLASS_UID
    version = ImplementationVersionNameNotification()
    version.implementation_version_name = VERSION_NAME
    request = A_ASSOCIATE()
    request.application_context_name = _APPLICATION_CONTEXT
    request.calling_ae_title, request.called_ae_title = calling, called
    request.presentation_context_definition_list = [
        _context(2 * number + 1, proposal) for number, proposal in enumerate(proposals)
    ]
    roles = [_provider_of(uid) for uid in provided]
    request.user_information = [length, implementation, version, *roles]
    return request


def encoded(request: A_ASSOCIATE) -> bytes:
    """Encode the request as a PDU."""
    return A_ASSOCIATE_RQ(request).encode()


def agreement_of(request: A_ASSOCIATE, pdu: bytes) -> Agreement:
    """Read what was accepted.

    Raises:
        CannotReach: the PDU is none.
    """
    proposed = request.presentation_context_definition_list
    try:
        accepted = A_ASSOCIATE_AC()
        accepted.decode(pdu)
        answer = accepted.to_primitive()
        results = answer.presentation_context_definition_results_list
        # Who is user and who provider is not asked: peers that take part in storage commitment
        # often leave their part of the role selection out.
        agreed = [c for c in negotiate_as_requestor(proposed, results) if c.result == 0]
        contexts = {
            int(context.context_id or 0): Accepted(
                str(context.abstract_syntax), str(context.transfer_syntax[0])
            )
            for context in agreed
        }
        longest = int(answer.maximum_length_received or 0)
    except Exception:
        raise no_answer() from None
    if not results:
        raise no_answer()
    return Agreement(contexts, longest)


def refusal_of(pdu: bytes) -> Refused | CannotReach:
    """Make an error of the peer's rejection."""
    try:
        rejected = A_ASSOCIATE_RJ()
        rejected.decode(pdu)
        result, source = rejected.result, rejected.source
        reason = rejected.reason_diagnostic
    except Exception:
        return no_answer()
    if source is None or reason is None:
        return no_answer()
    text = _REJECTIONS.get((source, reason), "The peer refuses the association.")
    # Congestion and a local limit pass, also where a peer calls them permanent (PS3.8 Table 9-21).
    return Refused(text, is_transient=result == _TRANSIENT or text == _NO_ROOM)


def no_answer() -> CannotReach:
    """Make the error for what is no answer to a request."""
    return CannotReach(_NO_ANSWER)


def _context(context_id: int, proposal: Proposal) -> PresentationContext:
    context = PresentationContext()
    context.context_id = context_id
    context.abstract_syntax = UID(proposal.abstract_syntax)
    context.transfer_syntax = [UID(syntax) for syntax in proposal.transfer_syntaxes]
    return context


def _provider_of(sop_class_uid: str) -> SCP_SCU_RoleSelectionNegotiation:
    role = SCP_SCU_RoleSelectionNegotiation()
    role.sop_class_uid = UID(sop_class_uid)
    role.scu_role, role.scp_role = False, True
    return role
