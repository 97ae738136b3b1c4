"""What an application's cookies remember of those who write to it."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cloud.store.types import Moment, RowId

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("ours", sa.String(length=64), nullable=False),
        sa.Column("theirs", sa.String(length=64), nullable=False),
        sa.Column("cookies", sa.Text(), nullable=False),
        sa.Column("until", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_conversations_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_conversations")),
        sqlite_autoincrement=True,
    )
    op.create_index("uq_conversations_account_ours_theirs", "conversations", ["account", "ours", "theirs"], unique=True)
    op.create_index("ix_conversations_until", "conversations", ["until"])
