"""Secrets that must be read again are sealed, under a key that is not in the database.

What waits in the outbox is left as it is: it goes within minutes, and its edge forgets it.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import context, op

revision = "0023"
down_revision = "0022"

_SEALED = (
    ("accounts", "sid", ("auth_token", "secondary_token", "media_key")),
    ("operators", "name", ("totp_secret",)),
    ("validations", "call", ("code",)),
)


def upgrade() -> None:
    for name, _, columns in _SEALED:
        with op.batch_alter_table(name, table_kwargs={"sqlite_autoincrement": name == "accounts"}) as table:
            for column in columns:
                table.alter_column(column, type_=sa.Text())
    for name, identity, columns in (*_SEALED, ("messages", "sid", ("secret_body",))):
        for column in columns:
            _seal(name, identity, column)


def _seal(name: str, identity: str, column: str) -> None:
    conn, seals = op.get_bind(), context.config.attributes["seals"]
    table = sa.table(name, sa.column(identity), sa.column(column))
    key, value = table.c[identity], table.c[column]
    for whose, plain in conn.execute(sa.select(key, value).where(value != "")).all():
        seals.tend()
        sealed = seals.seal(f"{name}.{column}\0{whose}", plain)
        conn.execute(sa.update(table).where(key == whose).values({column: sealed}))
