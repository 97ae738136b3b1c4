"""The metadata that all tables belong to, and the columns that many of them have alike."""

from __future__ import annotations

from sqlalchemy import Column, ForeignKey, MetaData, String, Text

from cloud.store.types import Moment, RowId

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def id_column() -> Column[int]:
    return Column("id", RowId, primary_key=True, autoincrement=True)


def sid_column() -> Column[str]:
    return Column("sid", String(34), nullable=False, unique=True)


def account_column() -> Column[str]:
    return Column("account", String(34), ForeignKey("accounts.sid"), nullable=False)


def hook_columns(name: str) -> tuple[Column[str], Column[str]]:
    return (
        Column(f"{name}_url", Text, nullable=False, server_default=""),
        Column(f"{name}_method", String(4), nullable=False, server_default="POST"),
    )


def made_columns() -> tuple[Column[object], Column[object]]:
    return Column("created_at", Moment, nullable=False), Column("updated_at", Moment, nullable=False)
