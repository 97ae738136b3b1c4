"""Applications, what numbers refer to them, the kind of a number, and caller ids that are validated."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cloud.store.types import Moment, RowId

revision = "0006"
down_revision = "0005"


def _hook(name: str) -> tuple[sa.Column[str], sa.Column[str]]:
    return (
        sa.Column(f"{name}_url", sa.Text(), server_default="", nullable=False),
        sa.Column(f"{name}_method", sa.String(length=4), server_default="POST", nullable=False),
    )


def upgrade() -> None:
    op.create_table(
        "applications",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("friendly_name", sa.Text(), nullable=False),
        *_hook("voice"),
        *_hook("voice_fallback"),
        *_hook("status_callback"),
        *_hook("sms"),
        *_hook("sms_fallback"),
        sa.Column("sms_status_callback", sa.Text(), server_default="", nullable=False),
        sa.Column("message_status_callback", sa.Text(), server_default="", nullable=False),
        sa.Column("public", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_applications_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_applications")),
        sa.UniqueConstraint("sid", name=op.f("uq_applications_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_applications_account_id", "applications", ["account", "id"])
    op.create_table(
        "outgoing_caller_ids",
        sa.Column("id", RowId, autoincrement=True, nullable=False),
        sa.Column("sid", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("friendly_name", sa.Text(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("updated_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_outgoing_caller_ids_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_outgoing_caller_ids")),
        sa.UniqueConstraint("sid", name=op.f("uq_outgoing_caller_ids_sid")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_outgoing_caller_ids_account_id", "outgoing_caller_ids", ["account", "id"])
    op.create_index("uq_outgoing_caller_ids_account_number", "outgoing_caller_ids", ["account", "number"], unique=True)
    op.create_table(
        "validations",
        sa.Column("call", sa.String(length=34), nullable=False),
        sa.Column("account", sa.String(length=34), nullable=False),
        sa.Column("number", sa.String(length=32), nullable=False),
        sa.Column("friendly_name", sa.Text(), nullable=False),
        sa.Column("code", sa.String(length=6), nullable=False),
        sa.Column("tries", sa.Integer(), server_default="0", nullable=False),
        sa.Column("caller_id", sa.String(length=34), nullable=True),
        sa.Column("created_at", Moment(), nullable=False),
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=op.f("fk_validations_account")),
        sa.PrimaryKeyConstraint("call", name=op.f("pk_validations")),
    )
    op.add_column("numbers", sa.Column("voice_application", sa.String(length=34), nullable=True))
    op.add_column("numbers", sa.Column("sms_application", sa.String(length=34), nullable=True))
    op.add_column("numbers", sa.Column("kind", sa.String(length=10), server_default="mobile", nullable=False))
