"""An account's edges are found at once, however many edges there are."""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"


def upgrade() -> None:
    op.create_index("ix_edges_account", "edges", ["account"])
