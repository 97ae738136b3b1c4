"""Recordings that are still on their way are looked for all the time, among very many that are not."""

from __future__ import annotations

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_index("ix_recordings_status", "recordings", ["status"])
