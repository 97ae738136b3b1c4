"""Who answered a call: a person, a machine, a fax."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("calls", sa.Column("answered_by", sa.String(length=24), nullable=True))
    op.add_column("calls", sa.Column("machine_first", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("calls", sa.Column("machine_callback_url", sa.Text(), server_default="", nullable=False))
    op.add_column("calls", sa.Column("machine_callback_method", sa.String(4), server_default="POST", nullable=False))
