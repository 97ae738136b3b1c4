"""A release may be urgent: edges fetch it without regard to their data budgets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("releases", sa.Column("urgent", sa.Boolean(), server_default=sa.false(), nullable=False))
