"""What shows that an edge, or this store, went back in time, and what is in doubt since."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cloud.store.types import Moment, RowId

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("edges", sa.Column("outbox_acked", RowId, server_default="0", nullable=False))
    op.add_column("edges", sa.Column("linked", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("edges", sa.Column("doubt_at", Moment, nullable=True))
    op.add_column("edges", sa.Column("doubt_stream", sa.String(length=64), server_default="", nullable=False))
    op.add_column("edges", sa.Column("doubt_seq", RowId, server_default="0", nullable=False))
    op.add_column("applied", sa.Column("mark", sa.String(length=64), server_default="", nullable=False))
