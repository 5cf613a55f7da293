"""Writes the page that lists every row of the profile: ``python -m deid.profile_page FILE``.

Standard: PS3.15 Table E.1-1 (codes), PS3.5 7.4 (types).

Invariants: what the page says of a row is what ``deid.rules`` decides for it, not a second opinion.

Not here: what the rules mean (``docs/reference/deidentification.md``), making the profile
(``deid.generate_profile``).
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from deid.profile import Profile, Types, default_profile
from deid.rules import Action, Decision, Rules

__all__ = ["main", "page"]

_MANY: Final = 4
_WORDS: Final = {
    Action.KEEP: "kept, and the instance is held for review",
    Action.DELETE: "removed",
    Action.EMPTY: "emptied",
    Action.DUMMY: "replaced by a dummy",
    Action.UID: "replaced by another UID (keyed hash)",
    Action.DATE: "moved by a whole number of days",
    Action.DATETIME: "moved by a whole number of days",
    Action.TIME: "kept when it is a time",
    Action.AGE: "kept, above 89 years 090Y",
    Action.PERSON: "replaced by a dummy name",
    Action.NUMBER: "kept when it is a number",
    Action.TECHNICAL: "cleaned: safe words, short numbers and abbreviations stay",
    Action.CODE: "kept when it is a code and no identifier",
    Action.CLEAN: "cleaned: safe words stay",
    Action.WALK: "items stay, cleaned element by element",
    Action.CODE_ITEM: "replaced by one dummy code",
    Action.CODED: "kept with a standard scheme",
}
_LIBRARY: Final = {
    "empty": "emptied",
    "removed": "removed",
    "unique": "unique UID",
    "modified": "modified",
}
_MASKED: Final = {
    "50xxxxxx": "removed",
    "60xx3000": "removed, as is all of groups 6000 to 60FF",
    "60xx4000": "removed, as is all of groups 6000 to 60FF",
    "ODDGROUP": "removed, creators too, at every depth",
}
_META: Final = "the file meta information is written anew"
_COMMANDS: Final = "removed: no command element belongs into a data set"
_PAGE: Final = """# The profile, row by row

Generated from [deid/profile.json](../../deid/profile.json) by `make profile-page`; do not edit.
Profile `{name}` version {version}, SHA-256
`{sha256}`.

{count} rows: {standard} of DICOM PS3.15 Table E.1-1, {library} of the table that DICOM Library
publishes ({both} are in both), {own} of our own. What stands in no row is decided by its value
representation: [deidentification.md](deidentification.md) says how.

- **E.1-1**: the action code of the Basic Profile: X remove, Z empty, D dummy, U another UID; codes
  with slashes by the attribute's type.
- **DICOM Library**: what that table asks for. It wins over Table E.1-1.
- **What is done**: where PS3.3 does not ask for the attribute (Type 3, or not in the SOP class).
- **Where an object needs it**: what is done instead where a module says Type 1 (a value, also under
  a condition) or Type 2 (presence), and the modules that do.
- **Cleaned** text: the header's identifiers go first, then everything that is no safe word; what
  follows "else" is for text of which nothing stays.

| tag | name | VR | E.1-1 | DICOM Library | what is done | where an object needs it |
|---|---|---|---|---|---|---|
{rows}
"""


def main() -> None:
    """Write the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file", type=Path)
    parser.parse_args().file.write_text(page(), encoding="utf-8")


def page() -> str:
    """Return the page for the default profile."""
    profile = default_profile()
    document = json.loads((files("deid") / "profile.json").read_bytes())
    rows: list[dict[str, Any]] = document["rows"]
    types = _types(document)
    return _PAGE.format(
        name=profile.name,
        version=profile.version,
        sha256=profile.sha256,
        count=len(rows),
        standard=sum("basic" in row and row.get("source") != "own" for row in rows),
        library=sum("library" in row for row in rows),
        both=sum("library" in row and "basic" in row for row in rows),
        own=sum(row.get("source") == "own" for row in rows),
        rows="\n".join(_line(profile, row, types) for row in rows),
    )


def _types(document: Mapping[str, Any]) -> dict[tuple[str, int], list[str]]:
    """Return the modules in which a tag has a type, by tag and type."""
    found: dict[tuple[str, int], list[str]] = defaultdict(list)
    for module, table in document["modules"].items():
        kinds: dict[str, int] = {}
        for tags in table.values():
            for tag, kind in tags.items():
                kinds[tag] = min(int(kind[0]), kinds.get(tag, 3))
        for tag, number in kinds.items():
            found[tag, number].append(module)
    return found


def _line(
    profile: Profile, row: Mapping[str, Any], types: Mapping[tuple[str, int], list[str]]
) -> str:
    library = row.get("library", "")
    rule = f"`{row['value']}`" if library == "value" else _LIBRARY.get(library, "")
    done, raised = _actions(profile, row, types)
    basic = row.get("basic", "") + (" (own)" if row.get("source") == "own" else "")
    cells = (_tag(row["tag"]), row["name"], row["vr"], basic, rule, done, raised)
    return "| " + " | ".join(cells) + " |"


def _tag(tag: str) -> str:
    return f"({tag[:4]},{tag[4:]})" if len(tag) == 8 and tag != "ODDGROUP" else tag


def _actions(
    profile: Profile, row: Mapping[str, Any], types: Mapping[tuple[str, int], list[str]]
) -> tuple[str, str]:
    """Return what is done, and what where the type raises it."""
    name = row["tag"]
    if name in _MASKED:
        return _MASKED[name], ""
    tag = int(name, 16)
    if tag >> 16 == 0x0002:
        literal = f"`{row['value']}`; " if row.get("library") == "value" else ""
        return literal + _META, ""
    if tag >> 16 == 0:
        return _COMMANDS, ""
    done = _said(_decide(profile, tag, 3), row)
    return done, "; ".join(_raises(profile, row, done, types))


def _raises(
    profile: Profile,
    row: Mapping[str, Any],
    done: str,
    types: Mapping[tuple[str, int], list[str]],
) -> Iterator[str]:
    for kind in (1, 2):
        modules = types.get((row["tag"], kind), [])
        said = _said(_decide(profile, int(row["tag"], 16), kind), row)
        if modules and said != done:
            more = f" and {len(modules) - _MANY} more" if len(modules) > _MANY else ""
            yield f"Type {kind}: {said} ({', '.join(modules[:_MANY])}{more})"


def _decide(profile: Profile, tag: int, kind: int) -> Decision:
    types = Types({(0, tag): kind}, frozenset())
    return Rules(profile, types, frozenset()).decide(tag, 0)


def _said(decision: Decision, row: Mapping[str, Any]) -> str:
    action, fallback, _ = decision
    if action is Action.LITERAL:
        return f"set to `{row['value']}`"
    said = _WORDS[action]
    if action in (Action.CLEAN, Action.TECHNICAL) and fallback is not action:
        said = f"{said}; else {_WORDS[fallback]}"
    return said


if __name__ == "__main__":
    main()
