"""Messages that are sent again when nobody knows whether they went."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.add_column("messages", sa.Column("repeat", sa.Boolean(), server_default=sa.false(), nullable=False))
