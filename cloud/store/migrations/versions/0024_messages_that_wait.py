"""Messages that wait for a channel are found at once, by whose they are and to whom."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    waits = sa.text("status = 'queued' AND channel IS NULL")
    op.create_index(
        "ix_messages_waiting", "messages", ["sender", "recipient", "id"], sqlite_where=waits, postgresql_where=waits
    )
