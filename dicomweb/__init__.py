"""The DICOMweb edge: PS3.18 Studies service over whatever a caller may see.

May import: store, and the error tree of deid; Flask, pydicom. Knows no account, no session and no
page: a `store.access.Gate` says who may do what.

Entry points: `create_blueprint` makes the routes of one root; `Direct` answers before the framework
what is asked by the thousand.
"""

from dicomweb.blueprint import create_blueprint
from dicomweb.direct import Direct

__all__ = ["Direct", "create_blueprint"]
