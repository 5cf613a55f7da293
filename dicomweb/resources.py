"""What a path names: a study, a series or an instance, and the instances behind it.

Standard: PS3.18 10.1 (resources of the Studies service).
Not here: reading the path (`dicomweb.blueprint`), who may see what (`store.access`).
"""

from dataclasses import dataclass

from dicomweb.errors import NotFound
from dicomweb.links import is_uid
from store.access import Scope
from store.retrieve import Archive, StoredInstance

__all__ = ["Resource", "find"]


@dataclass(frozen=True, slots=True)
class Resource:
    """A study, or a series or an instance of it, as the path names it."""

    study: str
    series: str | None = None
    instance: str | None = None

    @property
    def uid(self) -> str:
        """The UID of what is named."""
        return self.instance or self.series or self.study


def find(archive: Archive, scope: Scope, resource: Resource) -> list[StoredInstance]:
    """Return the instances of the resource that the caller may see; at least one.

    Raises:
        NotFound: there is none, or none for this caller.
    """
    uids = (resource.study, resource.series, resource.instance)
    if not all(uid is None or is_uid(uid) for uid in uids) or not (
        refs := archive.instances(scope, *uids)
    ):
        raise NotFound("There is no such study, series or instance here.")
    return refs[:1] if resource.instance is not None else refs
