"""The subaccounts of an account are found at once, however many accounts there are."""

from __future__ import annotations

from alembic import op

revision = "0025"
down_revision = "0024"


def upgrade() -> None:
    op.create_index("ix_accounts_owner", "accounts", ["owner"])
