"""What a check is, how it is registered, and how a run tells pass from fail.

Invariants: a check holds a server to one requirement and names its section of PS3.18; a check that
cannot be decided on this server says why; an answer that cannot be read is a fault of the server.
Not here: the checks (one module for each subject), how results are shown (`conformance.report`).
"""

import fnmatch
import json
import re
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from types import ModuleType
from typing import Any, Final, Literal

import requests

from conformance.errors import Fault, NotApplicable
from conformance.server import Server

__all__ = ["CHECKS", "OBLIGATIONS", "Check", "Obligation", "Result", "check", "run"]

Obligation = Literal["required", "conditional", "optional", "interoperability", "beyond"]
Verdict = Literal["pass", "fail", "not applicable"]
Look = Callable[..., None]

OBLIGATIONS: Final[dict[Obligation, str]] = {
    "required": "the standard demands it of every server",
    "conditional": "demanded of a server that offers the feature, or holds such data",
    "optional": "the standard describes it and leaves it to the server",
    "interoperability": "what a named client sends, or can only read in this form",
    "beyond": "not in PS3.18, but widely offered",
}

# What reading a wrong answer raises.
_UNUSABLE: Final = (
    requests.RequestException,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    ET.ParseError,
    OSError,
    EOFError,
)


@dataclass(frozen=True)
class Check:
    """One requirement, and the function that looks whether a server meets it."""

    id: str
    name: str
    section: str
    obligation: Obligation
    suite: str
    look: Look


@dataclass(frozen=True)
class Result:
    """What a check found; `reason` says why it did not pass."""

    check: Check
    verdict: Verdict
    reason: str = ""
    seconds: float = 0.0


CHECKS: Final[list[Check]] = []


def check(
    section: str,
    obligation: Obligation = "required",
    rows: Iterable[Sequence[Any]] | None = None,
) -> Callable[[Look], Look]:
    """Register a check, whose docstring is the requirement.

    Args:
        section: of PS3.18, or who asks for it.
        obligation: how binding it is.
        rows: makes one check of each; its values are the function's further arguments, fill the
            docstring and the section, and the first of them names the check.
    """

    def register(look: Look) -> Look:
        suite = look.__module__.rpartition(".")[2]
        name = (look.__doc__ or look.__name__).strip().splitlines()[0].rstrip(".")
        base = f"{suite}.{look.__name__}".replace("_", "-")
        if rows is None:
            _add(Check(base, name, section, obligation, suite, look))
            return look
        for row in rows:
            _add(
                Check(
                    f"{base}.{_slug(row[0])}",
                    name.format(*row),
                    section.format(*row),
                    obligation,
                    suite,
                    partial(_with, look, tuple(row)),
                )
            )
        return look

    return register


def _add(each: Check) -> None:
    assert each.id not in {other.id for other in CHECKS}, f"two checks are called {each.id}"
    CHECKS.append(each)


def _slug(name: object) -> str:
    return re.sub(r"[^\w.%=+-]+", "-", str(name)).strip("-").lower()


def _with(look: Look, row: tuple[Any, ...], server: Server) -> None:
    look(server, *row)


def run(server: Server, modules: Sequence[ModuleType], only: Sequence[str] = ()) -> list[Result]:
    """Run the checks of these modules in their order, or those whose id fits a pattern."""
    chosen = []
    for module in modules:
        suite = module.__name__.rpartition(".")[2]
        chosen += [each for each in CHECKS if each.suite == suite]
    if only:
        chosen = [each for each in chosen if any(fnmatch.fnmatch(each.id, p) for p in only)]
    return [_result(each, server) for each in chosen]


def _result(each: Check, server: Server) -> Result:
    begun = time.monotonic()
    verdict, reason = _verdict(each, server)
    return Result(each, verdict, " ".join(reason.split()), time.monotonic() - begun)


def _verdict(each: Check, server: Server) -> tuple[Verdict, str]:
    try:
        each.look(server)
    except NotApplicable as error:
        return "not applicable", str(error)
    except (Fault, AssertionError) as error:
        return "fail", str(error) or "not as required"
    except json.JSONDecodeError:
        return "fail", "the answer is not JSON"
    except requests.Timeout:
        return "fail", "no answer in time"
    except _UNUSABLE as error:
        return "fail", f"the answer could not be used ({type(error).__name__}: {str(error)[:120]})"
    return "pass", ""
