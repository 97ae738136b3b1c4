"""Alembic's entry: runs the scripts on the connection that ``cloud/store/migrate.py`` hands over."""

from __future__ import annotations

from alembic import context

from cloud.store.schema import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    transactional_ddl=True,  # SQLite's too: migrate.py begins the transaction
    render_as_batch=True,  # SQLite alters a table by copying it
    user_module_prefix="",
)
with context.begin_transaction():
    context.run_migrations()
