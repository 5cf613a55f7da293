"""What was done to one instance, without any of its values.

Standard: PS3.15 E.1.1 (the de-identifier documents what it did).

Invariants: a receipt holds names of the profile and counts, nothing of the data set.

Not here: counting (``deid.rewriter``), keeping receipts (``store``).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

__all__ = ["Receipt"]

# Made once: making it takes as long as its work.
_JSON: Final = json.JSONEncoder(separators=(",", ":"))


@dataclass(frozen=True)
class Receipt:
    """The receipt of one instance.

    Attributes:
        profile, version, sha256: which profile was applied.
        actions: how many elements were removed, emptied, shifted …, by action.
        rules: the same elements, by the number of the rule that asked for it (``deid.md``:
            "2" deletes, "3" states literals, "4" is a row of the DICOM Library table, "5" of
            Table E.1-1 or a rule by value representation, "6" text, "7" content, "8" pixels).
        review: why a person must look at it, as values of ``Reason``.
    """

    profile: str
    version: str
    sha256: str
    actions: Mapping[str, int] = field(default_factory=dict)
    rules: Mapping[str, int] = field(default_factory=dict)
    review: tuple[str, ...] = ()

    def to_json(self) -> str:
        """Encode as one line of JSON."""
        return self._json

    @cached_property
    def _json(self) -> str:
        document = {
            "profile": self.profile,
            "version": self.version,
            "sha256": self.sha256,
            "actions": dict(sorted(self.actions.items())),
            "rules": dict(sorted(self.rules.items())),
            "review": list(self.review),
        }
        return _JSON.encode(document)
