"""What accounts may spend, what they have, and what is blocked for them."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from alembic import op

from cloud.store.types import Moment

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    _of_account("account_caps", (), sa.Column("settings", sa.JSON(), nullable=False))
    counted = [sa.Column(name, sa.Integer(), nullable=False) for name in ("hour", "in_hour", "day", "in_day")]
    _of_account("cap_uses", (sa.Column("what", sa.String(length=16), nullable=False),), *counted)
    keys = (
        sa.Column("what", sa.String(length=16), nullable=False),
        sa.Column("target", sa.String(length=64), nullable=False),
    )
    counted = [sa.Column(name, sa.Integer(), nullable=False) for name in ("hour", "in_hour")]
    _of_account("cap_targets", keys, *counted)
    op.create_index("ix_cap_targets_hour", "cap_targets", ["hour"])
    prefix = sa.Column("prefix", sa.String(length=16), nullable=False)
    why = sa.Column("why", sa.Text(), nullable=False)
    _of_account("cap_blocks", (prefix,), why, sa.Column("until", Moment(), nullable=False))


def _of_account(name: str, keys: tuple[sa.Column[str], ...], *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("account", sa.String(length=34), nullable=False),
        *keys,
        *columns,
        sa.ForeignKeyConstraint(["account"], ["accounts.sid"], name=f"fk_{name}_account"),
        sa.PrimaryKeyConstraint("account", *(key.name for key in keys), name=f"pk_{name}"),
    )
