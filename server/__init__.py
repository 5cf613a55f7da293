"""The composition root: settings, the application, the command line, migrations.

May import: everything of ours; the command-line, migration and WSGI server libraries.

Entry points: `server.cli.main` is the command `readingroom`; `server.app.create_app` makes the
WSGI application.
"""
