"""Bare receivers: what the machine can do at most when bytes arrive and are made durable.

May import: nothing of the other packages of this project. Each module here is a program of its own
(``python -m bench.floors.http PORT FOLDER``), or runs in a web server, and understands no more of
its protocol than it must.

Entry points: ``http`` (STOW-RS shaped), ``dimse`` (C-STORE shaped, plain sockets), ``pynetdicom``
(C-STORE shaped, on the library that this server uses as well), ``wsgi`` (reads files, in the web
server that this server uses as well).
"""

__all__: list[str] = []
