"""What a version of a case keeps: its document, and the title, modality and body part of its time.

Invariants: a version is written once.
Not here: when it is written (`cases.publishing`).
"""

import json
from dataclasses import dataclass

from sqlalchemy import Connection, select

from cases.document import Document
from cases.errors import NoSuchVersion
from cases.schema import case_version

__all__ = ["Snapshot", "snapshot_of"]


@dataclass(frozen=True)
class Snapshot:
    """A case as it was when it was published."""

    title: str
    modality: str
    body_part: str
    document: Document

    def to_json(self) -> str:
        """As it is kept."""
        said = {
            "title": self.title,
            "modality": self.modality,
            "body_part": self.body_part,
            "document": json.loads(self.document.to_json()),
        }
        return json.dumps(said, ensure_ascii=False, separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Snapshot":
        """Read what `to_json` has written."""
        said = json.loads(text)
        document = Document.from_json(json.dumps(said["document"]))
        return cls(said["title"], said["modality"], said["body_part"], document)


def snapshot_of(connection: Connection, case_id: int, number: int) -> Snapshot:
    """What a version keeps.

    Raises:
        NoSuchVersion: the case was never published in this version.
    """
    query = select(case_version.c.document).where(
        case_version.c.case_id == case_id, case_version.c.number == number
    )
    text = connection.execute(query).scalar()
    if text is None:
        raise NoSuchVersion("The case was never published in this version.")
    return Snapshot.from_json(text)
