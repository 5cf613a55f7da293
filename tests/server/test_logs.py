"""The log as JSON: what a line has, and what it never has."""

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from io import StringIO

import pytest

from server.config import Settings
from server.errors import ConfigError
from server.logs import check_log_format, log_request, set_up_log


@pytest.fixture
def log() -> Iterator[StringIO]:
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = StringIO()
    set_up_log(Settings(log_format="json"), stream)
    yield stream
    root.handlers[:] = before
    root.setLevel(level)


def lines(log: StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_request_is_one_line_with_the_template_of_its_route(log: StringIO) -> None:
    log_request("GET", "/share/<secret>/dicomweb", 200, 0.0123)
    [line] = lines(log)
    assert line.pop("at")
    assert line == {
        "level": "info",
        "from": "requests",
        "method": "GET",
        "route": "/share/<secret>/dicomweb",
        "status": 200,
        "ms": 12,
    }


def test_of_an_error_its_class_and_place_are_said_and_not_its_text(log: StringIO) -> None:
    try:
        check_log_format(replace(Settings(), log_format="Zebedee\nQuillfeather"))
    except ConfigError:
        logging.getLogger("viewer").exception("Exception on /share/secret [GET]")
    [line] = lines(log)
    assert (line["error"], line["level"], line["from"]) == ("ConfigError", "error", "viewer")
    assert str(line["where"]).startswith("server.logs:")
    assert "secret" not in log.getvalue()
    assert "Quillfeather" not in log.getvalue()


def test_what_we_say_is_said_and_what_libraries_say_is_not(log: StringIO) -> None:
    logging.getLogger("server.worker").error("a job ended with %s", "KeyError")
    logging.getLogger("flask_security").warning("no user ines@northfield.example")
    ours, theirs = lines(log)
    assert (ours["message"], ours["from"]) == ("a job ended with KeyError", "worker")
    assert (theirs["from"], "message" in theirs) == ("flask_security", False)


def test_a_format_that_is_none_stops_the_start() -> None:
    with pytest.raises(ConfigError, match="text, json"):
        check_log_format(replace(Settings(), log_format="xml"))
    check_log_format(Settings())
