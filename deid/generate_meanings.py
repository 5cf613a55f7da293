"""Generates ``meanings.txt``: the codes that PS3.16 names, with their meanings.

Standard: PS3.16 8 (coding schemes) and its context groups, as pydicom has them.

Invariants: the same pydicom gives the same bytes; lines are sorted as bytes, which they are looked
up by; nothing is fetched.

Not here: looking codes up (``deid.meanings``). How to run it: ``deid/README.md``.
"""

from pathlib import Path
from typing import cast

from pydicom.sr._concepts_dict import concepts
from pydicom.sr._snomed_dict import mapping

Tables = dict[str, dict[str, dict[str, tuple[str, list[int]]]]]


def main() -> None:
    """Write the table beside this script."""
    (Path(__file__).parent / "meanings.txt").write_bytes(table())


def table() -> bytes:
    """A line for each code: scheme, value and meanings, with tabs between them."""
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    for scheme, keywords in cast(Tables, concepts).items():
        for codes in keywords.values():
            for value, (meaning, _) in codes.items():
                found[scheme, value] = (*found.get((scheme, value), ()), meaning)
    for retired, value in mapping.get("SRT", {}).items():
        if ("SCT", value) in found:
            found.setdefault(("SRT", retired), found["SCT", value])
    lines = ("\t".join((*code, *meanings)).encode() for code, meanings in found.items())
    # With the tab, as they are looked up: a value may begin as another one does.
    return b"".join(line + b"\n" for line in sorted(lines))


if __name__ == "__main__":
    main()
