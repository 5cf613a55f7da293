"""The house rules: who imports whom, one door, docstrings, no settings read on the side."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OURS = {
    "deid": set(),
    "store": {"deid"},
    "accounts": {"store.db"},
    "cases": {"store", "accounts"},
    "dicomweb": {"store"},
    "dimse": {"store"},
    "viewer": {"cases", "accounts", "store"},
    "server": {"deid", "store", "accounts", "cases", "dicomweb", "dimse", "viewer"},
    "conformance": set(),
}
# The errors of de-identification pass through the store to the edges, which map them.
ERRORS_PASS = {("dicomweb", "deid"), ("dimse", "deid")}
THEIRS = {
    "deid": {"pydicom", "numpy"},
    "store": {
        "PIL",
        "boto3",
        "botocore",
        "cryptography",
        "imagecodecs",
        "jpeg_ls",
        "numpy",
        "openjpeg",
        "pydicom",
        "pylibjpeg",
        "rle",
        "sqlalchemy",
    },
    "accounts": {"argon2", "sqlalchemy"},
    "cases": {"argon2", "sqlalchemy"},
    "dicomweb": {"flask", "pydicom", "werkzeug"},
    "dimse": {"pydicom", "pynetdicom"},
    "viewer": {
        "flask",
        "flask_login",
        "flask_security",
        "flask_wtf",
        "markdown_it",
        "markupsafe",
        "nh3",
        "sqlalchemy",
        "webauthn",
        "werkzeug",
        "wtforms",
    },
    "server": {
        "alembic",
        "click",
        "flask",
        "granian",
        "prometheus_client",
        "pydicom",
        "pynetdicom",
        "sqlalchemy",
        "urllib3",
        "werkzeug",
    },
    "conformance": {"pydicom", "requests"},
}
ONE_MODULE = {
    "boto3": "store/blobs_s3.py",
    "stripe": "accounts/billing/",
    "argon2": ("accounts/", "cases/"),
    "prometheus_client": "server/",
    "flask_security": ("viewer/security/", "viewer/sign_in.py"),
    "webauthn": "viewer/security/",
    "nh3": "viewer/markdown.py",
    "markdown_it": "viewer/markdown.py",
    "urllib3": "server/dicomweb_client.py",
}
STANDARD = __import__("sys").stdlib_module_names
PACKAGES = sorted(name for name in OURS if (ROOT / name / "__init__.py").is_file())


@cache
def tree(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


def modules(package: str) -> list[Path]:
    return sorted(p for p in (ROOT / package).rglob("*.py") if "node_modules" not in p.parts)


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide who imports whom"
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_the_design_allows(package: str) -> None:
    wrong = []
    for path in modules(package):
        for name in imported(path):
            top = name.partition(".")[0]
            if top in STANDARD or top == package or top in THEIRS[package]:
                continue
            allowed = any(name == one or name.startswith(f"{one}.") for one in OURS[package])
            parent = any(one.startswith(f"{name}.") for one in OURS[package])
            if not (allowed or parent or (package, top) in ERRORS_PASS):
                wrong.append(f"{relative(path)} imports {name}")
    assert wrong == []


@pytest.mark.parametrize(("library", "place"), ONE_MODULE.items())
def test_a_library_is_imported_in_one_place(library: str, place: str | tuple[str, ...]) -> None:
    wrong = [
        relative(path)
        for package in PACKAGES
        for path in modules(package)
        if library in {name.partition(".")[0] for name in imported(path)}
        and not relative(path).startswith(place)
    ]
    assert wrong == []


def calls(path: Path) -> Iterator[tuple[str, ast.Call]]:
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


def test_only_ingest_writes_an_instance() -> None:
    """One door: making a blob, and indexing an instance, happen in one module each."""
    makers, writers, inserts, movers = set(), set(), set(), set()
    for package in PACKAGES:
        for path in modules(package):
            for name, call in calls(path):
                if name.endswith("blobs.create"):
                    makers.add(relative(path))
                if name.endswith("blobs.begin_copy"):
                    movers.add(relative(path))
                if name.endswith("write_entries"):
                    writers.add(relative(path))
                arguments = {ast.unparse(argument) for argument in call.args}
                tables = {"instance", "schema.instance", "series", "schema.series", "study"}
                if name.rpartition(".")[2] in ("insert", "insert_if_new", "_get_or_add"):
                    inserts |= {relative(path)} if arguments & tables else set()
    assert makers == {"store/ingest.py"}
    assert movers == {"store/private_blobs.py"}
    assert writers == {"store/ingest.py"}
    assert inserts == {"store/indexing.py"}


def test_only_the_settings_read_the_environment() -> None:
    readers = {
        relative(path)
        for package in PACKAGES
        for path in modules(package)
        for node in ast.walk(tree(path))
        if isinstance(node, ast.Attribute)
        and ast.unparse(node) in ("os.environ", "os.getenv", "os.environb")
    }
    # server.jobs writes the settings there for the web workers, which load them again.
    assert readers == {"server/config.py", "server/jobs.py"}


@pytest.mark.parametrize("package", PACKAGES)
def test_every_module_says_what_it_is_for(package: str) -> None:
    silent = [relative(path) for path in modules(package) if not ast.get_docstring(tree(path))]
    assert silent == []
    said = ast.get_docstring(tree(ROOT / package / "__init__.py")) or ""
    assert "May import" in said


def test_exported_names_exist() -> None:
    missing = []
    for package in PACKAGES:
        for path in modules(package):
            body = tree(path).body
            names = {n for node in body for n in _defined(node)}
            for name in _exported(body):
                if name not in names:
                    missing.append(f"{relative(path)}: {name}")
    assert missing == []


def _exported(body: list[ast.stmt]) -> list[str]:
    for node in body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            return [str(name) for name in ast.literal_eval(node.value)]
    return []


def _defined(node: ast.stmt) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
        yield node.name
    elif isinstance(node, ast.Import | ast.ImportFrom):
        yield from (alias.asname or alias.name.partition(".")[0] for alias in node.names)
    elif isinstance(node, ast.Assign):
        yield from (ast.unparse(target) for target in node.targets)
    elif isinstance(node, ast.AnnAssign):
        yield ast.unparse(node.target)
