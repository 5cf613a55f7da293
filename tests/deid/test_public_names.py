"""The package exports what it says, and nothing of ours is imported by it."""

import ast
from pathlib import Path

import deid
from deid import errors

FOLDER = Path(deid.__file__).parent


def test_exported_names_exist_and_are_sorted() -> None:
    assert all(hasattr(deid, name) for name in deid.__all__)
    assert sorted(deid.__all__) == deid.__all__


def test_every_error_is_exported_and_drawn() -> None:
    kinds = [
        name
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, errors.DeidError)
    ]
    assert set(kinds) <= set(deid.__all__)
    assert all(name in (errors.__doc__ or "") for name in kinds)


def test_only_the_allowed_packages_are_imported() -> None:
    ours = {"store", "dicomweb", "dimse", "accounts", "cases", "viewer", "server", "bench"}
    for path in FOLDER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            assert not ours & {name.split(".")[0] for name in names}, path.name
