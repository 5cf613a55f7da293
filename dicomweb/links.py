"""Makes the URLs that answers hold: where studies, series, instances and bulk values are.

Standard: PS3.18 8.2 (target URIs), 10.4.1 (resources of the Studies service).
Invariants: a URL is made of the configured public address or of a Host header that is checked to
be one, which only a trusted proxy's word replaces; the path holds UIDs of the archive only.
Not here: reading a request's path (`dicomweb.blueprint`).
"""

import re
from typing import Final

from dicomweb.errors import BadRequest
from store.retrieve import StoredInstance

__all__ = ["instance_url", "is_uid", "resource_url", "root_url", "series_url", "study_url"]

_HOST: Final = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?\Z")
_UID: Final = re.compile(r"[0-9.]{1,64}\Z")


def root_url(public_base: str | None, scheme: str, host: str, prefix: str, path: str) -> str:
    """Return the URL of a DICOMweb root.

    Args:
        public_base: the configured address of this server, which goes before the request's.
        scheme: of the request.
        host: its Host header.
        prefix: the path below which a proxy shows the server; part of the configured address.
        path: of the root, with a slash at its start and none at its end.

    Raises:
        BadRequest: the Host header is no host.
    """
    if public_base is not None:
        return public_base.rstrip("/") + path
    if not _HOST.match(host):
        raise BadRequest("The Host header is not a host name.")
    return f"{scheme}://{host}{prefix}{path}"


def is_uid(text: str) -> bool:
    """Tell whether a text has the form of a UID; what has not can name nothing."""
    return _UID.match(text) is not None


def study_url(root: str, study: str) -> str:
    """Return where a study is."""
    return f"{root}/studies/{study}"


def series_url(root: str, study: str, series: str) -> str:
    """Return where a series is."""
    return f"{root}/studies/{study}/series/{series}"


def instance_url(root: str, ref: StoredInstance) -> str:
    """Return where an instance is."""
    return (
        f"{root}/studies/{ref.study_instance_uid}/series/{ref.series_instance_uid}"
        f"/instances/{ref.sop_instance_uid}"
    )


def resource_url(root: str, study: str, series: str | None, instance: str | None) -> str:
    """Return where a study, or a series or an instance of it, is."""
    url = study_url(root, study) if series is None else series_url(root, study, series)
    return url if instance is None else f"{url}/instances/{instance}"
