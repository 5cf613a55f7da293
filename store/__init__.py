"""The archive itself: index, blobs, the one way in, search and retrieval.

May import: deid; SQLAlchemy, boto3, pydicom, numpy, pylibjpeg and its plug-ins, Pillow,
cryptography. Knows no HTTP, no DIMSE and no account beyond a number.

Entry points: `store.ingest.Ingest` is the only code that writes an instance;
`store.search.search` and `store.retrieve.Archive` read, both within a `store.access.Scope`.
"""
