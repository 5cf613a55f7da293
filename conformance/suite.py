"""What a check is, and running all of them.

Invariants: a check looks at answers only; one that fails does not stop the others.
Not here: the checks (`conformance.store`, `conformance.search`, `conformance.retrieve`).
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import requests

__all__ = ["CHECKS", "Check", "Result", "Server", "check", "run"]

TIMEOUT_SECONDS = 60


@dataclass
class Server:
    """The server under test, and what is known of the series that was stored on it.

    Attributes:
        root: its DICOMweb root.
        session: carries the headers given on the command line.
        study, series, instances: UIDs as the server knows them, instances in order of number.
        slices: the pixel data that were sent, by instance number.
    """

    root: str
    session: requests.Session
    study: str = ""
    series: str = ""
    instances: list[str] = field(default_factory=list)
    slices: list[bytes] = field(default_factory=list)

    def get(self, path: str, accept: str | None = None, **headers: str) -> requests.Response:
        """GET below the root."""
        all_headers = dict(headers)
        if accept is not None:
            all_headers["Accept"] = accept
        return self.session.get(self.root + path, headers=all_headers, timeout=TIMEOUT_SECONDS)

    def post(self, path: str, body: bytes, content_type: str) -> requests.Response:
        """POST below the root."""
        headers = {"Content-Type": content_type, "Accept": "application/dicom+json"}
        return self.session.post(
            self.root + path, data=body, headers=headers, timeout=TIMEOUT_SECONDS
        )

    @property
    def series_path(self) -> str:
        """The series, below the root."""
        return f"/studies/{self.study}/series/{self.series}"

    @property
    def instance_path(self) -> str:
        """The first instance, below the root."""
        return f"{self.series_path}/instances/{self.instances[0]}"


@dataclass(frozen=True)
class Check:
    """One requirement: its name, its section of PS3.18, and the function that looks."""

    name: str
    section: str
    look: Callable[[Server], None]


@dataclass(frozen=True)
class Result:
    """What a check found; `fault` is empty when the server passed."""

    check: Check
    fault: str


CHECKS: list[Check] = []


def check(section: str) -> Callable[[Callable[[Server], None]], Callable[[Server], None]]:
    """Register a check. Its docstring is the requirement; an AssertionError says what is wrong."""

    def register(look: Callable[[Server], None]) -> Callable[[Server], None]:
        name = (look.__doc__ or look.__name__).strip().splitlines()[0].rstrip(".")
        CHECKS.append(Check(name, section, look))
        return look

    return register


def run(server: Server, modules: Sequence[str]) -> list[Result]:
    """Run the checks of these modules, in their order."""
    chosen = [each for name in modules for each in CHECKS if each.look.__module__ == name]
    return [Result(each, _fault(each, server)) for each in chosen]


def _fault(each: Check, server: Server) -> str:
    try:
        each.look(server)
    except AssertionError as error:
        return str(error) or "not as required"
    except (requests.RequestException, ValueError, KeyError, IndexError, TypeError) as error:
        return f"the answer could not be used ({type(error).__name__})"
    return ""
