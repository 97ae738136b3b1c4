"""API keys, and the token that is to follow an account's present one."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cloud.store.types import Moment, RowId

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "keys",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("friendly_name", sa.Text(), nullable=False),
        sa.Column("secret_sha256", sa.String(length=64), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_keys_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keys")),
        sa.UniqueConstraint("sid", name=op.f("uq_keys_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_keys_account_id", "keys", ["account", "id"])
    op.add_column("accounts", sa.Column("secondary_token", sa.String(length=64), server_default="", nullable=False))
