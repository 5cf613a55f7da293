"""Where people go next: the page they came for, if it is one of this server.

Not here: the library's own redirects, which it checks itself.
"""

from flask import request, url_for

__all__ = ["way_back"]


def way_back() -> str:
    """The path that the request names as `next`, or the list of studies."""
    wanted = request.args.get("next", "")
    # "//host" and "/\host" lead away from here.
    if wanted.startswith("/") and wanted[1:2] not in ("/", "\\") and wanted.isprintable():
        return wanted
    return url_for("pages.uploads")
