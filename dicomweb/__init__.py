"""The DICOMweb edge: PS3.18 Studies service over whatever a caller may see.

May import: store, and the error tree of deid; Flask, pydicom. Knows no account, no session and no
page: a `store.access.Gate` says who may do what.

Entry point: `create_blueprint` makes the routes of one root.
"""

from dicomweb.blueprint import create_blueprint

__all__ = ["create_blueprint"]
