"""Lists what the product promises, row by row, with the tests that say they show it.

Run by `make promises`; the rows are in `tests/promises.toml`, the tests name them by a mark.
"""

import ast
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parent
TABLE = TESTS / "promises.toml"
NONE_YET = "none yet"


def promises() -> dict[str, dict[str, str]]:
    """The rows by section and name."""
    return tomllib.loads(TABLE.read_text("utf-8"))


def shown() -> dict[str, list[str]]:
    """The tests that name each row, as pytest calls them."""
    found: dict[str, list[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        if "node_modules" in path.parts or "build" in path.parts:
            continue
        tree = ast.parse(path.read_text("utf-8"))
        whole = {row for mark in _marks_of_module(tree) for row in mark}
        for node in ast.walk(tree):
            if not isinstance(node, ast.FunctionDef) or not node.name.startswith("test_"):
                continue
            rows = whole.union(*(_rows(one) for one in node.decorator_list))
            for row in rows:
                name = f"{path.relative_to(TESTS.parent).as_posix()}::{node.name}"
                found.setdefault(row, []).append(name)
    return found


def report() -> str:
    """The list, as Markdown."""
    by_row = shown()
    sections = promises()
    rows = [row for section in sections.values() for row in section]
    done = sum(row in by_row for row in rows)
    lines = [
        "# Promises",
        "",
        f"Written by `make promises`: {done} of {len(rows)} rows have a test that names them.",
        "",
    ]
    for title, section in sections.items():
        lines += [f"## {title.capitalize()}", "", "| row | promise | tests |", "|---|---|---|"]
        for row, words in section.items():
            names = by_row.get(row)
            tests = "<br>".join(f"`{name}`" for name in names) if names else NONE_YET
            lines.append(f"| {row} | {words} | {tests} |")
        lines.append("")
    return "\n".join(lines)


def _marks_of_module(tree: ast.Module) -> Iterator[set[str]]:
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "pytestmark":
            value = node.value
            marks = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
            yield from (_rows(mark) for mark in marks)


def _rows(mark: ast.expr) -> set[str]:
    if not isinstance(mark, ast.Call) or ast.unparse(mark.func) != "pytest.mark.promise":
        return set()
    return {str(ast.literal_eval(argument)) for argument in mark.args}


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(report(), "utf-8")
