"""Media streams of calls."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cloud.store.types import Moment, RowId

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "streams",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("call", sa.String(length=34), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_streams_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_streams")),
        sa.UniqueConstraint("sid", name=op.f("uq_streams_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_streams_call", "streams", ["call"])
