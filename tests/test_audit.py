"""Who did what to which: what people change is in the audit, whichever way they do it.

A function of `accounts`, `cases` or `store` that writes either notes what it does in its own
transaction, or each function of a page, an edge or a command that calls it does; or it is in one of
the tables below, with the reason why nobody is told of it.
"""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
DOMAIN = ("accounts", "cases", "store")
CALLERS = ("viewer", "server", "dicomweb", "dimse")
NOTES = {"note", "noted", "_note", "record", "_record"}

ITS_OWN_RECORD = {
    "accounts/sessions.py": "a session is a row with beginning and last use, shown to its owner",
    "accounts/messages.py": "a message is a row that administrators see",
    "accounts/terms.py": "what was accepted is a row with version and time",
    "cases/share_openings.py": "an opening is a row, and counted at its link",
    "store/jobs.py": "a job is a row; what it sends or fetches is noted for each study",
    "store/together.py": "arrivals: a series is a row with its time and the way it came",
    "cases/storage.py": "only tells an owner",
}
NOBODY_DID_IT = {
    "cases/leaving.py": {"forget": "the account's deletion is noted; these are its files"},
    "cases/retention.py": {"_forget_exempt": "changes nothing that anybody sees"},
    "store/keys.py": {
        "KeyRing.new_upload": "part of an arrival",
        "KeyRing.rewrap": "`readingroom secret` says what it did; nothing of an account changes",
        "KeyRing.forget_unreadable": "`readingroom secret` says what it did",
        "KeyRing._wrapped": "a key that is made when it is first asked for",
    },
    "store/private_blobs.py": {
        "doubt": "moves files",
        "_begun": "moves files",
        "_finish": "moves files",
        "_move": "moves files",
    },
    "store/replacing.py": {"sweep": "deletes files whose rows are gone"},
    "store/search_words.py": {"_changed": "an index is put together; what is found stays"},
    "accounts/signin.py": {"redeem_link": "begins a session"},
    "accounts/passkeys.py": {"use_passkey": "counts a sign-in"},
}
# The library tells what was done by its signals, which `viewer.security.joining` notes.
BY_THE_LIBRARY = {
    "add_credentials",
    "change_credentials",
    "add_passkey",
    "remove_passkey",
    "end_sessions",
}


@cache
def functions(package: str) -> list[tuple[str, str, ast.FunctionDef]]:
    """The functions of a package: their module, their name with that of their class, and they."""
    found = []
    for path in sorted((ROOT / package).rglob("*.py")):
        place = path.relative_to(ROOT).as_posix()
        if "node_modules" in path.parts or "migrations" in path.parts or place == "store/audit.py":
            continue
        module = ast.parse(path.read_text("utf-8"))
        of_class = {
            id(node): f"{one.name}.{node.name}"
            for one in ast.walk(module)
            if isinstance(one, ast.ClassDef)
            for node in one.body
            if isinstance(node, ast.FunctionDef)
        }
        for node in ast.walk(module):
            if isinstance(node, ast.FunctionDef):
                found.append((place, of_class.get(id(node), node.name), node))
    return found


def called(function: ast.AST) -> set[str]:
    return {
        node.func.attr if isinstance(node.func, ast.Attribute) else node.func.id
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Attribute, ast.Name))
    }


def unnoted() -> Iterator[tuple[str, str]]:
    """Functions of the domain that change something and do not note it."""
    for package in DOMAIN:
        for place, name, function in functions(package):
            if ".write()" in ast.unparse(function) and not called(function) & NOTES:
                yield place, name


@cache
def calls_of(package: str) -> list[tuple[str, ast.FunctionDef, frozenset[str]]]:
    """The functions of a package with what they call themselves, not within one of their own."""
    found = []
    for place, _, function in functions(package):
        inner = {
            id(node)
            for one in ast.walk(function)
            if isinstance(one, ast.FunctionDef) and one is not function
            for node in ast.walk(one)
        }
        calls = (n for n in ast.walk(function) if isinstance(n, ast.Call) and id(n) not in inner)
        found.append((place, function, frozenset(ast.unparse(node.func) for node in calls)))
    return found


def callers_of(name: str, packages: Iterable[str]) -> list[tuple[str, ast.FunctionDef]]:
    # A method is called on something that is named as its class is.
    wanted = name.lower()
    return [
        (place, function)
        for package in packages
        for place, function, calls in calls_of(package)
        if any(f".{one}".lower().endswith(f".{wanted}") for one in calls)
    ]


def is_noted(place: str, function: ast.FunctionDef) -> bool:
    """It notes what it does, or whatever calls it in its module does."""
    if called(function) & NOTES:
        return True
    package = place.partition("/")[0]
    here = [one for one in callers_of(function.name, [package]) if one[0] == place]
    return bool(here) and all(is_noted(*one) for one in here)


CHANGES_OF_PEOPLE = sorted(
    (place, name)
    for place, name in unnoted()
    if place not in ITS_OWN_RECORD and name not in NOBODY_DID_IT.get(place, {})
)


@pytest.mark.promise("F110")
@pytest.mark.parametrize(("place", "name"), CHANGES_OF_PEOPLE)
def test_what_people_change_is_noted_by_whoever_lets_them(place: str, name: str) -> None:
    if name in BY_THE_LIBRARY:
        return
    callers = callers_of(name, CALLERS)
    assert callers, f"{place}: {name} notes nothing, and nothing that does calls it"
    assert [f"{where}: {one.name}" for where, one in callers if not is_noted(where, one)] == []


def test_the_exceptions_are_what_they_say() -> None:
    silent = set(unnoted())
    for place in ITS_OWN_RECORD:
        assert any(one == place for one, _ in silent), place
    for place, names in NOBODY_DID_IT.items():
        assert {(place, name) for name in names} <= silent
    assert {name for _, name in silent} >= BY_THE_LIBRARY
