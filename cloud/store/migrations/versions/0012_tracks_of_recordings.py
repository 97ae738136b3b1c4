"""Which way of a call a recording holds."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("recordings", sa.Column("track", sa.String(length=10), server_default="both", nullable=False))
