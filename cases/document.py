"""What a case says and shows: the text of its sections, its tags, and which series in which order.

Invariants: a document is valid once it is made, and the same JSON gives the same document; it names
studies and series by their UIDs, and whoever shows it leaves out those that are not visible.
Not here: title, modality and body part, which apply at once (`cases.cases`); HTML of the Markdown
(`viewer.markdown`).
"""

import json
import math
import re
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from cases.errors import InvalidText

__all__ = ["LICENCES", "SECTIONS", "SERIES", "Document", "ShownSeries", "ShownStudy", "StartState"]

SECTIONS: Final = ("description", "history", "findings", "diagnosis", "discussion")
"""The texts of a case, in the order in which they are read; all are Markdown."""

LICENCES: Final = {
    "": "All rights reserved",
    "CC0-1.0": "CC0 1.0",
    "CC-BY-4.0": "CC BY 4.0",
    "CC-BY-SA-4.0": "CC BY-SA 4.0",
    "CC-BY-NC-4.0": "CC BY-NC 4.0",
    "CC-BY-NC-SA-4.0": "CC BY-NC-SA 4.0",
}
"""By SPDX identifier, what readers are told."""

TEXT_CHARACTERS: Final = 50_000
# Half a pair of UTF-16, and zero, which databases do not take.
_NO_TEXT: Final = re.compile("[\0\ud800-\udfff]")
LINE_CHARACTERS: Final = 200
TAGS: Final = 20
TAG_CHARACTERS: Final = 50
AUTHORS: Final = 20
SERIES: Final = 500
ZOOM: Final = 100


@dataclass(frozen=True)
class ShownSeries:
    """A series of a case.

    Attributes:
        uid: its Series Instance UID.
        name: what readers see; empty for "number - description".
    """

    uid: str
    name: str = ""


@dataclass(frozen=True)
class ShownStudy:
    """A study of a case, and those of its series that are shown, in order."""

    uid: str
    name: str = ""
    series: tuple[ShownSeries, ...] = ()


@dataclass(frozen=True)
class StartState:
    """What the viewer shows first; None, or an empty text, for its own choice.

    Attributes:
        series: Series Instance UID.
        frame: which image of it, from 1.
        window: centre and width, as PS3.3 C.11.2.1.2 has them.
        zoom: 1 fits the picture into its viewport.

    Raises:
        InvalidText: there cannot be such an image, window or zoom.
    """

    series: str = ""
    frame: int | None = None
    window: tuple[float, float] | None = None
    zoom: float | None = None

    def __post_init__(self) -> None:
        if self.frame is not None and self.frame < 1:
            raise InvalidText("Images are counted from 1.")
        if self.window is not None:
            center, width = self.window
            if not (math.isfinite(center) and math.isfinite(width) and width > 0):
                raise InvalidText("A window has a centre, and a width above 0.")
        if self.zoom is not None and not 0 < self.zoom <= ZOOM:
            raise InvalidText(f"A zoom is above 0 and at most {ZOOM}.")


@dataclass(frozen=True)
class Document:
    """Everything of a case that waits for Publish.

    Attributes:
        description, history, findings, diagnosis, discussion: Markdown.
        closed: names of the sections that stay closed until a reader opens them.
        tags, authors: in the author's order.
        licence: a key of `LICENCES`.
        downloadable: readers may fetch the DICOM files.
        studies: what is shown, in order.
        start: what the viewer shows first.

    Raises:
        InvalidText: something is too long, not one line, or not one of those that there are.
    """

    description: str = ""
    history: str = ""
    findings: str = ""
    diagnosis: str = ""
    discussion: str = ""
    closed: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    authors: tuple[str, ...] = ()
    licence: str = ""
    downloadable: bool = False
    studies: tuple[ShownStudy, ...] = ()
    start: StartState = field(default_factory=StartState)

    def __post_init__(self) -> None:
        for name in SECTIONS:
            # Browsers send the ends of lines of a form in the way of their own.
            text = getattr(self, name).replace("\r\n", "\n").replace("\r", "\n")
            object.__setattr__(self, name, text)
            if len(text) > TEXT_CHARACTERS:
                raise InvalidText(f"{name.capitalize()}: at most {TEXT_CHARACTERS} characters.")
            if _NO_TEXT.search(text):
                raise InvalidText(f"{name.capitalize()}: there is a character that is none.")
        if unknown := set(self.closed) - set(SECTIONS):
            raise InvalidText(f"There is no section named {min(unknown)[:LINE_CHARACTERS]}.")
        closed = tuple(name for name in SECTIONS if name in self.closed)
        object.__setattr__(self, "closed", closed)
        _check_lines(self.tags, "tag", TAGS, TAG_CHARACTERS)
        _check_lines(self.authors, "author", AUTHORS, LINE_CHARACTERS)
        if self.licence not in LICENCES:
            raise InvalidText("That is not one of the licences.")
        shown = [one for study in self.studies for one in study.series]
        if len(shown) > SERIES or len(self.studies) > SERIES:
            raise InvalidText(f"A case has at most {SERIES} series.")
        for name in [one.name for one in shown] + [study.name for study in self.studies]:
            if len(name) > LINE_CHARACTERS or not name.isprintable():
                raise InvalidText(f"A name is one line of at most {LINE_CHARACTERS} characters.")

    def series_uids(self) -> list[tuple[str, str]]:
        """Study and Series Instance UID of each series that it shows, in order."""
        return [(study.uid, one.uid) for study in self.studies for one in study.series]

    def to_json(self) -> str:
        """As it is kept."""
        return json.dumps(asdict(self), ensure_ascii=False, separators=(",", ":"), sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> "Document":
        """Read what `to_json` has written."""
        said: dict[str, Any] = json.loads(text)
        said["studies"] = tuple(
            ShownStudy(
                study["uid"],
                study["name"],
                tuple(ShownSeries(**one) for one in study["series"]),
            )
            for study in said["studies"]
        )
        start = said["start"]
        if start["window"] is not None:
            start["window"] = (start["window"][0], start["window"][1])
        said["start"] = StartState(**start)
        for name in ("closed", "tags", "authors"):
            said[name] = tuple(said[name])
        return cls(**said)


def _check_lines(lines: tuple[str, ...], what: str, most: int, characters: int) -> None:
    if len(lines) > most:
        raise InvalidText(f"A case has at most {most} {what}s.")
    if len(set(lines)) != len(lines):
        raise InvalidText(f"Each {what} is named once.")
    for line in lines:
        if not line.strip() or len(line) > characters or not line.isprintable():
            raise InvalidText(f"{what.capitalize()}: one line of at most {characters} characters.")
