"""Results as text and JSON.

Not here: the page (`conformance.page`), what a check is (`conformance.suite`).
"""

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from conformance.suite import OBLIGATIONS, Obligation, Result
from conformance.suites import title

__all__ = ["Run", "as_json", "as_text", "by_suite", "is_conformant", "tally"]

BINDING: Final[tuple[Obligation, ...]] = ("required", "conditional")
_WORDS = {"pass": "pass", "fail": "FAIL", "not applicable": "n/a "}


@dataclass(frozen=True)
class Run:
    """What one run found at one root."""

    root: str
    results: Sequence[Result]


def is_conformant(results: Sequence[Result]) -> bool:
    """Tell whether nothing failed that the standard demands."""
    return not any(r.verdict == "fail" and r.check.obligation in BINDING for r in results)


def tally(results: Sequence[Result]) -> str:
    """Return how many of the checks that apply passed."""
    counted = Counter(result.verdict for result in results)
    passed, failed = counted["pass"], counted["fail"]
    share = f" ({100 * passed / (passed + failed):.1f} %)" if passed + failed else ""
    aside = f", {counted['not applicable']} not applicable" if counted["not applicable"] else ""
    return f"{passed} of {passed + failed} passed{share}{aside}"


def by_suite(results: Sequence[Result]) -> Iterator[tuple[str, list[Result]]]:
    """Yield the title and the results of each suite."""
    for suite, found in groupby(results, lambda result: result.check.suite):
        yield title(suite), list(found)


def as_text(run: Run) -> str:
    """Return the results for a terminal."""
    lines = [run.root]
    for name, results in by_suite(run.results):
        lines += ["", f"{name}: {tally(results)}"]
        for result in results:
            each = result.check
            reason = f": {result.reason}" if result.reason else ""
            lines.append(
                f"  {_WORDS[result.verdict]}  {each.id} [{each.section}] {each.name}{reason}"
            )
    lines.append("")
    for obligation in OBLIGATIONS:
        found = [r for r in run.results if r.check.obligation == obligation]
        if found:
            lines.append(f"{obligation}: {tally(found)}")
    return "\n".join([*lines, f"all: {tally(run.results)}"])


def as_json(run: Run) -> str:
    """Return the results for a program."""
    rows = [
        {
            "id": r.check.id,
            "suite": title(r.check.suite),
            "name": r.check.name,
            "section": r.check.section,
            "obligation": r.check.obligation,
            "verdict": r.verdict,
            "reason": r.reason,
            "seconds": round(r.seconds, 3),
        }
        for r in run.results
    ]
    return json.dumps({"root": run.root, "checks": rows}, indent=1, ensure_ascii=False)
