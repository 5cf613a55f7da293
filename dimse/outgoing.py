"""In which transfer syntax a stored instance goes out, and its bytes.

Standard: PS3.5 10.1 (the default transfer syntax is always proposed, too), PS3.4 B.3.2.
Invariants: an instance goes as it is stored wherever the peer takes it so: only then is nothing
made anew; a data set is read and made while it is sent, and never held.
Not here: the sending (`dimse.sending`, `dimse.fetching`), other syntaxes (`store.transcode`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from dimse.exchange import Accepted
from dimse.negotiating import MOST_CONTEXTS, Proposal
from store.recode import Forward
from store.retrieve import Archive, StoredInstance
from store.transcode import in_syntax

__all__ = ["chosen", "data_set", "portions"]

#: What everybody takes, the better first.
PLAIN: Final = (str(ExplicitVRLittleEndian), str(ImplicitVRLittleEndian))
_META_GROUP_LENGTH_END: Final = 144


def portions(
    refs: Iterable[StoredInstance],
) -> list[tuple[list[Proposal], list[StoredInstance]]]:
    """Divide instances into those for one association each, with what is proposed for them.

    For a SOP class each stored syntax is proposed in a context of its own, since a peer accepts
    one of a context, and the plain ones in another.
    """
    by_class: dict[str, dict[str, list[StoredInstance]]] = {}
    for ref in refs:
        by_class.setdefault(ref.sop_class_uid, {}).setdefault(ref.transfer_syntax, []).append(ref)
    found: list[tuple[list[Proposal], list[StoredInstance]]] = []
    for sop_class_uid, by_syntax in by_class.items():
        proposals = [Proposal(sop_class_uid, (syntax,)) for syntax in by_syntax]
        proposals.append(Proposal(sop_class_uid, PLAIN))
        if not found or len(found[-1][0]) + len(proposals) > MOST_CONTEXTS:
            found.append(([], []))
        found[-1][0].extend(proposals)
        found[-1][1].extend(ref for refs in by_syntax.values() for ref in refs)
    return found


def chosen(contexts: Mapping[int, Accepted], ref: StoredInstance) -> tuple[int, str] | None:
    """The context in which an instance goes out, and its syntax; None if none was accepted."""
    of_class = {
        context.transfer_syntax: number
        for number, context in contexts.items()
        if context.abstract_syntax == ref.sop_class_uid
    }
    for syntax in (ref.transfer_syntax, *PLAIN):
        if syntax in of_class:
            return of_class[syntax], syntax
    return None


def data_set(archive: Archive, ref: StoredInstance, transfer_syntax: str) -> Iterator[bytes]:
    """The data set of an instance in a transfer syntax, without file meta information.

    Raises:
        CannotTranscode: it cannot be given so; see `store.transcode.in_syntax`.
    """
    data = Forward(in_syntax(archive, ref, transfer_syntax))
    head = data.take(_META_GROUP_LENGTH_END)
    data.skip(int.from_bytes(head[-4:], "little"))
    return data.rest()
