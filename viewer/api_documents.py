"""Cases as JSON, for the API: what is answered, and what may be sent.

Invariants: what is sent is checked member by member, so that a wrong type is a sentence and not a
fault of the server; a member that is not there leaves what the case has.
Not here: the routes (`viewer.api_cases`), lengths and lists (`cases.document`).
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from math import isfinite
from typing import Any, Final

from cases.document import SECTIONS, Document, ShownSeries, ShownStudy, StartState
from cases.publishing import Published, Version
from cases.working import Case
from viewer.errors import BadValue
from viewer.words import utc

__all__ = [
    "case_as_json",
    "member",
    "read_document",
    "read_series",
    "summary_as_json",
    "version_as_json",
    "version_in_list",
]

_Read = Callable[[str, object], Any]


def summary_as_json(case: Case) -> dict[str, object]:
    """A case without its text and series."""
    return {
        "code": case.code,
        "title": case.title,
        "modality": case.modality,
        "body_part": case.body_part,
        "private": case.private,
        "version": case.version,
        "changed": case.changed,
        "hidden": case.hidden_at is not None,
        "created_at": utc(case.created_at).isoformat(),
        "updated_at": utc(case.updated_at).isoformat(),
    }


def case_as_json(case: Case, blockers: Sequence[str]) -> dict[str, object]:
    """A case with its working copy, and what is in the way of publishing that."""
    whole = {"saved": case.saved, "document": _plain(case.document), "blockers": list(blockers)}
    return summary_as_json(case) | whole


def version_in_list(version: Version) -> dict[str, object]:
    """A row of the list of versions."""
    at = utc(version.published_at).isoformat()
    return {"version": version.number, "note": version.note, "published_at": at}


def version_as_json(version: Published) -> dict[str, object]:
    """A whole version."""
    return {
        "version": version.number,
        "title": version.title,
        "modality": version.modality,
        "body_part": version.body_part,
        "note": version.note,
        "published_at": utc(version.published_at).isoformat(),
        "document": _plain(version.document),
    }


def member(document: object, name: str, kind: type, default: Any) -> Any:  # noqa: ANN401 - of kind
    """A member of a JSON object; the default where it is not there."""
    if not isinstance(document, Mapping):
        raise BadValue("The document must be an object.")
    value = document.get(name, default)
    # True is a whole number to Python, and not to those who send it.
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise BadValue(f"{name} must be {_KINDS[kind]}.")
    return value


def read_series(said: Sequence[object]) -> list[tuple[str, str]]:
    """Study and Series Instance UIDs, from objects with a study and a series."""
    return [(member(one, "study", str, ""), member(one, "series", str, "")) for one in said]


def read_document(said: object, before: Document) -> Document:
    """The document that a program sent.

    Args:
        said: the members that are to be others.
        before: what the case has.

    Raises:
        BadValue: something is not of its kind, or there is no such member.
        InvalidText: something is too long, or not on its list.
    """
    if not isinstance(said, Mapping):
        raise BadValue("document must be an object.")
    values: dict[str, Any] = {}
    for name, value in said.items():
        if name not in _READERS:
            raise BadValue(f"A document has no member of that name: {str(name)[:40]!r}.")
        values[name] = _READERS[name](name, value)
    kept = {one.name: getattr(before, one.name) for one in fields(Document)}
    return Document(**(kept | values))


def _plain(document: Document) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(document.to_json())
    return found


def _of(kind: type) -> _Read:
    return lambda name, value: member({name: value}, name, kind, None)


def _lines(name: str, value: object) -> tuple[str, ...]:
    return tuple(_of(str)(name, one) for one in _of(list)(name, value))


def _studies(name: str, value: object) -> tuple[ShownStudy, ...]:
    return tuple(
        ShownStudy(
            member(one, "uid", str, ""),
            member(one, "name", str, ""),
            tuple(
                ShownSeries(member(each, "uid", str, ""), member(each, "name", str, ""))
                for each in member(one, "series", list, [])
            ),
        )
        for one in _of(list)(name, value)
    )


def _start(name: str, value: object) -> StartState:
    said = _of(dict)(name, value)
    window = member(said, "window", list, []) if said.get("window") is not None else None
    if window is not None and len(window) != 2:
        raise BadValue("window must be a centre and a width.")
    return StartState(
        member(said, "series", str, ""),
        None if said.get("frame") is None else member(said, "frame", int, 1),
        None if window is None else (_number("window", window[0]), _number("window", window[1])),
        None if said.get("zoom") is None else _number("zoom", said["zoom"]),
    )


def _number(name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise BadValue(f"{name} must be a number.")
    return float(value)


_KINDS: Final = {
    str: "text",
    int: "a whole number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
}
_READERS: Final[Mapping[str, _Read]] = {
    **dict.fromkeys(SECTIONS, _of(str)),
    **dict.fromkeys(("closed", "tags", "authors"), _lines),
    "licence": _of(str),
    "downloadable": _of(bool),
    "studies": _studies,
    "start": _start,
}
