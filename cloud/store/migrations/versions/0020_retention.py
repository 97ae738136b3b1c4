"""How long accounts keep messages, recordings and calls; 0: for ever."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    kept = sa.Column("message_retention", sa.String(length=10), server_default="redacted", nullable=False)
    op.add_column("accounts", kept)
    for name in ("message_days", "recording_days", "call_days"):
        op.add_column("accounts", sa.Column(name, sa.Integer(), server_default="0", nullable=False))
