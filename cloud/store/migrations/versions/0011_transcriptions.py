"""What was said in recordings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cloud.store.types import Moment, RowId

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "transcriptions",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("call", sa.String(length=34), nullable=False),
        sa.Column("recording", sa.String(length=34), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("duration_s", sa.Float(), nullable=False),
        sa.Column("callback_url", sa.Text(), server_default="", nullable=False),
        sa.Column("callback_method", sa.String(length=4), server_default="POST", nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_transcriptions_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_transcriptions")),
        sa.UniqueConstraint("sid", name=op.f("uq_transcriptions_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_transcriptions_account_id", "transcriptions", ["account", "id"])
    op.create_index(op.f("ix_transcriptions_recording"), "transcriptions", ["recording"])
    op.create_index(op.f("ix_transcriptions_status"), "transcriptions", ["status"])
