"""Results as one page of HTML that needs nothing else.

Invariants: every text is escaped; what failed is open, what passed is folded; a state is a word
before it is a colour.
Not here: text and JSON (`conformance.report`).
"""

from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Final

from conformance.report import Run, by_suite, tally
from conformance.suite import OBLIGATIONS, Result, Verdict

__all__ = ["html"]

_TONES: Final[dict[Verdict, str]] = {"pass": "good", "fail": "bad", "not applicable": "mute"}
_WORDS: Final[dict[Verdict, str]] = {
    "pass": "Pass",
    "fail": "Fail",
    "not applicable": "Not applicable",
}


def html(run: Run) -> str:
    """Return the page."""
    template = Template(Path(__file__).with_name("page.html").read_text("utf-8"))
    return template.substitute(
        root=escape(run.root),
        all=escape(tally(run.results)),
        obligations="".join(
            _obligation(name, said, [r for r in run.results if r.check.obligation == name])
            for name, said in OBLIGATIONS.items()
        ),
        suites="".join(_suite(name, results) for name, results in by_suite(run.results)),
    )


def _obligation(name: str, said: str, results: Sequence[Result]) -> str:
    counted = Counter(result.verdict for result in results)
    numbers = "".join(f'<td class="num">{counted[verdict]}' for verdict in _WORDS)
    return (
        f'<tr><td>{escape(name.capitalize())}<div class="meta">{escape(said)}</div>{numbers}</tr>'
    )


def _suite(name: str, results: Sequence[Result]) -> str:
    failed = sum(result.verdict == "fail" for result in results)
    pill = f'<span class="pill" data-tone="bad">{failed} failed</span>' if failed else ""
    rows = "".join(map(_row, sorted(results, key=lambda r: r.verdict != "fail")))
    return (
        f'<details class="panel"{" open" if failed else ""}>'
        f'<summary><h2>{escape(name)}</h2>{pill}<span class="push meta">{escape(tally(results))}'
        f'</span></summary><table class="fold"><thead><tr><th>Result<th>Requirement'
        f"<th>Section<th>Obligation</tr></thead><tbody>{rows}</tbody></table></details>"
    )


def _row(result: Result) -> str:
    each = result.check
    reason = f'<div class="reason">{escape(result.reason)}</div>' if result.reason else ""
    return (
        f'<tr><td><span class="pill" data-tone="{_TONES[result.verdict]}">'
        f"{_WORDS[result.verdict]}</span>"
        f'<td class="wide">{escape(each.name)}<div class="id">{escape(each.id)}</div>{reason}'
        f'<td class="nowrap">{escape(each.section)}<td class="soft">{each.obligation}</tr>'
    )
