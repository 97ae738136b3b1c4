"""Edges have key pairs, show at each connection what they were given at the last, and can be shut out."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cloud.store.types import Moment

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    for name, length in (("public_key", 64), ("next_key", 64), ("join_accepted", 200), ("join_offered", 200)):
        op.add_column("edges", sa.Column(name, sa.String(length), nullable=False, server_default=""))
    op.add_column("edges", sa.Column("forgiven", sa.Boolean, nullable=False, server_default=sa.false()))
    op.add_column("edges", sa.Column("shut_at", Moment()))
    op.add_column("edges", sa.Column("shut_why", sa.String(40), nullable=False, server_default=""))
