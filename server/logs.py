"""The log: as text, or one JSON object a line.

    {"at": "2026-05-12T14:30:00+00:00", "level": "info", "from": "requests", "method": "GET",
     "route": "/cases/<code>", "status": 200, "ms": 12}

Invariants: a line of a request has the template of its route and never its path or query, which may
hold what somebody searched for, or the secret of a share link; of an error its class and its place
in our code are said, and not its text; of other people's libraries only that they had something to
say. No line has an e-mail address, a token or a value of a data set.
Not here: which libraries see data sets and are silent (`server.quiet`).
"""

import json
import logging
import sys
from datetime import UTC, datetime
from types import TracebackType
from typing import Final, TextIO

from server.config import Settings
from server.errors import ConfigError

__all__ = ["check_log_format", "log_request", "set_up_log"]

FORMATS: Final = ("text", "json")
OURS: Final = ("accounts", "cases", "deid", "dicomweb", "dimse", "server", "store", "viewer")
REQUESTS: Final = "server.requests"


def check_log_format(settings: Settings) -> None:
    """Make sure that the setting can be used.

    Raises:
        ConfigError: it cannot.
    """
    if settings.log_format not in FORMATS:
        raise ConfigError(f"The setting log_format is one of {', '.join(FORMATS)}.")


def set_up_log(settings: Settings, stream: TextIO | None = None) -> None:
    """Write the log of this process as the settings say."""
    if settings.log_format != "json":
        return
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_Lines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger(REQUESTS).setLevel(logging.INFO)
    # Flask brings a handler of its own.
    logging.getLogger("viewer").propagate = True


def log_request(method: str, route: str, status: int, took: float) -> None:
    """Write the line of a request; a `server.metrics.Seen`."""
    said = {"method": method, "route": route, "status": status, "ms": round(took * 1000)}
    logging.getLogger(REQUESTS).info("request", extra={"said": said})


class _Lines(logging.Formatter):
    """Each record as a JSON object."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        source = record.name.partition(".")[0]
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name.removeprefix("server."),
        }
        said = getattr(record, "said", None)
        if isinstance(said, dict):
            line |= said
        elif source in OURS and record.exc_info is None:
            line["message"] = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
            line["where"] = _where(record.exc_info[2])
        return json.dumps(line, ensure_ascii=False)


def _where(trace: TracebackType | None) -> str:
    """The last place in our code, as file and line."""
    found = ""
    while trace is not None:
        name = trace.tb_frame.f_globals.get("__name__", "")
        if name.partition(".")[0] in OURS:
            found = f"{name}:{trace.tb_lineno}"
        trace = trace.tb_next
    return found
