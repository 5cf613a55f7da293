"""What takes time in every test and is the point of none, made short for a whole run.

Most tests of pages make an application of their own. To compile its templates and the functions
that build its addresses would take longer than what they test; so would hashing of passwords, which
is slow on purpose. Servers that are processes of their own take no shortcuts.
"""

from collections.abc import Callable

from argon2 import PasswordHasher
from flask import Flask
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule

import accounts.people
import cases.share_tries

__all__ = ["compile_once", "hash_quickly"]


class Remembered(BytecodeCache):
    """Compiled templates by name and source; Jinja compares the source's digest itself."""

    def __init__(self) -> None:
        self._known: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if bucket.key in self._known:
            bucket.bytecode_from_string(self._known[bucket.key])

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._known[bucket.key] = bucket.bytecode_to_string()


def compile_once() -> None:
    """Let every application that is made from here on share what it compiles."""
    Flask.jinja_options = {**Flask.jinja_options, "bytecode_cache": Remembered()}
    compile_builder = Rule._compile_builder
    known: dict[object, Callable[..., tuple[str, str]]] = {}

    def remembered(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        # The function gets its rule at each call; it depends on nothing but these.
        depends_on = (rule.rule, tuple(rule._trace), repr(rule.defaults), append_unknown)
        if depends_on not in known:
            known[depends_on] = compile_builder(rule, append_unknown)
        return known[depends_on]

    setattr(Rule, "_compile_builder", remembered)  # noqa: B010 - mypy knows methods as constant


def hash_quickly() -> None:
    """Hash passwords at the least cost that argon2 knows."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    accounts.people._hasher = cases.share_tries._hasher = quick
