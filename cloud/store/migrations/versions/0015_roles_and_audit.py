"""Operators have roles and a second factor, the audit log, and what accounts may set of rates and recordings."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cloud.store.types import Moment

revision = "0015"
down_revision = "0014"

_SQLITE = "CREATE TRIGGER audit_no_{what} BEFORE {what} ON audit BEGIN SELECT RAISE(ABORT, 'append only'); END"
_POSTGRES = (
    "CREATE FUNCTION audit_append_only() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN RAISE EXCEPTION 'append only'; END $$",
    "CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit"
    " FOR EACH STATEMENT EXECUTE FUNCTION audit_append_only()",
)


def upgrade() -> None:
    op.add_column("operators", sa.Column("role", sa.String(length=10), server_default="operator", nullable=False))
    op.add_column("operators", sa.Column("account", sa.String(length=34), nullable=True))
    op.add_column("operators", sa.Column("disabled", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("operators", sa.Column("stamp", sa.String(length=32), server_default="", nullable=False))
    op.add_column("operators", sa.Column("totp_secret", sa.String(length=64), server_default="", nullable=False))
    op.add_column("operators", sa.Column("totp_step", sa.BigInteger(), server_default="0", nullable=False))
    op.add_column("operators", sa.Column("recovery", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("accounts", sa.Column("requests_per_s", sa.Integer(), nullable=True))
    op.add_column(
        "accounts", sa.Column("media_access", sa.String(length=16), server_default="authenticated", nullable=False)
    )
    op.add_column("accounts", sa.Column("media_key", sa.String(length=64), server_default="", nullable=False))
    op.add_column("accounts", sa.Column("media_link_s", sa.Integer(), server_default="604800", nullable=False))
    op.create_table(
        "audit",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.Column("who", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("result", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.Column("before", sa.String(length=64), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_who_number", "audit", ["who", "number"])
    lite = op.get_bind().dialect.name == "sqlite"
    for statement in [_SQLITE.format(what=what) for what in ("UPDATE", "DELETE")] if lite else _POSTGRES:
        op.execute(statement)
