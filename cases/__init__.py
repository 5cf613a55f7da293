"""Teaching on top of what is stored: cases, versions, playlists, share links, reports, retention.

May import: store, accounts; SQLAlchemy, pydicom. Knows no HTTP and no Flask.

Entry points: `cases.cases` (making and editing), `cases.publishing` (versions), `cases.finding`
(what the public sees), `cases.access` (scopes of case and share roots), `cases.playlists`,
`cases.sharing`, `cases.reports`, `cases.retention`; each is a few functions on a
`store.db.Database`.
"""
