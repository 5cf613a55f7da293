"""Removes what the suite stored, where the server lets it.

Standard: none; PS3.18 has no transaction that deletes.
"""

import contextlib

import requests

from conformance.server import Server

__all__ = ["clean"]

_UNSUPPORTED = (404, 405, 501)


def clean(server: Server) -> bool:
    """DELETE every study that the server said it had stored; tell whether that worked."""
    with contextlib.suppress(requests.RequestException):
        for study in server.studies:
            status = server.request("DELETE", f"/studies/{study}").status_code
            if status in _UNSUPPORTED[1:]:
                return False
        return True
    return False
