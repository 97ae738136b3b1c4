"""Releases for edges, and how each edge fared with each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from cloud.store.types import Moment

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "releases",
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("version", sa.String(length=40), nullable=False),
        sa.Column("channel", sa.String(length=40), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("percent", sa.Float(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("created_at", Moment(), nullable=False),
        sa.Column("staged_at", Moment(), nullable=True),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_releases")),
    )
    op.create_table(
        "edge_updates",
        sa.Column("edge", sa.String(length=63), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", Moment(), nullable=False),
        sa.PrimaryKeyConstraint("edge", "sha256", "attempt", name=op.f("pk_edge_updates")),
    )
