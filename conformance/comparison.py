"""The page that shows the results of several servers beside each other, in Markdown.

Not here: running them (`conformance.compare`).
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from conformance.suite import OBLIGATIONS

__all__ = ["Column", "page"]

_WORDS = {"pass": "pass", "fail": "**fail**", "not applicable": "n/a"}
_HEAD = """# Conformance: what was found

Written by `make conformance`; what is asked, and how, is in
[conformance/README.md](../conformance/README.md). Each check holds a server to one requirement.
Orthanc is Debian's, with its DICOMweb plugin and its own defaults. Percentages are of the checks
that apply. A check does not apply where a server keeps no value to search for, or does not offer
what would be looked at; the reason stands beside it.
"""
_URL = re.compile(r"https?://[^\s\"']+")
_UID = re.compile(r"\b(?!1\.2\.840\.10008)\d+(?:\.\d+){4,}\b")


@dataclass(frozen=True)
class Column:
    """One server and what was found."""

    name: str
    checks: Sequence[dict[str, Any]]

    def said(self, field: str = "", value: str = "") -> str:
        """Return how many of the checks with such a field passed."""
        chosen = [each for each in self.checks if not field or each[field] == value]
        counted = Counter(each["verdict"] for each in chosen)
        passed, applied = counted["pass"], counted["pass"] + counted["fail"]
        if not applied:
            return "n/a"
        return f"{passed} of {applied} ({100 * passed / applied:.1f} %)"


def page(columns: Sequence[Column]) -> str:
    """Return the page."""
    names = [column.name for column in columns]
    lines = [_HEAD, _row("obligation", *names), _row(*("---" for _ in ["", *names]))]
    for obligation, meaning in OBLIGATIONS.items():
        said = [column.said("obligation", obligation) for column in columns]
        lines.append(_row(f"{obligation}: {meaning}", *said))
    lines.append(_row("**all**", *(f"**{column.said()}**" for column in columns)))
    suites = list(dict.fromkeys(each["suite"] for each in columns[0].checks))
    lines += ["", _row("suite", *names), _row(*("---" for _ in ["", *names]))]
    for suite in suites:
        lines.append(_row(suite, *(column.said("suite", suite) for column in columns)))
    for suite in suites:
        lines += ["", f"## {suite}", "", _row("check", "section", "obligation", *names)]
        lines.append(_row(*("---" for _ in ["", "", "", *names])))
        lines += [_check(each, columns) for each in columns[0].checks if each["suite"] == suite]
    return "\n".join(lines) + "\n"


def _check(each: dict[str, Any], columns: Sequence[Column]) -> str:
    verdicts = []
    for column in columns:
        found = next((other for other in column.checks if other["id"] == each["id"]), None)
        verdicts.append(_verdict(found) if found else "")
    return _row(_plain(each["name"]), each["section"], each["obligation"], *verdicts)


def _verdict(found: dict[str, Any]) -> str:
    word = _WORDS[found["verdict"]]
    # What differs from run to run would make every run a change of the page.
    reason = _UID.sub("UID", _URL.sub("URL", found["reason"]))
    return f"{word}: {_plain(reason)}" if reason else word


def _plain(text: str) -> str:
    """Keep Markdown from reading more into a cell than is meant."""
    for mark in "\\|*_<>[]`":
        text = text.replace(mark, f"\\{mark}")
    return text


def _row(*cells: str) -> str:
    return f"| {' | '.join(cells)} |"
