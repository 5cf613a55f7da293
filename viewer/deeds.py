"""Notes in the audit what somebody did on a page or by a program.

Not here: the log (`store.audit`); what is noted in the transaction that does it (`cases`, `store`).
"""

from flask_login import current_user

from store.audit import Deed, record
from viewer.blueprint import Pages

__all__ = ["noted"]


def noted(pages: Pages, what: str, which: str, by: int | None = None) -> None:
    """Note it.

    Args:
        pages: what the pages work on.
        what: the verb.
        which: to what: a number, a code, a UID, an AE title; nothing that tells who somebody is.
        by: who; by default whoever is signed in.
    """
    account_id = int(current_user.id) if by is None else by
    record(pages.database, Deed(pages.clock(), account_id, what, which))
