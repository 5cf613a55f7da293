"""What Alembic runs for each command: it uses the connection that the caller gives it."""

from alembic import context

from server.migrations import target

connection = context.config.attributes["connection"]
# One transaction for all revisions, on SQLite, too: it has the lock for writing from its beginning,
# so that of several commands that find an old database one migrates, and the others wait for it.
context.configure(
    connection=connection,
    target_metadata=target,
    render_as_batch=True,
    transactional_ddl=True,
)
with context.begin_transaction():
    if connection.dialect.name == "postgresql":
        # Several nodes may start at the same time; one migrates, the others wait for it.
        connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7239115)")
    context.run_migrations()
connection.commit()
