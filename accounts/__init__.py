"""People and what acts for them: accounts, sign-in links, tokens, AE titles, peers.

May import: store.db; SQLAlchemy, argon2. Knows no HTTP and no DIMSE.

Entry points: `accounts.people`, `accounts.signin`, `accounts.tokens`, `accounts.ae_titles`,
`accounts.peers`, `accounts.reach`; each is a few functions on a `store.db.Database`.
"""
